// Which pool a request of a listener belongs to, by host and path.
//
// Why      One listener may serve several MCP servers. The longest matching path wins; of two
//          equally long ones, a route that names the host wins over one that serves any.
// Threads  Immutable after construction.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/options.h"

namespace ringside::relay {

class Router {
 public:
  // `pool_index` gives the index of each route's pool.
  struct Target {
    RouteOptions route;
    std::size_t pool_index;
  };
  explicit Router(std::vector<Target> targets);

  // `authority`: the Host field's value, with or without a port. `path`: without the query.
  std::optional<std::size_t> pool_for(std::string_view authority, std::string_view path) const;

 private:
  std::vector<Target> targets_;  // in order of preference
};

}  // namespace ringside::relay
