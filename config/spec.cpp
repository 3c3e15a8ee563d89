// The rows. Defaults are not here: they are the members' initial values in the modules' options.h.
#include "config/spec.h"

#include <limits>

#include "base/limits.h"
#include "config/affinity.h"
#include "config/fields.h"
#include "config/names.h"

namespace ringside::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

using app::ShutdownOptions;
using observe::Format;
using observe::Level;
using observe::LogOptions;
using relay::Limits;
using relay::ListenerOptions;
using relay::ListenerTimeouts;
using relay::PoolLimits;
using relay::PoolOptions;
using relay::PoolTimeouts;
using relay::RouteOptions;
using relay::Underscores;
using upstream::EndpointOptions;
using upstream::PlacementBy;
using upstream::PlacementOptions;
using upstream::RingOptions;

constexpr milliseconds kNone{0};
constexpr milliseconds kLeast{1};

// ---- admin, log, shutdown, limits ----

constexpr std::array kAdmin{
    parsed<&admin::Options::bind, listen_address>(
        "bind",
        {.type = "listen_address",
         .reason = "health, readiness and metrics are served here, to anyone who reaches it",
         .required = true,
         .example = "bind: 127.0.0.1:9901, or leave admin out"}),
};

constexpr std::array kLevels{Word<Level>{"debug", Level::debug}, Word<Level>{"info", Level::info},
                             Word<Level>{"warn", Level::warn}, Word<Level>{"error", Level::error}};
constexpr std::array kFormats{Word<Format>{"text", Format::text},
                              Word<Format>{"json", Format::json}};

std::string access_shown(const LogOptions& options) {
  return options.access.empty() ? "off" : options.access;
}

constexpr std::array kLog{
    choice<&LogOptions::level, kLevels>("level", "lines below this level are not written"),
    choice<&LogOptions::format, kFormats>(
        "format", "text for people, json for machines; the access log follows"),
    parsed<&LogOptions::access, parse_access>("access",
                                              {.type = "access_log",
                                               .reason = "one line an exchange, here",
                                               .example = "off, stdout or a path"},
                                              access_shown),
};

constexpr std::array kShutdown{
    duration<&ShutdownOptions::wait>(
        "wait", kNone, hours(1),
        "after SIGTERM readiness fails and serving goes on for so long, until load "
        "balancers have noticed"),
    duration<&ShutdownOptions::deadline>("deadline", kNone, hours(24),
                                         "what is still open so long after that is cut"),
};

constexpr std::array kLimits{
    size<&Limits::header_bytes>(
        "header_bytes", "size", kKiB, kMiB,
        "a larger head is answered 431; without a bound one client could fill the memory"),
    whole<&Limits::header_fields>("header_fields", 16, 4096,
                                  "a head with more fields is answered 431; each is looked at"),
    size<&Limits::target_bytes>("target_bytes", "size", kKiB, kMiB,
                                "a longer request target is answered 414"),
    size<&Limits::body_bytes>(
        "body_bytes", "size_or_0", 0, 1024 * 1024 * kMiB,
        "a larger request body is answered 413; bodies are streamed, never collected, so none "
        "is needed to save memory; 0 is none"),
    size<&Limits::body_rate>(
        "body_rate", "size_or_0", 0, 1024 * kMiB,
        "a request body that brings fewer bytes a second, over ten seconds, is answered 408; a "
        "trickle would hold its connection and an endpoint's; 0 is none"),
    whole<&Limits::connections>(
        "connections", 0, 1'000'000,
        "clients at once over all listeners, each of them a file descriptor; 0 is none"),
    whole<&Limits::connections_per_client>(
        "connections_per_client", 0, 1'000'000,
        "of one address, trusted proxies apart; one more is answered 503; 0 is none"),
    whole<&Limits::requests_per_connection>(
        "requests_per_connection", 0, 1'000'000'000,
        "after so many a client's connection is closed; 0 is none"),
    size<&Limits::pipeline_bytes>(
        "pipeline_bytes", "size", kKiB, 16 * kMiB,
        "of requests that wait for the answer to the one before; past it the client is not read "
        "from"),
};

// ---- listeners ----

constexpr std::array kListenerTimeouts{
    duration<&ListenerTimeouts::request_head>(
        "request_head", kLeast, hours(1),
        "the whole head within so long; a head that never ends would hold its "
        "connection"),
    duration<&ListenerTimeouts::request_body>(
        "request_body", kLeast, hours(24),
        "so long without a byte of the request body ends the exchange"),
    duration<&ListenerTimeouts::keep_alive>(
        "keep_alive", kLeast, hours(24), "an idle connection is kept so long for its next request"),
    duration<&ListenerTimeouts::response_read>(
        "response_read", kLeast, hours(24),
        "a client that reads nothing of its response for so long is cut"),
};

