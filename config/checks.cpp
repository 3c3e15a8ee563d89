// Checks across keys. The options and the tree are gone through side by side: entry i of a list is
// item i in both.
#include "config/checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/nearest.h"
#include "session/options.h"

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

// Keys that need one another, or exclude one another. A key whose own value is faulty was left at
// its default; what depends on it is then not judged.
class AffinityChecks {
 public:
  AffinityChecks(Walk& walk, const Cursor& at, const session::Options& affinity)
      : walk_(walk), at_(at), affinity_(affinity), mode_(at.find("mode")) {}

  void check() {
    check_revive();
    check_handles();
    check_keys(at_.find("tag").find("key_files"));
    check_keys(at_.find("tag").find("key_env"));
    check_cookie_prefix();
    if (mode_ && affinity_.mode == Mode::learn && mode_.node->text != "learn") return;
    check_loss();
    check_tag();
    if (const Cursor cookie = at_.find("cookie"); cookie && affinity_.mode != Mode::cookie)
      unused(cookie, "mode: cookie");
    const bool ignores_ids = affinity_.mode == Mode::client || affinity_.mode == Mode::none;
    if (const Cursor handles = at_.find("handles"); handles && ignores_ids)
      unused(handles, "mode: learn");
  }

 private:
  using Mode = session::Mode;

  void unused(const Cursor& at, const std::string& needed) {
    const std::string mode = mode_ ? mode_.node->text : "learn";
    walk_.key_fault(at, {"has no use in mode " + mode, "remove it, or write " + needed});
  }

  void check_revive() {
    const Cursor lost = at_.find("on_owner_lost");
    const bool is_faulty = lost && affinity_.on_owner_lost == session::OnOwnerLost::not_found &&
                           lost.node->text != "not_found";
    const Cursor revive = at_.find("revive");
    if (!revive || is_faulty || affinity_.on_owner_lost == session::OnOwnerLost::reinitialize)
      return;
    walk_.key_fault(revive, {"has no use where lost sessions are not revived",
                             "remove it, or write on_owner_lost: reinitialize"});
  }

  void check_loss() {
    if (affinity_.on_owner_lost == session::OnOwnerLost::not_found) return;
    if (affinity_.mode == Mode::learn) return;
    walk_.fault(at_.find("on_owner_lost"),
                {"\"reinitialize\" has no use in mode " + mode_.node->text +
                     ": only mode learn can map the id of a client to another",
                 "write not_found, or mode: learn"});
  }

  void check_tag() {
    const Cursor tag = at_.find("tag");
    if (affinity_.mode != Mode::tag && affinity_.mode != Mode::cookie) {
      if (tag) unused(tag, "mode: tag or mode: cookie");
      return;
    }
    if (!tag) {
      walk_.fault(mode_, {in_quotes(mode_.node->text) + " needs a key",
                          "add tag: {key_files: [PATH]} or tag: {key_env: [NAME]}"});
    } else if (is_mapping(tag) && tag.node->children.empty()) {
      walk_.key_fault(tag, {"has no key", "add key_files: [PATH] or key_env: [NAME]"});
    }
    const std::size_t keys = affinity_.tag.key_files.size() + affinity_.tag.key_env.size();
    if (keys <= session::kTagKeysMax) return;
    walk_.key_fault(tag, {"has " + std::to_string(keys) + " keys",
                          "stay within " + std::to_string(session::kTagKeysMax) +
                              " in all: a forged tag is tried with each"});
  }

  void check_keys(const Cursor& at) {
    if (!is_list(at)) return;
    Unique keys(walk_, "the key", "list each once, the one that signs first");
    for (std::size_t i = 0; i < at.node->children.size(); ++i) {
      const Cursor key = at.item(i);
      if (key.node->kind == TreeNode::Kind::scalar) keys.add(key, key.node->text);
    }
  }

  // Browsers drop a cookie whose name promises what its attributes do not keep
  // (RFC 6265bis, 4.1.3).
  void check_cookie_prefix() {
    const session::CookieOptions& cookie = affinity_.cookie;
    const std::string name = lower_case(cookie.name);
    const bool is_host = name.starts_with("__host-");
    if (!is_host && !name.starts_with("__secure-")) return;
    if (cookie.secure && (!is_host || cookie.path == "/")) return;
    walk_.fault(
        at_.find("cookie").find("name"),
        {"browsers drop a cookie " + in_quotes(cookie.name) +
             (cookie.secure ? " with a path" : " that is not secure"),
         cookie.secure ? "write path: /, or another name" : "write secure: true, or another name"});
  }

  void check_handles() {
    const Cursor list = at_.find("handles");
    if (!is_list(list)) return;
    Unique handles(walk_, "the handle", "write it once");
    for (std::size_t i = 0; i < affinity_.handles.size(); ++i) {
      const Cursor item = list.item(i);
      if (!is_mapping(item)) continue;
      if (item.node->children.empty()) {
        walk_.fault(item, {"names nothing", "write one of header, query, cookie, tasks"});
      } else if (const Cursor key = only_handle(item)) {
        check_handle(key, affinity_.handles[i]);
        const std::string& name = affinity_.handles[i].name;
        if (key.node->key == "tasks" || !name.empty())
          handles.add(key, key.node->key + (name.empty() ? "" : " " + name));
      }
    }
  }

  // The one key of a handle that is known; with several of them that is a fault.
  Cursor only_handle(const Cursor& item) {
    Cursor only;
    for (const std::string_view kind : {"header", "query", "cookie", "tasks"}) {
      const Cursor key = item.find(kind);
      if (!key) continue;
      if (only) {
        walk_.fault(item, {"names several things", "write each as an item of its own"});
        return {};
      }
      only = key;
    }
    return only;
  }

  void check_handle(const Cursor& at, const session::HandleOptions& handle) {
    if (handle.kind == session::HandleKind::header && handle.name == affinity_.header) {
      walk_.fault(at, {in_quotes(handle.name) + " carries the session's id",
                       "remove this handle: that field is always looked at"});
    }
    const bool is_own_cookie = affinity_.mode == Mode::cookie &&
                               handle.kind == session::HandleKind::cookie &&
                               handle.name == affinity_.cookie.name;
    if (is_own_cookie) {
      walk_.fault(at, {in_quotes(handle.name) + " is the proxy's own cookie",
                       "remove this handle, or give affinity.cookie another name"});
    }
  }

  Walk& walk_;
  const Cursor& at_;
  const session::Options& affinity_;
  Cursor mode_;
};

class PoolChecks {
 public:
  explicit PoolChecks(Walk& walk) : walk_(walk) {}

  void check(const Cursor& at, const relay::PoolOptions& pool) {
    check_endpoints(at.find("endpoints"), pool.endpoints);
    check_ring(at, pool);
    const Cursor affinity = at.find("affinity");
    if (is_mapping(affinity)) AffinityChecks(walk_, affinity, pool.affinity).check();
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
