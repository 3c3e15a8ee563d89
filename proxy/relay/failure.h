// Every way an exchange can fail, and what the client is told: one row each.
//
// Why      Status, retry advice, JSON-RPC code and the words of log and metrics belong together; a
//          client's recovery depends on them (404 ends a session, 503 keeps it). docs/reasons.md
//          has the same rows for readers, and a test that holds the two together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/parser.h"
#include "observe/access_log.h"

namespace ringside::relay {

enum class Failure : std::uint8_t {
  none,
  // the client's
  bad_request,
  bad_request_line,
  bad_version,
  bad_line_end,
  folded_field,
  bad_field_name,
  bad_field_value,
  bad_host,
  length_and_coding,
  bad_length,
  bad_framing,
  bad_chunk,
  bad_target,
  tls_hello,
  proxy_protocol,
  unsupported_coding,
  unsupported_method,
  trace_refused,
  bad_max_forwards,
  head_too_large,
  target_too_long,
  body_too_large,
  duplicate_session_id,
  malformed_session_id,
  lookalike_session_id,
  lookalike_field,
  forged_session_id,
  too_many_searches,
  too_many_sessions,
  too_many_connections_of_client,
  too_many_streams,
  origin_refused,
  head_timeout,
  body_timeout,
  body_too_slow,
  reader_timeout,
  client_left,
  // the proxy's
  no_route,
  session_ended,
  session_unknown,
  search_busy,
  revival_busy,
  too_many_connections,
  draining,
  tunnel_timeout,
  // the upstream's
  owner_refused,
  owner_silent,
  owner_lost,
  owner_not_found,
  handshake_refused,
  handshake_unauthorized,
  handshake_forbidden,
  no_endpoint,
  queue_full,
  queue_timeout,
  connection_lost,
  bad_response,
  response_timeout,
  continue_timeout,
  stream_timeout,
};

struct FailureRow {
  Failure failure;
  unsigned status;  // 0: nothing can be said, the connection is cut
  observe::ErrorSide side;
  std::string_view word;  // for logs and metrics
  int json_rpc_code;
  bool retry_after;          // adds Retry-After: 1
  std::string_view message;  // for the client: what happened and what to do
};

const FailureRow& row_of(Failure failure);

Failure failure_of(http::ParseFault fault);

enum class BodyForm : std::uint8_t {
  json,  // a JSON-RPC error
  text,  // its message alone, for a client that accepts no JSON
};

struct ReplyShape {
  bool close = true;          // adds Connection: close
  bool head_request = false;  // no body bytes
  BodyForm form = BodyForm::json;
  std::string_view fields = {};  // lines of the head, each with its end
};

// The whole response. Returns the size of the body.
std::size_t write_failure(std::string& out, Failure failure, const ReplyShape& shape);

// The proxy's own answer to an OPTIONS that may be passed on no further.
void write_own_options(std::string& out, bool close);

}  // namespace ringside::relay
