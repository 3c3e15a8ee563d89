// A pool as all workers share it: its options, its endpoints and its sessions.
//
// Why      This is where the two questions meet: which session (session/) and which endpoint
//          (upstream/).
// Owns     The binding table and what goes with it: searches, handshakes, revivals, keys; a share
// of
//          the snapshot.
// Threads  All that changes is safe from any thread; the rest is fixed after construction.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/token_bucket.h"
#include "http/head.h"
#include "relay/options.h"
#include "session/handshakes.h"
#include "session/keys.h"
#include "session/revivals.h"
#include "session/searches.h"
#include "session/table.h"
#include "session/tag.h"
#include "upstream/placement.h"
#include "upstream/pool_snapshot.h"

namespace ringside::relay {

// Which row of the routing table (docs/architecture.md) decides about a request, and the key it
// decides by.
enum class Row : std::uint8_t {
  bound,      // 1 and 2: the session's owner and no other
  unknown,    // 3: the ring owner of the session id, then the next along the ring
  lost,       // the loss policy: nobody, before the session is revived
  handle,     // 5: the ring owner of the handle
  cookie,     // mode cookie: the endpoint that the cookie names
  modern,     // 4: balanced
  placed,     // 6: placement by client identity
  by_client,  // mode client
  balanced,   // mode none
};

struct Routing {
  Row row = Row::placed;
  upstream::EndpointId owner = 0;  // with bound and cookie
  std::uint64_t ring_hash = 0;     // with unknown, handle, placed and by_client
};

// How long a session that is lost is answered 404 without asking anybody.
inline constexpr milliseconds kTombstoneTime = std::chrono::seconds(10);

class Pool {
 public:
  // `keys` sign and verify in the modes tag and cookie, and are empty in the others.
  Pool(PoolOptions options, std::size_t index,
       std::shared_ptr<const upstream::PoolSnapshot> snapshot, std::uint64_t table_seed,
       session::TagKeys keys);

  const PoolOptions& options() const { return options_; }
  std::size_t index() const { return index_; }
  // The field of the session's id.
  const http::FieldName& session_field() const { return session_field_; }
  // Names of the fields that decide where a request goes, as they are configured.
  std::span<const std::string> routing_fields() const { return routing_fields_; }
  const upstream::PoolSnapshot& snapshot() const { return *snapshot_; }
  session::Table& sessions() { return sessions_; }
  const session::Table& sessions() const { return sessions_; }
  session::Searches& searches() { return searches_; }
  session::Handshakes& handshakes() { return handshakes_; }
  session::Revivals& revivals() { return revivals_; }
  bool may_revive(Time now) { return revivals_left_.take(now); }

  // Modes tag and cookie. The endpoint that a code under one of the keys names, or nullptr; the tag
  // for an id that an endpoint issued; and an endpoint's code.
  const session::TagKeys& keys() const { return keys_; }
  const upstream::Endpoint* endpoint_of(const session::EndpointCode& code, std::size_t key) const;
  session::TagSuffix tag_for(std::string_view id, const upstream::Endpoint& endpoint) const;
  const session::EndpointCode& code_of(const upstream::Endpoint& endpoint) const;

  // The endpoint for a request, but none of `tried`; nullptr when none is left.
  const upstream::Endpoint* pick(const Routing& routing, Random& random,
                                 const upstream::Tried& tried) const;

  // The endpoint has lost its sessions: gone from the pool, or refusing for owner_grace.
  bool has_lost_sessions(const upstream::Endpoint* endpoint) const;

  // Ends the sessions of endpoints that have lost them; returns how many.
  std::size_t forget_lost_owners(Time now);
  // Another than any of the last 126.
  session::RevivalNumber next_revival() { return session::revival_number(revivals_begun_++); }

  // Ends one session whose owner has lost it, unless it was revived since.
  void forget_lost(session::Key key, const session::Binding& was, Time now);
  std::uint64_t lost_with_owner() const { return lost_with_owner_.load(); }

 private:
  PoolOptions options_;
  std::size_t index_;
  http::FieldName session_field_;
  std::vector<std::string> routing_fields_;
  std::shared_ptr<const upstream::PoolSnapshot> snapshot_;
  session::TagKeys keys_;
  session::EndpointCodes codes_;
  session::Table sessions_;
  session::Searches searches_;
  session::Handshakes handshakes_;
  session::Revivals revivals_;
  LockedTokenBucket revivals_left_;
  std::atomic<std::uint64_t> lost_with_owner_{0};
  std::atomic<std::uint32_t> revivals_begun_{0};
};

}  // namespace ringside::relay