constexpr std::array kRoute{
    parsed<&RouteOptions::host, parse_host>(
        "host", {.type = "host",
                 .reason = "the request's host, any port; any host when absent",
                 .example = "a.example"}),
    parsed<&RouteOptions::path, parse_path>(
        "path", {.type = "path", .reason = "this path and all below it", .example = "/burger"},
        [](const RouteOptions& route) { return route.path; }),
    parsed<&RouteOptions::pool, parse_name>("pool", {.type = "name",
                                                     .reason = "where such requests go",
                                                     .required = true,
                                                     .example = "pool: NAME"}),
};

// `pool: NAME` is the one route that matches every request.
void read_listener_pool(Walk& walk, const Cursor& at, const Rule& rule, ListenerOptions& into) {
  read_value(walk, at, rule, parse_name, [&](std::string& name) {
    into.routes.push_back({.host = "", .path = "/", .pool = std::move(name)});
  });
}

constexpr Rule kTrustedProxy{.type = "address_range",
                             .reason = "one address or a range",
                             .example = "a range of addresses, such as 10.0.0.0/8"};
constexpr Rule kAllowedOrigin{.type = "origin",
                              .reason = "scheme and host, and the port where it is not the usual",
                              .example = "an origin, such as https://a.example"};

constexpr std::array kUnderscores{Word<Underscores>{"refuse", Underscores::refuse},
                                  Word<Underscores>{"drop", Underscores::drop},
                                  Word<Underscores>{"pass", Underscores::pass}};

constexpr std::array kListener{
    parsed<&ListenerOptions::name, parse_listener_name>(
        "name", {.type = "name",
                 .reason = "what log lines and metrics call it",
                 .required = true,
                 .example = "name: mcp"}),
    parsed<&ListenerOptions::bind, listen_address>(
        "bind", {.type = "listen_address",
                 .reason = "where clients connect; port 0 is a free port",
                 .required = true,
                 .example = "bind: 127.0.0.1:8080"}),
    Field<ListenerOptions>{
        .name = "pool",
        .rule = {.type = "name", .reason = "where every request goes", .example = "NAME"},
        .read = read_listener_pool},
    list_of<&ListenerOptions::routes, kRoute>(
        "routes", 1, 1024,
        "in place of pool: which requests go where; each request looks through "
        "them"),
    values<&ListenerOptions::trusted_proxies, parse_address_range, kTrustedProxy>(
        "trusted_proxies", 0, 256,
        "whose X-Forwarded-For and Forwarded are believed; each request looks through them",
        "a list, such as [10.0.0.0/8]"),
    values<&ListenerOptions::allowed_origins, parse_origin, kAllowedOrigin>(
        "allowed_origins", 1, 256,
        "a request with another Origin is answered 403; any when absent; each such request looks "
        "through them",
        "a list, such as [https://a.example], or leave it out for any"),
    choice<&ListenerOptions::underscores, kUnderscores>(
        "underscores",
        "a field with the name of one that matters, but '_' for '-': refuse: 400; drop: it goes no "
        "further; pass: the servers keep the two apart"),
    section<&ListenerOptions::timeouts, kListenerTimeouts>("timeouts",
                                                           "how long a client may take"),
    later<ListenerOptions>("tls", "remove it, and end TLS in front of the proxy until then"),
};

// ---- pools ----

constexpr std::array kEndpoint{
    parsed<&EndpointOptions::address, upstream_address>(
        "address", {.type = "upstream_address",
                    .reason = "host and port; a name is looked up once, at start",
                    .required = true,
                    .example = "address: 10.0.1.5:3000"}),
    whole<&EndpointOptions::weight>("weight", 1, 256,
                                    "its share of new sessions beside the others'; each unit costs "
                                    "ring.points points"),
    parsed<&EndpointOptions::name, parse_endpoint_name>(
        "name",
        {.type = "endpoint_name",
         .reason = "its identity on the ring and in logs and metrics; the address when absent",
         .example = "name: burger-mcp-0"}),
};

void read_endpoints(Walk& walk, const Cursor& at, const Rule& rule, PoolOptions& into) {
  if (!walk.is_list(at, rule)) return;
  constexpr Rule kItem{.example =
                           "ADDRESS:PORT, or {address: ADDRESS:PORT, weight: 2, name: NAME}"};
  for (std::size_t i = 0; i < at.node->children.size(); ++i) {
    EndpointOptions& endpoint = into.endpoints.emplace_back();
    const Cursor item = at.item(i);
    if (item.node->kind == TreeNode::Kind::scalar) {
      read_value(walk, item, kItem, upstream_address,
                 [&](std::string& address) { endpoint.address = address; });
    } else if (walk.is_mapping(item, kItem)) {
      read_fields<EndpointOptions>(walk, item, kEndpoint, endpoint);
    }
    if (endpoint.name.empty()) endpoint.name = endpoint.address;
  }
}

