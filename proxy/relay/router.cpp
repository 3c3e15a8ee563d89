// A listener has a handful of routes: a list in order of preference is the fastest table there is.
#include "relay/router.h"

#include <algorithm>

#include "http/head.h"

namespace ringside::relay {
namespace {

std::string_view without_port(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
  return has_port ? authority.substr(0, colon) : authority;
}

// "/burger" matches "/burger" and "/burger/x", not "/burgers".
bool path_matches(std::string_view prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return prefix == "/";
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

}  // namespace

Router::Router(std::vector<Target> targets) : targets_(std::move(targets)) {
  std::stable_sort(targets_.begin(), targets_.end(), [](const Target& a, const Target& b) {
    if (a.route.path.size() != b.route.path.size()) {
      return a.route.path.size() > b.route.path.size();
    }
    return a.route.host.empty() < b.route.host.empty();
  });
}

std::optional<std::size_t> Router::pool_for(std::string_view authority,
                                            std::string_view path) const {
  for (const Target& target : targets_) {
    const bool host_matches =
        target.route.host.empty() ||
        http::equals_ignoring_case(target.route.host, without_port(authority));
    if (host_matches && path_matches(target.route.path, path)) return target.pool_index;
  }
  return std::nullopt;
}

}  // namespace ringside::relay
