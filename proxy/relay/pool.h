// A pool as all workers share it: its options, its endpoints and its sessions.
//
// Why      This is where the two questions meet: which session (session/) and which endpoint
//          (upstream/).
// Owns     The binding table; a share of the snapshot.
// Threads  The table and the endpoints' counters are safe from any thread; the rest is fixed after
//          construction.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "base/random.h"
#include "relay/options.h"
#include "session/table.h"
#include "upstream/placement.h"
#include "upstream/pool_snapshot.h"

namespace ringside::relay {

// Which row of the routing table (docs/architecture.md) decides about a request, and the key it
// decides by.
enum class Row : std::uint8_t {
  bound,      // 1: the session's owner and no other
  unknown,    // 3: the ring owner of the session id
  modern,     // 4: balanced
  placed,     // 6: placement by client identity
  by_client,  // mode client
  balanced,   // mode none
};

struct Routing {
  Row row = Row::placed;
  upstream::EndpointId owner = 0;  // with Row::bound
  std::uint64_t ring_hash = 0;     // with unknown, placed and by_client
};

// How long a session that is lost is answered 404 without asking anybody.
inline constexpr milliseconds kTombstoneTime = std::chrono::seconds(10);

class Pool {
 public:
  Pool(PoolOptions options, std::size_t index,
       std::shared_ptr<const upstream::PoolSnapshot> snapshot, std::uint64_t table_seed);

  const PoolOptions& options() const { return options_; }
  std::size_t index() const { return index_; }
  const upstream::PoolSnapshot& snapshot() const { return *snapshot_; }
  session::Table& sessions() { return sessions_; }

  // The endpoint for a request, but none of `tried`; nullptr when none is left.
  const upstream::Endpoint* pick(const Routing& routing, Random& random,
                                 const upstream::Tried& tried) const;

  // The endpoint has lost its sessions: gone from the pool, or refusing for owner_grace.
  bool has_lost_sessions(const upstream::Endpoint* endpoint) const;

  // Ends the sessions of endpoints that have lost them; returns how many.
  std::size_t forget_lost_owners(Time now);
  // Ends one session whose owner has lost it.
  void forget_lost(session::Key key, session::OwnerId owner, Time now);
  std::uint64_t lost_with_owner() const { return lost_with_owner_.load(); }

 private:
  PoolOptions options_;
  std::size_t index_;
  std::shared_ptr<const upstream::PoolSnapshot> snapshot_;
  session::Table sessions_;
  std::atomic<std::uint64_t> lost_with_owner_{0};
};

}  // namespace ringside::relay
