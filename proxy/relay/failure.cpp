// The table of failures, and the response made from a row.
#include "relay/failure.h"

#include <array>
#include <ctime>

#include "http/error_body.h"

namespace ringside::relay {
namespace {

using http::kServerError;
using http::kSessionNotFound;
using observe::ErrorSide;

constexpr std::array kRows{
    FailureRow{Failure::none, 0, ErrorSide::none, "", 0, false, ""},
    FailureRow{Failure::bad_request, 400, ErrorSide::client, "bad_request", kServerError, false,
               "Bad Request: not a valid HTTP/1.1 request"},
    FailureRow{Failure::bad_version, 505, ErrorSide::client, "bad_version", kServerError, false,
               "HTTP Version Not Supported: this proxy speaks HTTP/1.1"},
    FailureRow{Failure::bad_host, 400, ErrorSide::client, "bad_host", kServerError, false,
               "Bad Request: exactly one valid Host field is required"},
    FailureRow{Failure::bad_framing, 400, ErrorSide::client, "bad_framing", kServerError, false,
               "Bad Request: contradictory Content-Length or Transfer-Encoding"},
    FailureRow{Failure::bad_target, 400, ErrorSide::client, "bad_target", kServerError, false,
               "Bad Request: the request target must be a path or an http URI"},
    FailureRow{Failure::unsupported_coding, 501, ErrorSide::client, "unsupported_coding",
               kServerError, false, "Not Implemented: chunked is the only transfer coding"},
    FailureRow{Failure::unsupported_method, 501, ErrorSide::client, "unsupported_method",
               kServerError, false, "Not Implemented: this proxy opens no tunnels"},
    FailureRow{Failure::head_too_large, 431, ErrorSide::client, "head_too_large", kServerError,
               false, "Request Header Fields Too Large"},
    FailureRow{Failure::target_too_long, 414, ErrorSide::client, "target_too_long", kServerError,
               false, "URI Too Long"},
    FailureRow{Failure::body_too_large, 413, ErrorSide::client, "body_too_large", kServerError,
               false, "Content Too Large"},
    FailureRow{Failure::duplicate_session_id, 400, ErrorSide::client, "duplicate_session_id",
               kServerError, false, "Bad Request: the session id field occurs more than once"},
    FailureRow{Failure::malformed_session_id, 400, ErrorSide::client, "malformed_session_id",
               kServerError, false, "Bad Request: the session id has a byte outside 0x21-0x7E"},
    FailureRow{Failure::lookalike_session_id, 400, ErrorSide::client, "lookalike_session_id",
               kServerError, false,
               "Bad Request: a field has the session id field's name with '_' for '-'"},
    FailureRow{Failure::forged_session_id, 404, ErrorSide::client, "forged_session_id",
               kSessionNotFound, false, "Session not found"},
    FailureRow{Failure::too_many_searches, 429, ErrorSide::client, "too_many_searches",
               kServerError, true,
               "Too Many Requests: this client asks for too many unknown sessions, try again"},
    FailureRow{Failure::too_many_sessions, 429, ErrorSide::client, "too_many_sessions",
               kServerError, true,
               "Too Many Requests: this client has as many sessions as it may have"},
    FailureRow{Failure::origin_refused, 403, ErrorSide::client, "origin_refused", kServerError,
               false, "Forbidden: this origin is not allowed"},
    FailureRow{Failure::head_timeout, 408, ErrorSide::client, "head_timeout", kServerError, false,
               "Request Timeout: the request head did not arrive in time"},
    FailureRow{Failure::body_timeout, 408, ErrorSide::client, "body_timeout", kServerError, false,
               "Request Timeout: the request body stopped arriving"},
    FailureRow{Failure::client_left, 0, ErrorSide::client, "client_left", 0, false, ""},
    FailureRow{Failure::no_route, 404, ErrorSide::proxy, "no_route", kServerError, false,
               "Not Found: no route of this proxy matches the host and path"},
    FailureRow{Failure::session_ended, 404, ErrorSide::proxy, "session_ended", kSessionNotFound,
               false, "Session not found"},
    FailureRow{Failure::session_unknown, 404, ErrorSide::proxy, "session_unknown", kSessionNotFound,
               false, "Session not found"},
    FailureRow{Failure::search_busy, 503, ErrorSide::proxy, "search_busy", kServerError, true,
               "Service Unavailable: too many unknown sessions are looked for, try again"},
    FailureRow{Failure::revival_busy, 503, ErrorSide::proxy, "revival_busy", kServerError, true,
               "Service Unavailable: too many sessions are being revived, try again"},
    FailureRow{Failure::too_many_connections, 503, ErrorSide::proxy, "too_many_connections",
               kServerError, true, "Service Unavailable: too many connections, try again"},
    FailureRow{Failure::draining, 0, ErrorSide::proxy, "draining", 0, false, ""},
    FailureRow{
        Failure::owner_refused, 503, ErrorSide::upstream, "owner_refused", kServerError, true,
        "Service Unavailable: the server that holds this session refuses connections, try again"},
    FailureRow{
        Failure::owner_silent, 503, ErrorSide::upstream, "owner_silent", kServerError, true,
        "Service Unavailable: the server that holds this session does not answer, try again"},
    FailureRow{Failure::owner_lost, 404, ErrorSide::upstream, "owner_lost", kSessionNotFound, false,
               "Session not found"},
    FailureRow{Failure::owner_not_found, 503, ErrorSide::upstream, "owner_not_found", kServerError,
               true,
               "Service Unavailable: not every server could be asked for this session, try again"},
    FailureRow{Failure::handshake_refused, 404, ErrorSide::upstream, "handshake_refused",
               kSessionNotFound, false, "Session not found"},
    FailureRow{Failure::no_endpoint, 503, ErrorSide::upstream, "no_endpoint", kServerError, true,
               "Service Unavailable: no server accepts connections, try again"},
    FailureRow{Failure::connection_lost, 502, ErrorSide::upstream, "connection_lost", kServerError,
               false, "Bad Gateway: the server closed the connection without a response"},
    FailureRow{Failure::bad_response, 502, ErrorSide::upstream, "bad_response", kServerError, false,
               "Bad Gateway: the server sent an invalid response"},
    FailureRow{Failure::response_timeout, 504, ErrorSide::upstream, "response_timeout",
               kServerError, false, "Gateway Timeout: the server did not respond in time"},
    FailureRow{Failure::stream_timeout, 0, ErrorSide::upstream, "stream_timeout", 0, false, ""},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].failure) != i) return false;
  }
  return static_cast<std::size_t>(Failure::stream_timeout) + 1 == kRows.size();
}
static_assert(rows_are_in_order(), "kRows is indexed by Failure");

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), size};
}

}  // namespace

