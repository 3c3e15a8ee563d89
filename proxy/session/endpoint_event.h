// The session of the HTTP+SSE transport (2024-11-05): a query parameter of the URL that the
// server's `endpoint` event names, and of every POST that follows it.
//
// Why      That transport has no session field. The session lives where its event stream is, so its
//          POSTs must go there.
// Owns     A decoded id, where something had to be decoded; else all are views into the text given.
// Bounds   An id has 1 to kSessionParameterBytes bytes.
// Errors   What is not exactly one well-formed id is no session: the caller goes on as if none was
//          named.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringside::session {

inline constexpr std::size_t kSessionParameterBytes = 4096;

struct SessionParameter {
  std::string_view raw;  // the value as it stands in the text: a view into it
  std::size_t raw_at = 0;
  std::string decoded;  // empty where the raw value has no escape

  std::string_view id() const { return decoded.empty() ? raw : std::string_view(decoded); }
};

// The session parameter of a request target or URL: the one whose name is "sessionid" in any case
// and with any '_' in it. Escapes (%XX) in name and value are decoded, '+' stays what it is: ids in
// base64 may have it, and no id has a space. None when there are several, whatever their values,
// when an escape is malformed, or a byte of the id is not visible (0x21..0x7E).
std::optional<SessionParameter> session_parameter(std::string_view target);

struct EndpointEvent {
  SessionParameter session;
  bool is_absolute = false;  // the URL names a host, which clients may compare with the stream's
};

// What the data of an `endpoint` event, a URL or a relative reference, says.
std::optional<EndpointEvent> read_endpoint_event(std::string_view data);

}  // namespace ringside::session
