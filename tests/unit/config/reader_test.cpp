// What a file without faults means.
#include "config/reader.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace ringside;

namespace {

app::Options read(std::string_view yaml) {
  auto options = config::read_text(yaml, "f.yaml");
  if (!options) FAIL(config::text(options.error().at(0)));
  return *options;
}

}  // namespace

TEST_CASE("reader: every key reaches its option") {
  const app::Options options = read(R"(
workers: 3
state_file: /var/lib/ringside/state
admin: { bind: "[::1]:9901" }
log: { level: warn, format: json, access: /var/log/a }
shutdown: { wait: 5s, deadline: 1m }
listeners:
  - name: mcp
    bind: localhost:8080
    pool: burger
    trusted_proxies: [10.0.0.0/8, "::1"]
    allowed_origins: ["https://A.example:8443"]
    underscores: drop
    timeouts: { request_head: 1s, request_body: 2s, keep_alive: 3s }
pools:
  burger:
    endpoints: [ 10.0.1.5:3000, { address: Pod.Burger:3000, weight: 2, name: burger-1 } ]
    affinity:
      mode: client
      header: X-Session
      idle_ttl: 1h
      owner_grace: 250ms
      max_sessions: 10
      on_owner_lost: not_found
      max_sessions_per_client: 4
    placement: { by: least_sessions, balance_factor: 1.5 }
    ring: { points: 40, seed: 18446744073709551615 }
    timeouts: { connect: 1s, response_head: 0s, stream_idle: 2h, stream_keep_alive: 1s, tunnel: 5m }
    websocket: false
limits: { header_bytes: 16KiB, body_bytes: 1MiB, body_rate: 1KiB, connections: 5 }
)");
  CHECK(options.workers == 3);
  CHECK(options.state_file == "/var/lib/ringside/state");
  CHECK(options.admin.bind.value().text() == "[::1]:9901");
  CHECK(options.log.level == observe::Level::warn);
  CHECK(options.log.format == observe::Format::json);
  CHECK(options.log.access == "/var/log/a");
  CHECK(options.shutdown.wait == milliseconds(5'000));
  CHECK(options.shutdown.deadline == milliseconds(60'000));

  REQUIRE(options.listeners.size() == 1);
  const relay::ListenerOptions& listener = options.listeners[0];
  CHECK(listener.name == "mcp");
  CHECK(listener.bind.text() == "127.0.0.1:8080");
  REQUIRE(listener.routes.size() == 1);
  CHECK(listener.routes[0].host.empty());
  CHECK(listener.routes[0].path == "/");
  CHECK(listener.routes[0].pool == "burger");
  REQUIRE(listener.trusted_proxies.size() == 2);
  CHECK(listener.trusted_proxies[0].contains(Address::parse_host("10.9.9.9").value()));
  CHECK(listener.allowed_origins == std::vector<std::string>{"https://a.example:8443"});
  CHECK(listener.underscores == relay::Underscores::drop);
  CHECK(listener.timeouts.request_head == milliseconds(1'000));
  CHECK(listener.timeouts.request_body == milliseconds(2'000));
  CHECK(listener.timeouts.keep_alive == milliseconds(3'000));

  REQUIRE(options.pools.size() == 1);
  const relay::PoolOptions& pool = options.pools[0];
  CHECK(pool.name == "burger");
  REQUIRE(pool.endpoints.size() == 2);
  CHECK(pool.endpoints[0].address == "10.0.1.5:3000");
  CHECK(pool.endpoints[0].name == "10.0.1.5:3000");
  CHECK(pool.endpoints[0].weight == 1);
  CHECK(pool.endpoints[1].address == "pod.burger:3000");
  CHECK(pool.endpoints[1].name == "burger-1");
  CHECK(pool.endpoints[1].weight == 2);
  CHECK(pool.affinity.mode == session::Mode::client);
  CHECK(pool.affinity.header == "x-session");
  CHECK(pool.affinity.idle_ttl == milliseconds(3'600'000));
  CHECK(pool.affinity.owner_grace == milliseconds(250));
  CHECK(pool.affinity.max_sessions == 10);
  CHECK(pool.affinity.max_sessions_per_client == 4);
  CHECK(pool.placement.by == upstream::PlacementBy::least_sessions);
  CHECK(pool.placement.balance_factor == 1.5);
  CHECK(pool.ring.points == 40);
  CHECK(pool.ring.seed == 18446744073709551615ULL);
  CHECK(pool.timeouts.connect == milliseconds(1'000));
  CHECK(pool.timeouts.response_head == milliseconds(0));
  CHECK(pool.timeouts.stream_idle == milliseconds(7'200'000));
  CHECK(pool.timeouts.stream_keep_alive == milliseconds(1'000));
  CHECK(pool.timeouts.tunnel == milliseconds(300'000));
  CHECK_FALSE(pool.websocket);
  CHECK(options.limits.header_bytes == 16'384);
  CHECK(options.limits.body_bytes == 1'048'576);
  CHECK(options.limits.body_rate == 1'024);
  CHECK(options.limits.connections == 5);
}

TEST_CASE("reader: a key that is absent leaves the default of its module") {
  const app::Options options = read(
      "listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a}]\n"
      "pools: {a: {endpoints: [10.0.0.1:80]}}\n");
  const app::Options fresh;
  CHECK(options.workers == fresh.workers);
  CHECK_FALSE(options.admin.bind.has_value());
  CHECK(options.log.access.empty());
  CHECK(options.state_file.empty());
  CHECK(options.listeners[0].allowed_origins.empty());
  CHECK(options.listeners[0].underscores == relay::Underscores::refuse);
  CHECK(options.pools[0].timeouts.stream_keep_alive == milliseconds(0));
  CHECK(options.pools[0].timeouts.tunnel == milliseconds(3'600'000));
  CHECK(options.pools[0].websocket);
  CHECK(options.shutdown.deadline == fresh.shutdown.deadline);
  CHECK(options.limits.header_bytes == fresh.limits.header_bytes);
  CHECK(options.listeners[0].timeouts.keep_alive == relay::ListenerTimeouts{}.keep_alive);
  CHECK(options.pools[0].affinity.mode == session::Mode::learn);
  CHECK(options.pools[0].affinity.header == "mcp-session-id");
  CHECK(options.pools[0].ring.points == upstream::RingOptions{}.points);
}

TEST_CASE("reader: auto, off and 0 have their own meaning") {
  const app::Options options = read(
      "workers: auto\n"
      "log: {access: off}\n"
      "limits: {body_bytes: 0, connections: 0}\n"
      "listeners: [{name: mcp, bind: 0.0.0.0:0, pool: a}]\n"
      "pools: {a: {endpoints: [10.0.0.1:80]}, unused: {endpoints: [10.0.0.1:80]}}\n");
  CHECK(options.workers == 0);
  CHECK(options.log.access.empty());
  CHECK(options.limits.body_bytes == 0);
  CHECK(options.limits.connections == 0);
  CHECK(options.pools.size() == 2);
}

TEST_CASE("reader: routes keep their order; hosts come in lower case, paths are / when absent") {
  const app::Options options = read(R"(
listeners:
  - name: mcp
    bind: 127.0.0.1:0
    routes:
      - { pool: a }
      - { host: B.example, path: /Tools, pool: a }
pools:
  a: { endpoints: [10.0.0.1:80] }
)");
  const auto& routes = options.listeners[0].routes;
  REQUIRE(routes.size() == 2);
  CHECK(routes[0].host.empty());
  CHECK(routes[0].path == "/");
  CHECK(routes[1].host == "b.example");
  CHECK(routes[1].path == "/Tools");
}

TEST_CASE("reader: an origin comes in lower case, without the port that its scheme has anyway") {
  const app::Options options = read(R"(
listeners:
  - name: mcp
    bind: 127.0.0.1:0
    pool: a
    allowed_origins:
      - HTTPS://A.Example
      - https://a.example:443
      - http://localhost:80
      - http://localhost:0443
      - https://a.example:80
      - "http://[FD00::1]:3000"
      - vscode-webview://ab12
pools:
  a: { endpoints: [10.0.0.1:80] }
)");
  CHECK(options.listeners[0].allowed_origins ==
        std::vector<std::string>{"https://a.example", "https://a.example", "http://localhost",
                                 "http://localhost:443", "https://a.example:80",
                                 "http://[fd00::1]:3000", "vscode-webview://ab12"});
}

TEST_CASE("reader: an alias stands for its anchor's value") {
  const app::Options options = read(R"(
listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a}]
pools:
  a: { endpoints: [10.0.0.1:80], timeouts: &patient { connect: 7s } }
  b: { endpoints: [10.0.0.1:80], timeouts: *patient }
)");
  CHECK(options.pools[1].timeouts.connect == milliseconds(7'000));
}