const FailureRow& row_of(Failure failure) { return kRows[static_cast<std::size_t>(failure)]; }

Failure failure_of(http::ParseFault fault) {
  switch (fault) {
    case http::ParseFault::version:
      return Failure::bad_version;
    case http::ParseFault::head_too_large:
      return Failure::head_too_large;
    case http::ParseFault::target_too_long:
      return Failure::target_too_long;
    case http::ParseFault::host:
      return Failure::bad_host;
    case http::ParseFault::framing:
      return Failure::bad_framing;
    case http::ParseFault::transfer_coding:
      return Failure::unsupported_coding;
    case http::ParseFault::method:
      return Failure::unsupported_method;
    case http::ParseFault::target:
      return Failure::bad_target;
    default:
      return Failure::bad_request;
  }
}

std::size_t write_failure(std::string& out, Failure failure, bool close, bool head_request) {
  const FailureRow& row = row_of(failure);
  const std::string body = http::json_rpc_error(row.json_rpc_code, row.message);
  out += "HTTP/1.1 " + std::to_string(row.status) + " ";
  out += http::reason_phrase(row.status);
  out += "\r\nserver: ringside\r\ndate: " + http_date();
  out += "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size());
  if (row.retry_after) out += "\r\nretry-after: 1";
  if (close) out += "\r\nconnection: close";
  out += "\r\n\r\n";
  if (head_request) return 0;
  out += body;
  return body.size();
}

}  // namespace ringside::relay