constexpr std::array kPlacedBy{Word<PlacementBy>{"client_ip", PlacementBy::client_ip},
                               Word<PlacementBy>{"least_sessions", PlacementBy::least_sessions}};

constexpr std::array kPlacement{
    choice<&PlacementOptions::by, kPlacedBy>(
        "by",
        "client_ip: one client's new sessions meet one endpoint while it has room; least_sessions: "
        "the emptiest"),
    real<&PlacementOptions::balance_factor>(
        "balance_factor", 1, 100,
        "an endpoint with so many times its share of the sessions gets no new one; "
        "near 1 is even, large keeps clients together"),
};

constexpr std::array kRing{
    whole<&RingOptions::points>(
        "points", 1, 4096,
        "for each unit of weight; more spread sessions more evenly, at 16 bytes each"),
    whole<&RingOptions::seed>(
        "seed", 0, std::numeric_limits<std::uint64_t>::max(),
        "another seed is another ring; proxies that are to agree need the same"),
};

// Longer than a second, or off: a comment costs each open stream a write.
void read_stream_keep_alive(Walk& walk, const Cursor& at, const Rule& rule, PoolTimeouts& into) {
  read_value(walk, at, rule, parse_duration, [&](milliseconds value) {
    if (!in_range(walk, at, rule, static_cast<std::uint64_t>(value.count()))) return;
    if (value == kNone || value >= seconds(1)) {
      into.stream_keep_alive = value;
    } else {
      walk.fault(at, {duration_text(static_cast<std::uint64_t>(value.count())) +
                          " is below 1s: each open stream would be written to so often",
                      "write 1s or more, or 0s for none"});
    }
  });
}

constexpr std::array kPoolTimeouts{
    duration<&PoolTimeouts::connect>("connect", kNone, hours(1),
                                     "an endpoint must accept within it; 0s is none"),
    duration<&PoolTimeouts::response_head>(
        "response_head", kNone, hours(24),
        "from the request's end to the answer's head, event streams by GET apart; "
        "0s is none"),
    duration<&PoolTimeouts::stream_idle>(
        "stream_idle", kNone, hours(720),
        "a response without a byte for so long is cut; 0s is none"),
    Field<PoolTimeouts>{
        .name = "stream_keep_alive",
        .rule = {.type = "duration",
                 .most = static_cast<std::uint64_t>(milliseconds(hours(1)).count()),
                 .reason = "an event stream that was silent for so long is sent a comment; 0s is "
                           "none, else 1s at least",
                 .example = "a duration, such as 15s"},
        .read = read_stream_keep_alive,
        .shown =
            [](const PoolTimeouts& timeouts) {
              return duration_text(static_cast<std::uint64_t>(timeouts.stream_keep_alive.count()));
            }},
    duration<&PoolTimeouts::tunnel>(
        "tunnel", kNone, hours(720),
        "a WebSocket tunnel without a byte either way for so long ends; 0s is none"),
};

constexpr std::array kPoolLimits{
    whole<&PoolLimits::connections>(
        "connections", 0, 1'000'000,
        "to each endpoint, over all workers; a request that needs one more waits; 0 is none"),
    whole<&PoolLimits::queue>(
        "queue", 0, 1'000'000,
        "requests that wait for one endpoint; one more is answered 503; each holds its client"),
    duration<&PoolLimits::queue_timeout>("queue_timeout", kLeast, hours(1),
                                         "a request that has waited for so long is answered 503"),
};

