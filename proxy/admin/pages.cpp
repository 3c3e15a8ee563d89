// The pages as a table: a method, a path and the function that makes the page.
#include "admin/pages.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "admin/session_pages.h"
#include "http/error_body.h"

namespace ringside::admin {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

Page healthz(const Views&) { return {200, std::string(kPlain), "ok", {}}; }

Page readyz(const Views& views) {
  const std::string reason = views.not_ready();
  if (reason.empty()) return {200, std::string(kPlain), "ready", {}};
  return {503, std::string(kPlain), reason, {}};
}

Page metrics(const Views& views) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", views.metrics(), {}};
}

// One of the two functions makes the page. A path may have one part in braces, which stands for any
// text without a '/'.
struct Route {
  std::string_view method;
  std::string_view path;
  Page (*of_process)(const Views&);
  Page (*of_sessions)(Sessions&, const Request&, std::string_view part);
};

constexpr std::array<Route, 8> kRoutes{{
    {"GET", "/healthz", healthz, nullptr},
    {"GET", "/readyz", readyz, nullptr},
    {"GET", "/metrics", metrics, nullptr},
    {"GET", "/sessions", nullptr, list_sessions},
    {"GET", "/sessions/{digest}", nullptr, show_session},
    {"DELETE", "/sessions/{digest}", nullptr, forget_session},
    {"POST", "/sessions/{digest}/move", nullptr, move_session},
    {"GET", "/explain", nullptr, explain_request},
}};

// What stands for the part in braces, empty where there is none; nullopt: another path.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) {
    return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  }
  const std::string_view rest = pattern.substr(pattern.find('}') + 1);
  if (!path.starts_with(pattern.substr(0, open)) || !path.ends_with(rest)) return std::nullopt;
  if (path.size() <= open + rest.size()) return std::nullopt;
  const std::string_view part = path.substr(open, path.size() - open - rest.size());
  return part.find('/') == std::string_view::npos ? std::optional(part) : std::nullopt;
}

bool answers(const Route& route, std::string_view method) {
  return method == route.method || (method == "HEAD" && route.method == "GET");
}

void add(std::string& list, std::string_view word) {
  list.append(list.empty() ? "" : ", ").append(word);
}

std::string known_paths() {
  std::string text;
  std::string_view last;
  for (const Route& route : kRoutes) {
    if (route.path != last) add(text, route.path);
    last = route.path;
  }
  return text;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace

Page problem(unsigned status, std::string_view detail) {
  const nlohmann::ordered_json document{{"type", "about:blank"},
                                        {"title", http::reason_phrase(status)},
                                        {"status", status},
                                        {"detail", detail}};
  // Bytes that are no UTF-8 become U+FFFD: dump() would throw.
  return {status,
          "application/problem+json",
          document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
          {}};
}

Page answer(const Views& views, const Request& request) {
  const std::string_view path = path_of(request.target);
  std::string allow;
  for (const Route& route : kRoutes) {
    const auto part = match(route.path, path);
    if (!part) continue;
    if (!answers(route, request.method)) {
      add(allow, route.method == "GET" ? "GET, HEAD" : route.method);
      continue;
    }
    // A page of another site can make a browser send commands here.
    if (route.method != "GET" && request.from_browser) {
      return problem(403, "commands with an Origin field, as browsers send them, are not taken");
    }
    if (route.of_process != nullptr) return route.of_process(views);
    return route.of_sessions(*views.sessions, request, *part);
  }
  if (allow.empty()) return problem(404, "the pages here are " + known_paths());
  Page refused = problem(405, std::string(path) + " answers " + allow);
  refused.allow = allow;
  return refused;
}

bool reads_body(std::string_view method, std::string_view target) {
  return std::ranges::any_of(kRoutes, [&](const Route& route) {
    return route.method == "POST" && method == "POST" && match(route.path, path_of(target));
  });
}

}  // namespace ringside::admin
