// Which session a request belongs to, if any, and which era of the protocol it speaks.
//
// Why      The answer decides between the binding table, the ring and plain balancing; a wrong
//          guess breaks an agent.
// Errors   A duplicated or malformed id is reported, never repaired: two readers of one request
//          must not disagree. That holds in the modern era too. A good id is ignored there, but the
//          server behind may be of the older era, or go by the body's version, and would read what
//          the proxy did not; honest clients send neither form, so refusing both costs nobody a
//          session.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace ringside::session {

// Legacy: handshake and sessions, up to revision 2025-11-25. Modern: 2026-07-28 and later, no
// sessions.
enum class Era : std::uint8_t { legacy, modern };

enum class Claim : std::uint8_t {
  none,  // no session id, or an empty one; or a good one in a modern request, which has no session
  id,    // exactly one well-formed id
  duplicate,  // the field occurs more than once, be the values equal or empty
  malformed,  // a byte outside 0x21..0x7E inside the value
};

struct RequestIdentity {
  Claim claim = Claim::none;
  std::string_view id;  // with Claim::id; a view into the head
  Era era = Era::legacy;
  // The answer may issue a session: a POST that is legacy, or modern without Mcp-Method or with
  // "initialize".
  bool may_learn = false;
};

// `header` is the configured name of the session field (any case). The value is one opaque id,
// commas included. Modern is exactly one MCP-Protocol-Version that is a date of 2026-07-28 or
// later; everything else is legacy.
RequestIdentity identify(const http::RequestHead& head, const http::FieldName& header);

// The id that a response issues; empty when there is none, or several, or it is malformed.
// Says nothing about whether it may be learned: see learn.h.
std::string_view issued_id(const http::ResponseHead& head, const http::FieldName& header);

}  // namespace ringside::session