constexpr std::array kPool{
    Field<PoolOptions>{
        .name = "endpoints",
        .rule = {.type = "list",
                 .least = 1,
                 .most = kEndpointsMax,
                 .reason = "the pods of the service; each request may look at all of them",
                 .required = true,
                 .example = "endpoints: [10.0.1.5:3000, 10.0.1.6:3000]"},
        .read = read_endpoints,
        .describe =
            [](const std::string& path, const PoolOptions&, std::vector<KeyInfo>& into) {
              into.push_back({.path = path + "[]",
                              .type = "endpoint",
                              .reason = "an address, or a mapping with the keys below"});
              describe_fields<EndpointOptions>(kEndpoint, path + "[]", {}, into);
            }},
    Field<PoolOptions>{
        .name = "affinity",
        .rule = {.type = "mapping",
                 .reason = "what keeps a session on its endpoint",
                 .example = "a mapping (KEY: VALUE)"},
        .read =
            [](Walk& walk, const Cursor& at, const Rule& rule, PoolOptions& into) {
              if (walk.is_mapping(at, rule))
                read_fields<session::Options>(walk, at, affinity_fields(), into.affinity);
            },
        .describe =
            [](const std::string& path, const PoolOptions& initial, std::vector<KeyInfo>& into) {
              describe_fields<session::Options>(affinity_fields(), path, initial.affinity, into);
            }},
    section<&PoolOptions::placement, kPlacement>("placement", "which endpoint a new session gets"),
    section<&PoolOptions::ring, kRing>("ring", "the consistent-hash ring of the pool"),
    section<&PoolOptions::timeouts, kPoolTimeouts>("timeouts", "how long an endpoint may take"),
    flag<&PoolOptions::websocket>(
        "websocket",
        "a request may switch to WebSocket; else its Upgrade is dropped, as any other"),
    section<&PoolOptions::limits, kPoolLimits>("limits", "how much an endpoint is given at once"),
    later<PoolOptions>("discovery", "list the pods under endpoints until then"),
    later<PoolOptions>("health",
                       "remove it: an endpoint that refuses connections is passed over as it is"),
    later<PoolOptions>("drain", "remove it: endpoints change with a restart so far"),
    later<PoolOptions>("tls", "remove it: pods are spoken to in plain HTTP so far"),
};

// ---- the document ----

void read_pools(Walk& walk, const Cursor& at, const Rule& rule, app::Options& into) {
  if (!walk.is_mapping(at, rule)) return;
  constexpr Rule kItem{.example = "a mapping, such as {endpoints: [10.0.1.5:3000]}"};
  for (const TreeNode& value : at.node->children) {
    if (at.node->find(value.key) != &value) continue;  // a duplicate, reported by is_mapping
    const Cursor pool = at.child(value);
    if (auto name = parse_name(value.key); !name) walk.key_fault(pool, std::move(name.error()));
    PoolOptions& options = into.pools.emplace_back();
    options.name = value.key;
    if (walk.is_mapping(pool, kItem)) read_fields<PoolOptions>(walk, pool, kPool, options);
  }
}

constexpr std::array kDocument{
    parsed<&app::Options::workers, parse_workers>(
        "workers",
        {.type = "workers",
         .least = 1,
         .most = kWorkersMax,
         .reason = "event loops, each a thread; auto is the usable CPUs, at most 4",
         .example = "auto, or a number"},
        [](const app::Options& options) {
          return options.workers == 0 ? "auto" : std::to_string(options.workers);
        }),
    section<&app::Options::admin, kAdmin>("admin",
                                          "the listener for health and metrics; off when absent"),
    section<&app::Options::log, kLog>("log",
                                      "the process log on standard error, and the access log"),
    section<&app::Options::shutdown, kShutdown>("shutdown",
                                                "how the proxy leaves on SIGTERM or SIGINT"),
    required(list_of<&app::Options::listeners, kListener>("listeners", 1, 64,
                                                          "each is a socket for every worker"),
             "listeners: [{name: mcp, bind: 127.0.0.1:8080, pool: NAME}]"),
    Field<app::Options>{
        .name = "pools",
        .rule = {.type = "mapping",
                 .least = 1,
                 .most = 256,
                 .reason = "the services behind the proxy, by name; each has a ring and a table",
                 .required = true,
                 .example = "pools: {NAME: {endpoints: [10.0.1.5:3000]}}"},
        .read = read_pools,
        .describe =
            [](const std::string& path, const app::Options&, std::vector<KeyInfo>& into) {
              describe_fields<PoolOptions>(kPool, path + ".*", {}, into);
            }},
    section<&app::Options::limits, kLimits>("limits", "bounds on what clients may send and hold"),
    parsed<&app::Options::state_file, parse_file_path>(
        "state_file",
        {.type = "file_path",
         .reason = "sessions are saved here and outlive the process; none when absent",
         .example = "a path, such as /var/lib/ringside/state"}),
};

}  // namespace

void read_document(Walk& walk, const Cursor& root, app::Options& into) {
  constexpr Rule kRule{.example = "a mapping that begins with listeners: and pools:"};
  if (walk.is_mapping(root, kRule)) read_fields<app::Options>(walk, root, kDocument, into);
}

std::vector<KeyInfo> known_keys() {
  std::vector<KeyInfo> keys;
  describe_fields<app::Options>(kDocument, "", {}, keys);
  return keys;
}

}  // namespace ringside::config
