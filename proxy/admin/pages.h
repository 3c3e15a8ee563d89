// What the admin listener answers: the pages, without a socket.
//
// Why      Whether the process lives and whether it should get traffic are two questions: /healthz
//          is for restarts, /readyz for lists of endpoints, and draining fails only the second.
// Threads  answer() calls what `Views` has on the thread that calls it.
// Errors   Answered as RFC 9457 problem documents.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "admin/sessions.h"

namespace ringside::admin {

// What the pages may see of the process, and do to it; all must be set.
struct Views {
  // Why no traffic should come now ("starting", "draining"); empty: ready.
  std::function<std::string()> not_ready;
  std::function<std::string()> metrics;
  Sessions* sessions = nullptr;  // outlives the pages
};

struct Request {
  std::string_view method;
  std::string_view target;  // with or without a query
  std::string_view body;
  bool from_browser = false;  // it has an Origin field
};

struct Page {
  unsigned status = 200;
  std::string content_type;  // empty: there is no body
  std::string body;
  std::string allow;  // the Allow field, with 405
};

// HEAD gets the page of GET: whoever sends it leaves the body out.
Page answer(const Views& views, const Request& request);

// The answer to such a request depends on its body.
bool reads_body(std::string_view method, std::string_view target);

// An RFC 9457 problem document.
Page problem(unsigned status, std::string_view detail);

}  // namespace ringside::admin
