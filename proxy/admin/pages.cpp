// The pages as a table: a path and the function that makes its page.
#include "admin/pages.h"

#include <array>
#include <nlohmann/json.hpp>

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

struct Route {
  std::string_view path;
  Page (*page)(const Views&);
};

constexpr std::array<Route, 3> kRoutes{{
    {"/healthz", healthz},
    {"/readyz", readyz},
    {"/metrics", metrics},
}};

std::string known_paths() {
  std::string text;
  for (const Route& route : kRoutes) {
    if (!text.empty()) text += ", ";
    text += route.path;
  }
  return text;
}

}  // namespace

Page problem(unsigned status, std::string_view title, std::string_view detail) {
  const nlohmann::ordered_json document{
      {"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}};
  // Bytes that are no UTF-8 become U+FFFD: dump() would throw.
  return {status,
          "application/problem+json",
          document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
          {}};
}

Page answer(const Views& views, std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    if (method == "GET" || method == "HEAD") return route.page(views);
    Page refused = problem(405, "Method Not Allowed", std::string(path) + " answers GET and HEAD");
    refused.allow = "GET, HEAD";
    return refused;
  }
  return problem(404, "Not Found", "the pages here are " + known_paths());
}

}  // namespace ringside::admin
