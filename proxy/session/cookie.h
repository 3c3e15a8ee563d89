// The cookie that keeps a client without a session on its endpoint: mode `cookie`.
//
// Why      Browsers and plain HTTP clients send cookies back by themselves. The value is a tag of
//          the endpoint, as in session ids, that also says when it lapses. It is the proxy's own
//          business: it is taken off before a request goes upstream.
// Bounds   A value has 27 characters of base64url, for 20 bytes: the endpoint's code (6), the time
//          it lapses (4, seconds since 2020-01-01, big endian) and a MAC of 80 bits over both.
//          Reading takes time in proportion to the Cookie fields, and allocates nothing.
// Time     Seconds of the wall clock, an argument, since cookies outlive proxies and go from one to
//          the other.
// Errors   What does not verify is a state of the cookie read; the caller places the client anew.
// Source   RFC 6265, 4.1.1 and 5.4.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/head.h"
#include "session/keys.h"
#include "session/options.h"
#include "session/tag.h"

namespace ringside::session {

using std::chrono::seconds;
using std::chrono::sys_seconds;

enum class CookieState : std::uint8_t {
  absent,
  invalid,  // made up, altered, or signed with a foreign key
  expired,
  valid,
};

// The rest counts with CookieState::valid alone.
struct CookieRead {
  CookieState state = CookieState::absent;
  EndpointCode code;
  std::size_t key = 0;  // its index; the code is a code under this key
  seconds left{};       // until it lapses
};

// The value of the first cookie of this name (names are case-sensitive) in the Cookie fields: a
// view into the head.
std::optional<std::string_view> find_cookie(const http::RequestHead& head, std::string_view name);

// What the first cookie of this name says.
CookieRead read_cookie(const TagKeys& keys, const http::RequestHead& head, std::string_view name,
                       sys_seconds now);

// True when less than half of its life is left: the response should set it again.
inline bool should_renew(seconds left, milliseconds ttl) { return left * 2 < ttl; }

// The value of a Set-Cookie field, signed with the first key; `Secure` over TLS, or when the
// options ask for it. Requires: there is a key; the name is a token, the path has no ";" and no
// control characters.
std::string set_cookie(const TagKeys& keys, const EndpointCode& code, const CookieOptions& options,
                       bool over_tls, sys_seconds now);

// The value of a Cookie field without the cookies of that name; empty when nothing is left. `value`
// itself when there are none, else a view into `scratch`, which is overwritten.
std::string_view without_cookie(std::string_view value, std::string_view name,
                                std::string& scratch);

}  // namespace ringside::session
