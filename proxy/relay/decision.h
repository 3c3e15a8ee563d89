// Which row of the routing table (docs/architecture.md) decides about a request, and why: the
// rules, and nothing that follows of them.
//
// Why      An exchange carries a decision out; an operator's question (explain.h) is answered with
//          the same one, so it cannot be wrong about the rules.
// Owns     A decision holds views into the head that it is about.
// Bounds   One look at the table for each key that the request names.
// Threads  Any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "http/head.h"
#include "relay/failure.h"
#include "relay/pool.h"
#include "session/cookie.h"
#include "session/endpoint_event.h"
#include "session/identify.h"
#include "session/table.h"

namespace ringside::relay {

struct Shared;

// The rule that decided.
enum class Because : std::uint8_t {
  client_mode,    // mode client
  balanced_mode,  // mode none
  // the form of what the request claims
  duplicate_id,
  malformed_id,
  forged_tag,
  // no session
  handle_bound,
  handle_free,
  cookie,
  too_many_sessions,
  modern,
  modern_by_client,
  placement,
  // a session
  binding,
  provisional_binding,
  tag,
  too_many_streams,  // a bound session has as many as it may have
  tag_of_nobody,     // it names no endpoint of the pool
  unknown,
  owner_lost,  // bound, or so a tag says, to an owner that has lost its sessions
  lost,        // known to be lost
  deleted,
  nobody,              // every endpoint was asked a moment ago
  nobody_but_revives,  // the same, and the pool revives such sessions
};

struct Decision {
  Because because = Because::placement;
  Failure refused = Failure::none;
  Routing routing;  // the ring hash of a client is left to whoever knows the client
  session::Claim claim = session::Claim::none;
  session::Era era = session::Era::legacy;
  bool may_learn = false;

  // The session or handle that the request names.
  std::string_view id;   // without its tag
  std::string_view tag;  // with is_tagged
  session::Key key;
  std::uint64_t digest = 0;
  std::uint32_t path_hash = 0;
  bool has_key = false;    // key and digest are those of a session or handle
  bool is_tagged = false;  // by one of the pool's keys
  bool is_handle = false;
  bool is_stream = false;                              // a session of HTTP+SSE: the URL names it
  std::optional<session::SessionParameter> parameter;  // with is_stream

  session::Binding binding;                   // that was found
  const upstream::Endpoint* owner = nullptr;  // of the binding or tag, if the pool has it

  // What is to be done about the table.
  bool learns_tag = false;     // it knew less than the tag: `binding` is to be stored
  bool owner_is_lost = false;  // `binding` is to be ended
  bool unbinds = false;        // `binding` proved too little for this request, and is to go
  bool renews_cookie = false;  // the answer is to carry a new one
};

struct Look {
  Time now;
  session::sys_seconds wall_now;  // read in mode cookie alone
  bool counts_as_use = false;     // of the session that is found
};

// What speaks against a request before its session is asked for; `pool` is nullptr without a route.
Failure refusal_before_routing(const Shared& shared, std::size_t listener, const Pool* pool,
                               const http::RequestHead& head);

Decision decide(Pool& pool, const http::RequestHead& head, const Address& client, const Look& look);

// The same question once more about the session of an earlier decision, for this method.
struct Asked {
  session::Key key;
  std::uint64_t digest = 0;
  std::uint32_t path_hash = 0;
  std::uint64_t ring_hash = 0;
  http::Method method = http::Method::other;
  bool is_tagged = false;
  bool is_stream = false;
};
Decision decide_again(Pool& pool, const Asked& asked, const Look& look);

// The pool revives what is lost, of this kind of session.
bool revives(const Pool& pool, bool is_stream);
// A session that nobody knows may be revived.
bool may_revive_unknown(Pool& pool, session::Key key, bool is_stream);

// Sessions of HTTP+SSE are another kind than those of the header field: an id of either may look
// like one of the other.
session::Key key_of_session(const Pool& pool, std::string_view id, bool is_stream);

}  // namespace ringside::relay
