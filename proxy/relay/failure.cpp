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
    FailureRow{Failure::bad_request_line, 400, ErrorSide::client, "bad_request_line", kServerError,
               false, "Bad Request: the request line is not a method, a target and HTTP/1.1"},
    FailureRow{Failure::bad_version, 505, ErrorSide::client, "bad_version", kServerError, false,
               "HTTP Version Not Supported: this port speaks HTTP/1.1 and HTTP/1.0"},
    FailureRow{Failure::bad_line_end, 400, ErrorSide::client, "bad_line_end", kServerError, false,
               "Bad Request: a line ends in a CR or an LF by itself, not in CRLF"},
    FailureRow{Failure::folded_field, 400, ErrorSide::client, "folded_field", kServerError, false,
               "Bad Request: a line of the head begins with white space"},
    FailureRow{Failure::bad_field_name, 400, ErrorSide::client, "bad_field_name", kServerError,
               false,
               "Bad Request: a field has no name, no colon, or a byte in its name that names may "
               "not have"},
    FailureRow{Failure::bad_field_value, 400, ErrorSide::client, "bad_field_value", kServerError,
               false, "Bad Request: a field has a control byte in its value"},
    FailureRow{Failure::bad_host, 400, ErrorSide::client, "bad_host", kServerError, false,
               "Bad Request: exactly one valid Host field is required"},
    FailureRow{Failure::length_and_coding, 400, ErrorSide::client, "length_and_coding",
               kServerError, false,
               "Bad Request: Content-Length and Transfer-Encoding exclude each other"},
    FailureRow{Failure::bad_length, 400, ErrorSide::client, "bad_length", kServerError, false,
               "Bad Request: Content-Length must occur once, as a decimal number below 2^64"},
    FailureRow{Failure::bad_framing, 400, ErrorSide::client, "bad_framing", kServerError, false,
               "Bad Request: Transfer-Encoding must occur once, and not in HTTP/1.0"},
    FailureRow{Failure::bad_chunk, 400, ErrorSide::client, "bad_chunk", kServerError, false,
               "Bad Request: a chunk of the body is malformed"},
    FailureRow{Failure::bad_target, 400, ErrorSide::client, "bad_target", kServerError, false,
               "Bad Request: the request target must be a path or an http URI, in visible ASCII"},
    FailureRow{Failure::tls_hello, 400, ErrorSide::client, "tls_hello", kServerError, false,
               "Bad Request: this port speaks plain HTTP, not TLS"},
    FailureRow{Failure::proxy_protocol, 400, ErrorSide::client, "proxy_protocol", kServerError,
               false, "Bad Request: this port does not take the PROXY protocol"},
    FailureRow{Failure::unsupported_coding, 501, ErrorSide::client, "unsupported_coding",
               kServerError, false,
               "Not Implemented: chunked, once and alone, is the only transfer coding"},
    FailureRow{Failure::unsupported_method, 501, ErrorSide::client, "unsupported_method",
               kServerError, false,
               "Not Implemented: this proxy connects to its pools only, CONNECT is refused"},
    FailureRow{Failure::trace_refused, 501, ErrorSide::client, "trace_refused", kServerError, false,
               "Not Implemented: this proxy passes on no TRACE, which echoes credentials"},
    FailureRow{Failure::bad_max_forwards, 400, ErrorSide::client, "bad_max_forwards", kServerError,
               false, "Bad Request: Max-Forwards must be one number"},
    FailureRow{Failure::head_too_large, 431, ErrorSide::client, "head_too_large", kServerError,
               false,
               "Request Header Fields Too Large: past limits.header_bytes or limits.header_fields"},
    FailureRow{Failure::target_too_long, 414, ErrorSide::client, "target_too_long", kServerError,
               false, "URI Too Long: the request target is past limits.target_bytes"},
    FailureRow{Failure::body_too_large, 413, ErrorSide::client, "body_too_large", kServerError,
               false, "Content Too Large: the body is past limits.body_bytes"},
    FailureRow{Failure::duplicate_session_id, 400, ErrorSide::client, "duplicate_session_id",
               kServerError, false, "Bad Request: the session id field occurs more than once"},
    FailureRow{Failure::malformed_session_id, 400, ErrorSide::client, "malformed_session_id",
               kServerError, false, "Bad Request: the session id has a byte outside 0x21-0x7E"},
    FailureRow{Failure::lookalike_session_id, 400, ErrorSide::client, "lookalike_session_id",
               kServerError, false,
               "Bad Request: a field has the session id field's name with '_' for '-'"},
    FailureRow{Failure::lookalike_field, 400, ErrorSide::client, "lookalike_field", kServerError,
               false,
               "Bad Request: a field has the name of one that this proxy reads or writes, with "
               "'_' for '-'"},
    FailureRow{Failure::forged_session_id, 404, ErrorSide::client, "forged_session_id",
               kSessionNotFound, false, "Session not found"},
    FailureRow{Failure::too_many_searches, 429, ErrorSide::client, "too_many_searches",
               kServerError, true,
               "Too Many Requests: this client asks for too many unknown sessions, try again"},
    FailureRow{Failure::too_many_sessions, 429, ErrorSide::client, "too_many_sessions",
               kServerError, true,
               "Too Many Requests: this client has as many sessions as it may have"},
    FailureRow{Failure::too_many_connections_of_client, 503, ErrorSide::client,
               "too_many_connections_of_client", kServerError, true,
               "Service Unavailable: this client has as many connections as it may have"},
    FailureRow{Failure::too_many_streams, 429, ErrorSide::client, "too_many_streams", kServerError,
               true, "Too Many Requests: this session has as many event streams as it may have"},
    FailureRow{Failure::origin_refused, 403, ErrorSide::client, "origin_refused", kServerError,
               false, "Forbidden: this origin is not allowed"},
    FailureRow{Failure::head_timeout, 408, ErrorSide::client, "head_timeout", kServerError, false,
               "Request Timeout: the request head did not arrive in time"},
    FailureRow{Failure::body_timeout, 408, ErrorSide::client, "body_timeout", kServerError, false,
               "Request Timeout: the request body stopped arriving"},
    FailureRow{Failure::body_too_slow, 408, ErrorSide::client, "body_too_slow", kServerError, false,
               "Request Timeout: the request body arrived too slowly"},
    FailureRow{Failure::reader_timeout, 0, ErrorSide::client, "reader_timeout", 0, false, ""},
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
    FailureRow{Failure::tunnel_timeout, 0, ErrorSide::proxy, "tunnel_timeout", 0, false, ""},
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
    FailureRow{Failure::handshake_unauthorized, 401, ErrorSide::upstream, "handshake_unauthorized",
               kServerError, false,
               "Unauthorized: the session is lost, and to open it anew the server wants valid "
               "credentials"},
    FailureRow{Failure::handshake_forbidden, 403, ErrorSide::upstream, "handshake_forbidden",
               kServerError, false,
               "Forbidden: the session is lost, and these credentials may not open it anew"},
    FailureRow{Failure::no_endpoint, 503, ErrorSide::upstream, "no_endpoint", kServerError, true,
               "Service Unavailable: no server accepts connections, try again"},
    FailureRow{Failure::queue_full, 503, ErrorSide::upstream, "queue_full", kServerError, true,
               "Service Unavailable: too many requests wait for the server, try again"},
    FailureRow{Failure::queue_timeout, 503, ErrorSide::upstream, "queue_timeout", kServerError,
               true, "Service Unavailable: the server was busy for too long, try again"},
    FailureRow{Failure::connection_lost, 502, ErrorSide::upstream, "connection_lost", kServerError,
               false, "Bad Gateway: the server closed the connection without a response"},
    FailureRow{Failure::bad_response, 502, ErrorSide::upstream, "bad_response", kServerError, false,
               "Bad Gateway: the server sent an invalid response"},
    FailureRow{Failure::response_timeout, 504, ErrorSide::upstream, "response_timeout",
               kServerError, false, "Gateway Timeout: the server did not respond in time"},
    FailureRow{Failure::continue_timeout, 504, ErrorSide::upstream, "continue_timeout",
               kServerError, false,
               "Gateway Timeout: the server neither answered nor asked for the request body"},
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
    case http::ParseFault::request_line:
      return Failure::bad_request_line;
    case http::ParseFault::version:
      return Failure::bad_version;
    case http::ParseFault::line_end:
      return Failure::bad_line_end;
    case http::ParseFault::folded_field:
      return Failure::folded_field;
    case http::ParseFault::field_name:
      return Failure::bad_field_name;
    case http::ParseFault::field_value:
      return Failure::bad_field_value;
    case http::ParseFault::head_too_large:
      return Failure::head_too_large;
    case http::ParseFault::target_too_long:
      return Failure::target_too_long;
    case http::ParseFault::host:
      return Failure::bad_host;
    case http::ParseFault::length_and_coding:
      return Failure::length_and_coding;
    case http::ParseFault::length:
      return Failure::bad_length;
    case http::ParseFault::framing:
      return Failure::bad_framing;
    case http::ParseFault::chunk:
      return Failure::bad_chunk;
    case http::ParseFault::transfer_coding:
      return Failure::unsupported_coding;
    case http::ParseFault::method:
      return Failure::unsupported_method;
    case http::ParseFault::target:
      return Failure::bad_target;
    case http::ParseFault::tls_hello:
      return Failure::tls_hello;
    case http::ParseFault::proxy_protocol:
      return Failure::proxy_protocol;
    default:
      return Failure::bad_request;
  }
}

void write_own_options(std::string& out, bool close) {
  out += "HTTP/1.1 204 No Content\r\nserver: ringside\r\ndate: " + http_date();
  if (close) out += "\r\nconnection: close";
  out += "\r\n\r\n";
}

std::size_t write_failure(std::string& out, Failure failure, const ReplyShape& shape) {
  const FailureRow& row = row_of(failure);
  const bool is_text = shape.form == BodyForm::text;
  const std::string body = is_text ? std::string(row.message) + "\n"
                                   : http::json_rpc_error(row.json_rpc_code, row.message);
  out += "HTTP/1.1 " + std::to_string(row.status) + " ";
  out += http::reason_phrase(row.status);
  out += "\r\nserver: ringside\r\ndate: " + http_date();
  out += is_text ? "\r\ncontent-type: text/plain" : "\r\ncontent-type: application/json";
  out += "\r\ncontent-length: " + std::to_string(body.size());
  if (row.retry_after) out += "\r\nretry-after: 1";
  if (shape.close) out += "\r\nconnection: close";
  out += "\r\n";
  out += shape.fields;
  out += "\r\n";
  if (shape.head_request) return 0;
  out += body;
  return body.size();
}

}  // namespace ringside::relay
