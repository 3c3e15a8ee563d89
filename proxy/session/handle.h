// Handles: what else in a request names state that one endpoint holds (row 5 of the routing table).
//
// Why      The era without sessions has state all the same: a room in a tool's argument, a task, a
//          cookie. Where the operator says which field names it, requests for one state go to one
//          endpoint.
// Owns     The key it returns.
// Bounds   A value is no longer than the head it is in.
// Errors   A handle that is empty or not decodable counts as not there; so does a field or a query
//          key that occurs more than once: two readers of one request must not disagree.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/head.h"
#include "session/options.h"

namespace ringside::session {

struct Handle {
  HandleKind kind = HandleKind::header;
  // For the table and the ring: 0x00, a letter for the kind, the configured name (of a header in
  // lower case), 0x00, the value. No session id collides with it: those have no 0x00.
  std::string key;
  std::size_t value_at = 0;

  std::string_view value() const { return std::string_view(key).substr(value_at); }
};

// The first of `handles` that the request has. Requires: no name has a 0x00.
//   header  a field of any name. Mcp-Name and Mcp-Param-* are decoded where they are =?base64?...?=
//   query   a key of the target's query; key and value with escapes decoded, '+' as a space, as
//           servers read it
//   cookie  the first of that name, whose path is the longest; as it stands there, quotes included
//   tasks   Mcp-Name, where Mcp-Method is tasks/get, tasks/update, tasks/cancel or tasks/result
// Names of fields are compared without case, all else with it.
std::optional<Handle> find_handle(const http::RequestHead& head,
                                  std::span<const HandleOptions> handles);

// The key of HandleKind::tasks for a task id that was read elsewhere, as in a response's body.
std::string task_key(std::string_view task_id);

}  // namespace ringside::session
