// Checks across keys. The options and the tree are gone through side by side: entry i of a list is
// item i in both.
#include "config/checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/nearest.h"

namespace ringside::config {
namespace {

// The points of one ring: 16 MiB of memory, and a few hundred milliseconds to build.
constexpr std::uint64_t kRingPointsMax = 1'048'576;

std::string line_text(const Cursor& at) { return "line " + std::to_string(at.node->place.line); }

// The first place of each value; a value that comes again is a fault there, and add is false.
class Unique {
 public:
  Unique(Walk& walk, std::string noun, std::string remedy)
      : walk_(walk), noun_(std::move(noun)), remedy_(std::move(remedy)) {}

  bool add(const Cursor& at, const std::string& value) {
    const auto [first, is_new] = first_.emplace(value, at);
    if (is_new) return true;
    walk_.fault(at, {noun_ + " " + in_quotes(value) + " is already that of " + first->second.path +
                         " (" + line_text(first->second) + ")",
                     remedy_});
    return false;
  }

 private:
  Walk& walk_;
  std::string noun_;
  std::string remedy_;
  std::map<std::string, Cursor> first_;
};

bool is_list(const Cursor& at) { return at && at.node->kind == TreeNode::Kind::list; }

bool is_mapping(const Cursor& at) { return at && at.node->kind == TreeNode::Kind::mapping; }

class ListenerChecks {
 public:
  ListenerChecks(Walk& walk, const app::Options& options) : walk_(walk) {
    for (const auto& pool : options.pools) pools_.push_back(pool.name);
  }

  void check(const Cursor& at, const relay::ListenerOptions& listener) {
    if (const Cursor name = at.find("name"); name && !listener.name.empty())
      names_.add(name, listener.name);
    add_bind(at.find("bind"), listener.bind);
    const Cursor pool = at.find("pool");
    const Cursor routes = at.find("routes");
    if (pool && routes) {
      walk_.key_fault(routes, {"stands beside pool",
                               "keep one of them; `pool: NAME` is a route for all requests"});
    } else if (pool) {
      if (!listener.routes.empty()) check_pool(pool, listener.routes[0].pool);
    } else if (routes) {
      check_routes(routes, listener.routes);
    } else {
      walk_.fault(at, {"has neither pool nor routes", "add pool: NAME"});
    }
  }

  // Port 0 is another free port each time, so it is never taken.
  void add_bind(const Cursor& at, const Address& bind) {
    if (at && !bind.empty() && bind.port() != 0) binds_.add(at, bind.text());
  }

 private:
  void check_routes(const Cursor& at, const std::vector<relay::RouteOptions>& routes) {
    if (!is_list(at)) return;
    Unique matches(walk_, "the host and path", "keep one of them: the second would never be used");
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const Cursor route = at.item(i);
      if (const Cursor pool = route.find("pool"); pool && !routes[i].pool.empty())
        check_pool(pool, routes[i].pool);
      if (is_well_formed(route, routes[i])) matches.add(route, routes[i].host + routes[i].path);
    }
  }

  // A faulty host or path was left at its default, which others may have.
  static bool is_well_formed(const Cursor& at, const relay::RouteOptions& route) {
    const Cursor host = at.find("host");
    const Cursor path = at.find("path");
    return is_mapping(at) && (!host || !route.host.empty()) &&
           (!path || path.node->text == route.path);
  }

  void check_pool(const Cursor& at, const std::string& name) {
    if (pools_.empty() || std::ranges::find(pools_, name) != pools_.end()) return;
    const std::string near(nearest(name, pools_));
    walk_.fault(at, {"there is no pool " + in_quotes(name),
                     "did you mean " + in_quotes(near) + "? Or define it under pools"});
  }

  Walk& walk_;
  std::vector<std::string_view> pools_;
  Unique names_{walk_, "the name", "give each listener its own name"};
  Unique binds_{walk_, "the address", "give each listener its own port"};
};

class PoolChecks {
 public:
  explicit PoolChecks(Walk& walk) : walk_(walk) {}

  void check(const Cursor& at, const relay::PoolOptions& pool) {
    check_endpoints(at.find("endpoints"), pool.endpoints);
    check_ring(at, pool);
  }

 private:
  void check_endpoints(const Cursor& at, const std::vector<upstream::EndpointOptions>& endpoints) {
    if (!is_list(at)) return;
    Unique addresses(walk_, "the address", "list each pod once; use weight for a larger share");
    Unique names(walk_, "the name", "give each endpoint its own name");
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      const Cursor endpoint = at.item(i);
      const Cursor address = endpoint.find("address");
      const Cursor name = endpoint.find("name");
      const std::string& named = endpoints[i].name;
      const std::string& placed = endpoints[i].address;
      const bool is_new = placed.empty() || addresses.add(address ? address : endpoint, placed);
      // An endpoint without a name is called by its address, and that is a fault already.
      if (!named.empty() && (is_new || named != placed)) names.add(name ? name : endpoint, named);
    }
  }

  void check_ring(const Cursor& at, const relay::PoolOptions& pool) {
    std::uint64_t weight = 0;
    for (const auto& endpoint : pool.endpoints) weight += endpoint.weight;
    const std::uint64_t points = weight * pool.ring.points;
    if (points <= kRingPointsMax) return;
    walk_.fault(at, {"its ring has " + std::to_string(points) + " points (weights x ring.points)",
                     "stay within " + std::to_string(kRingPointsMax) +
                         ": lower the weights or ring.points"});
  }

  Walk& walk_;
};

}  // namespace

void check_document(Walk& walk, const Cursor& root, const app::Options& options) {
  ListenerChecks listeners(walk, options);
  if (options.admin.bind) listeners.add_bind(root.find("admin").find("bind"), *options.admin.bind);
  const Cursor listener_list = root.find("listeners");
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    if (is_mapping(listener_list.item(i)))
      listeners.check(listener_list.item(i), options.listeners[i]);
  }
  PoolChecks pools(walk);
  for (const relay::PoolOptions& pool : options.pools) {
    const Cursor at = root.find("pools").find(pool.name);
    if (is_mapping(at)) pools.check(at, pool);
  }
}

}  // namespace ringside::config
