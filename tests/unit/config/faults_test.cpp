// Faulty files, and exactly what is said of them.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

using namespace ringside;

namespace {

struct Case {
  std::string_view yaml;
  std::vector<std::string_view> faults;  // without the file's name
};

// What a file needs beside the part that a case is about.
constexpr std::string_view kListener = "listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a}]\n";
constexpr std::string_view kPool = "pools: {a: {endpoints: [10.0.0.1:80]}}\n";

std::vector<std::string> faults_of(std::string_view yaml) {
  std::vector<std::string> texts;
  const auto options = config::read_text(yaml, "f.yaml");
  if (options) return texts;
  for (const auto& fault : options.error()) texts.push_back(config::text(fault));
  return texts;
}

void check(std::string_view before, const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const std::string yaml = std::string(each.yaml) + std::string(before);
    INFO(yaml);
    std::vector<std::string> expected;
    for (const std::string_view fault : each.faults)
      expected.push_back("f.yaml:" + std::string(fault));
    CHECK(faults_of(yaml) == expected);
  }
}

const std::string kBoth = std::string(kListener) + std::string(kPool);

}  // namespace

TEST_CASE("faults: the process: workers, admin, log, shutdown, limits") {
  check(
      kBoth,
      {{"", {}},
       {"workers: 0\n",
        {"1:10: workers: 0 is outside 1..256; stay within it, or write auto (the usable CPUs, at "
         "most 4)"}},
       {"workers: many\n",
        {"1:10: workers: \"many\" is no number of workers; write auto, or 1 to 256"}},
       {"workers: [1]\n", {"1:10: workers: is a list; write auto, or a number"}},
       {"admin: 127.0.0.1:9901\n", {"1:8: admin: is a single value; write a mapping (KEY: VALUE)"}},
       {"admin: {}\n",
        {"1:8: admin.bind: is missing; add bind: 127.0.0.1:9901, or leave admin out"}},
       {"admin: {bind: :9901}\n",
        {"1:15: admin.bind: \":9901\" is no HOST:PORT; name the host too, such as 127.0.0.1:8080 "
         "(or 0.0.0.0:8080 for "
         "every interface)"}},
       {"log: {level: trace}\n",
        {"1:14: log.level: \"trace\" is not known here; write debug, info, warn or error"}},
       {"log:\n  format: xml\n",
        {"2:11: log.format: \"xml\" is not known here; write text or json"}},
       {"log: {access: on}\n",
        {"1:15: log.access: \"on\" is neither off, nor stdout, nor a path; write a path with a / "
         "in it, such as "
         "/var/log/ringside/access.log"}},
       {"shutdown: {wait: 5}\n",
        {"1:18: shutdown.wait: \"5\" has no unit; write 5s (units: ms, s, m, h)"}},
       {"shutdown: {wait: 2h}\n",
        {"1:18: shutdown.wait: 2h is outside 0s..1h; stay within it: after SIGTERM readiness fails "
         "and serving goes on "
         "for so long, until load balancers have noticed"}},
       {"state_file: \"\"\n",
        {"1:13: state_file: \"\" is no path of a file; write one such as "
         "/var/lib/ringside/state"}},
       {"state_file: state/\n",
        {"1:13: state_file: \"state/\" is no path of a file; write one such as "
         "/var/lib/ringside/state"}},
       {"state_file: [state]\n",
        {"1:13: state_file: is a list; write a path, such as /var/lib/ringside/state"}},
       {"limits: {header_bytes: 0}\n",
        {"1:24: limits.header_bytes: \"0\" has no unit; write 0B (units: B, KiB, MiB, GiB)"}},
       {"limits: {header_bytes: 512B}\n",
        {"1:24: limits.header_bytes: 512B is outside 1KiB..1MiB; stay within it: a larger head is "
         "answered 431; without "
         "a bound one client could fill the memory"}},
       {"limits: {body_bytes: 1024}\n",
        {"1:22: limits.body_bytes: \"1024\" has no unit; write 1KiB (units: B, KiB, MiB, GiB)"}},
       {"limits: {body_rate: 2GiB}\n",
        {"1:21: limits.body_rate: 2GiB is outside 0..1GiB; stay within it: a request body that "
         "brings fewer bytes a second, over ten seconds, is answered 408; a trickle would hold its "
         "connection and an endpoint's; 0 is none"}},
       {"limits: {connections: -1}\n",
        {"1:23: limits.connections: \"-1\" is not a whole number; write digits alone, such as "
         "100"}}});
}

TEST_CASE("faults: an unknown key is told the nearest known one, wherever it stands") {
  check(kBoth, {{"worker: 2\n",
                 {"1:1: worker: unknown key; did you mean workers? Known here: workers, admin, "
                  "log, shutdown, listeners, pools, limits, state_file"}},
                {"limits: {header_byte: 1KiB}\n",
                 {"1:10: limits.header_byte: unknown key; did you mean header_bytes? Known here: "
                  "header_bytes, header_fields, target_bytes, body_bytes, body_rate, connections, "
                  "connections_per_client, requests_per_connection, pipeline_bytes"}},
                {"shutdown: {\"dead\\nline\": 1s}\n",
                 {"1:12: shutdown.dead\\x0aline: unknown key; did you mean deadline? Known here: "
                  "wait, deadline"}}});
  check(kListener, {{"pools: {a: {endpoints: [{adress: 10.0.0.1:80}], ring: {pionts: 1}}}\n",
                     {"1:25: pools.a.endpoints[0].address: is missing; add address: 10.0.1.5:3000",
                      "1:26: pools.a.endpoints[0].adress: unknown key; did you mean address? Known "
                      "here: address, weight, name",
                      "1:56: pools.a.ring.pionts: unknown key; did you mean points? Known here: "
                      "points, seed"}}});
}

TEST_CASE("faults: a key of a later version is refused, not ignored") {
  check(kPool, {{"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, tls: {cert_file: c}}]\n",
                 {"1:53: listeners[0].tls: is not supported yet; remove it, and end TLS in front "
                  "of the proxy until "
                  "then"}}});
  check(kListener,
        {{"pools: {a: {discovery: {dns: {name: n}}}}\n",
          {"1:12: pools.a.endpoints: is missing; add endpoints: [10.0.1.5:3000, 10.0.1.6:3000]",
           "1:13: pools.a.discovery: is not supported yet; list the pods under endpoints until "
           "then"}},
         {"pools:\n"
          "  a:\n"
          "    endpoints: [10.0.0.1:80]\n"
          "    health: {}\n"
          "    drain: {}\n"
          "    tls: {}\n",
          {"4:5: pools.a.health: is not supported yet; remove it: an endpoint that refuses "
           "connections is passed over as "
           "it is",
           "5:5: pools.a.drain: is not supported yet; remove it: endpoints change with a restart "
           "so far",
           "6:5: pools.a.tls: is not supported yet; remove it: pods are spoken to in plain HTTP so "
           "far"}}});
}

TEST_CASE("faults: a key that is there twice is a fault, and the first value counts") {
  check(kBoth, {{"workers: 1\nworkers: many\n",
                 {"2:1: workers: is here twice, first in line 1; keep one"}},
                {"log: {level: info, level: info, level: info}\n",
                 {"1:20: log.level: is here twice, first in line 1; keep one",
                  "1:33: log.level: is here twice, first in line 1; keep one"}}});
  check(kListener, {{"pools:\n  a: {endpoints: [10.0.0.1:80]}\n  a: {endpoints: [10.0.0.2:80]}\n",
                     {"3:3: pools.a: is here twice, first in line 2; keep one"}}});
}

TEST_CASE("faults: listeners") {
  check(kPool,
        {{"",
          {"1:1: listeners: is missing; add listeners: [{name: mcp, bind: 127.0.0.1:8080, pool: "
           "NAME}]"}},
         {"listeners: []\n",
          {"1:12: listeners: has no entry; write listeners: [{name: mcp, bind: 127.0.0.1:8080, "
           "pool: NAME}]"}},
         {"listeners: {name: mcp}\n",
          {"1:12: listeners: is a mapping; write listeners: [{name: mcp, bind: 127.0.0.1:8080, "
           "pool: NAME}]"}},
         {"listeners: [mcp]\n",
          {"1:13: listeners[0]: is a single value; write a mapping (KEY: VALUE)"}},
         {"listeners:\n  - pool: a\n",
          {"2:5: listeners[0].name: is missing; add name: mcp",
           "2:5: listeners[0].bind: is missing; add bind: 127.0.0.1:8080"}},
         {"listeners: [{name: m c p, bind: 127.0.0.1:0, pool: a}]\n",
          {"1:20: listeners[0].name: \"m c p\" is no name; use 1 to 63 letters, digits, '-', '_' "
           "and '.'"}},
         {"listeners: [{name: admin, bind: 127.0.0.1:0, pool: a}]\n",
          {"1:20: listeners[0].name: \"admin\" is taken by the log line that says `ready`; choose "
           "another name, such as "
           "mcp"}},
         {"listeners: [{name: mcp, bind: example.com:80, pool: a}]\n",
          {"1:31: listeners[0].bind: \"example.com:80\" has no IP address; names are not looked up "
           "here; write "
           "127.0.0.1:8080 (or 0.0.0.0:8080 for every interface)"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0}]\n",
          {"1:13: listeners[0]: has neither pool nor routes; add pool: NAME"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, routes: [{pool: a}]}]\n",
          {"1:53: listeners[0].routes: stands beside pool; keep one of them; `pool: NAME` is a "
           "route for all requests"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: b}]\n",
          {"1:50: listeners[0].pool: there is no pool \"b\"; did you mean \"a\"? Or define it "
           "under pools"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, trusted_proxies: [10.0.0.0/33, ::1, "
          "x]}]\n",
          {"1:71: listeners[0].trusted_proxies[0]: \"10.0.0.0/33\" is no range of addresses; write "
           "one such as "
           "10.0.0.0/8, fd00::/8 or 10.1.2.3",
           "1:89: listeners[0].trusted_proxies[2]: \"x\" is no range of addresses; write one such "
           "as 10.0.0.0/8, "
           "fd00::/8 or 10.1.2.3"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, timeouts: {request_head: 0s}}]\n",
          {"1:78: listeners[0].timeouts.request_head: 0s is outside 1ms..1h; stay within it: the "
           "whole head within so "
           "long; a head that never ends would hold its connection"}}});
}

TEST_CASE("faults: the origins that a listener takes") {
  check(kPool,
        {{"listeners:\n"
          "  - name: mcp\n"
          "    bind: 127.0.0.1:0\n"
          "    pool: a\n"
          "    allowed_origins:\n"
          "      - \"https://*.example\"\n"
          "      - \"null\"\n"
          "      - a.example\n"
          "      - https://a.example/\n"
          "      - https://a.example:0\n"
          "      - 1http://a.example\n"
          "      - [https://a.example]\n",
          {"6:9: listeners[0].allowed_origins[0]: \"https://*.example\" has a wildcard; write each "
           "origin, or leave allowed_origins out for any",
           "7:9: listeners[0].allowed_origins[1]: \"null\" is what every page without an origin "
           "sends; name the pages' own, such as https://a.example",
           "8:9: listeners[0].allowed_origins[2]: \"a.example\" has no scheme; write "
           "scheme://host, such as https://a.example",
           "9:9: listeners[0].allowed_origins[3]: \"https://a.example/\" goes on after the host; "
           "browsers send scheme://host alone: leave path and / out",
           "10:9: listeners[0].allowed_origins[4]: \"https://a.example:0\" has no host, or a port "
           "that is none; write scheme://host or scheme://host:port, such as https://a.example",
           "11:9: listeners[0].allowed_origins[5]: \"1http://a.example\" has no scheme; write "
           "scheme://host, such as https://a.example",
           "12:9: listeners[0].allowed_origins[6]: is a list; write an origin, such as "
           "https://a.example"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, allowed_origins: []}]\n",
          {"1:70: listeners[0].allowed_origins: has no entry; write a list, such as "
           "[https://a.example], or leave it out for any"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, underscores: off}]\n",
          {"1:66: listeners[0].underscores: \"off\" is not known here; write refuse, drop or "
           "pass"}},
         {"listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a, allowed_origins: any}]\n",
          {"1:70: listeners[0].allowed_origins: is a single value; write a list, such as "
           "[https://a.example], or leave it out for any"}}});
}

TEST_CASE("faults: two listeners, or a listener and admin, in one place or by one name") {
  check(kPool, {{"admin: {bind: localhost:9901}\n"
                 "listeners:\n"
                 "  - {name: a, bind: 127.0.0.1:9901, pool: a}\n"
                 "  - {name: a, bind: 127.0.0.1:8080, pool: a}\n"
                 "  - {name: b, bind: 127.0.0.1:8080, pool: a}\n"
                 "  - {name: c, bind: 127.0.0.1:0, pool: a}\n"
                 "  - {name: d, bind: 127.0.0.1:0, pool: a}\n",
                 {"3:21: listeners[0].bind: the address \"127.0.0.1:9901\" is already that of "
                  "admin.bind (line 1); give "
                  "each listener its own port",
                  "4:12: listeners[1].name: the name \"a\" is already that of listeners[0].name "
                  "(line 3); give each "
                  "listener its own name",
                  "5:21: listeners[2].bind: the address \"127.0.0.1:8080\" is already that of "
                  "listeners[1].bind (line 4); "
                  "give each listener its own port"}}});
}

TEST_CASE("faults: routes") {
  check(kPool,
        {{"listeners:\n"
          "  - name: mcp\n"
          "    bind: 127.0.0.1:0\n"
          "    routes:\n"
          "      - {host: A.example, path: /b, pool: a}\n"
          "      - {host: a.Example, path: /b, pool: a}\n"
          "      - {path: b, pool: a}\n"
          "      - {path: /b/, pool: a}\n"
          "      - {path: \"/b?c\", pool: a}\n"
          "      - {host: \"a.example:80\", pool: a}\n"
          "      - {host: \"*.example\", pool: a}\n"
          "      - {pool: nowhere}\n"
          "      - {path: /}\n",
          {"6:9: listeners[0].routes[1]: the host and path \"a.example/b\" is already that of "
           "listeners[0].routes[0] (line 5); keep one of them: the second would never be used",
           "7:16: listeners[0].routes[2].path: \"b\" does not begin with /; write a path, such as "
           "/burger",
           "8:16: listeners[0].routes[3].path: \"/b/\" ends with /; write /b: it matches that path "
           "and all below "
           "it",
           "9:16: listeners[0].routes[4].path: \"/b?c\" has a byte that no path prefix can have; "
           "write the path as "
           "requests have it, without query, fragment or wildcard",
           "10:16: listeners[0].routes[5].host: \"a.example:80\" is no host; leave scheme, port "
           "and path out: "
           "a.example matches every port",
           "11:16: listeners[0].routes[6].host: \"*.example\" has a wildcard; write each host, or "
           "leave host out "
           "for any",
           "12:16: listeners[0].routes[7].pool: there is no pool \"nowhere\"; did you mean \"a\"? "
           "Or define it "
           "under pools",
           "13:9: listeners[0].routes[8].pool: is missing; add pool: NAME",
           "13:9: listeners[0].routes[8]: the host and path \"/\" is already that of "
           "listeners[0].routes[7] (line "
           "12); keep one of them: the second would never be used"}}});
}

TEST_CASE("faults: pools and endpoints") {
  check(kListener,
        {{"", {"1:1: pools: is missing; add pools: {NAME: {endpoints: [10.0.1.5:3000]}}"}},
         {"pools: [a]\n",
          {"1:8: pools: is a list; write pools: {NAME: {endpoints: [10.0.1.5:3000]}}"}},
         {"pools: {a: }\n",
          {"1:12: pools.a: is empty; write a mapping, such as {endpoints: [10.0.1.5:3000]}"}},
         {"pools: {a: {}}\n",
          {"1:12: pools.a.endpoints: is missing; add endpoints: [10.0.1.5:3000, 10.0.1.6:3000]"}},
         {"pools: {a: {endpoints: []}}\n",
          {"1:24: pools.a.endpoints: has no entry; write endpoints: [10.0.1.5:3000, "
           "10.0.1.6:3000]"}},
         {"pools: {a: {endpoints: [10.0.0.1:80]}, a b: {endpoints: [10.0.0.1:80]}}\n",
          {"1:40: pools.a b: \"a b\" is no name; use 1 to 63 letters, digits, '-', '_' and '.'"}},
         {"pools:\n"
          "  a:\n"
          "    endpoints:\n"
          "      - 10.0.0.1\n"
          "      - fd00::1:80\n"
          "      - http://pod:80/\n"
          "      - 10.0.0.300:80\n"
          "      - pod:0\n"
          "      - po d:80\n"
          "      - [pod:80]\n",
          {"4:9: pools.a.endpoints[0]: \"10.0.0.1\" is no HOST:PORT; write an address and a port "
           "of at most 65535, such as "
           "10.0.1.5:3000",
           "5:9: pools.a.endpoints[1]: \"fd00::1:80\" is no HOST:PORT; put an IPv6 address in "
           "brackets, such as "
           "[::1]:8080",
           "6:9: pools.a.endpoints[2]: \"http://pod:80/\" is no HOST:PORT; leave the scheme and "
           "the path out, such as "
           "10.0.1.5:3000",
           "7:9: pools.a.endpoints[3]: \"10.0.0.300\" is neither an address nor a host name; write "
           "an address and a port, "
           "such as 10.0.1.5:3000",
           "8:9: pools.a.endpoints[4]: \"pod:0\" has port 0; give the pod's port, 1 to 65535",
           "9:9: pools.a.endpoints[5]: \"po d\" is neither an address nor a host name; write an "
           "address and a port, such "
           "as 10.0.1.5:3000",
           "10:9: pools.a.endpoints[6]: is a list; write ADDRESS:PORT, or {address: ADDRESS:PORT, "
           "weight: 2, name: "
           "NAME}"}},
         {"pools:\n"
          "  a:\n"
          "    endpoints:\n"
          "      - 10.0.0.1:80\n"
          "      - {address: 10.0.0.1:80}\n"
          "      - {address: Pod:80, name: x}\n"
          "      - {address: pod:80, name: y}\n"
          "      - {address: 10.0.0.2:80, name: x}\n"
          "      - {address: 10.0.0.3:80, name: \"10.0.0.1:80\"}\n"
          "      - {address: 10.0.0.4:80, weight: 257}\n",
          {"5:19: pools.a.endpoints[1].address: the address \"10.0.0.1:80\" is already that of "
           "pools.a.endpoints[0] (line "
           "4); list each pod once; use weight for a larger share",
           "7:19: pools.a.endpoints[3].address: the address \"pod:80\" is already that of "
           "pools.a.endpoints[2].address "
           "(line 6); list each pod once; use weight for a larger share",
           "8:38: pools.a.endpoints[4].name: the name \"x\" is already that of "
           "pools.a.endpoints[2].name (line 6); give "
           "each endpoint its own name",
           "9:38: pools.a.endpoints[5].name: the name \"10.0.0.1:80\" is already that of "
           "pools.a.endpoints[0] (line 4); give each endpoint its own name",
           "10:40: pools.a.endpoints[6].weight: 257 is outside 1..256; stay within it: its share "
           "of new sessions beside "
           "the others'; each unit costs ring.points points"}}});
}

TEST_CASE("faults: affinity, placement, ring and timeouts of a pool") {
  check(
      kListener,
      {{"pools:\n"
        "  a:\n"
        "    endpoints: [10.0.0.1:80]\n"
        "    affinity: {mode: sticky, header: \"a b\", idle_ttl: 0s, owner_grace: 25h, "
        "max_sessions: 0}\n"
        "    placement: {by: random, balance_factor: 0.9}\n"
        "    ring: {points: 4097, seed: -1}\n"
        "    timeouts: {connect: 61m, response_head: 10, stream_idle: none, stream_keep_alive: "
        "999ms}\n",
        {"4:22: pools.a.affinity.mode: \"sticky\" is not known here; write learn, tag, cookie, "
         "client or none",
         "4:38: pools.a.affinity.header: \"a b\" is no header name; write one without colon or "
         "spaces, such as "
         "mcp-session-id",
         "4:55: pools.a.affinity.idle_ttl: 0s is outside 1ms..720h; stay within it: a session "
         "unused for so long is "
         "forgotten here; an open stream is use",
         "4:72: pools.a.affinity.owner_grace: 25h is outside 0s..24h; stay within it: an owner "
         "that has refused "
         "connections for so long has lost its sessions; until then they are answered 503",
         "4:91: pools.a.affinity.max_sessions: 0 is outside 1..100000000; stay within it: past it "
         "the least recently "
         "used is forgotten; each takes memory",
         "5:21: pools.a.placement.by: \"random\" is not known here; write client_ip or "
         "least_sessions",
         "5:45: pools.a.placement.balance_factor: 0.9 is outside 1..100; stay within it: an "
         "endpoint with so many times "
         "its share of the sessions gets no new one; near 1 is even, large keeps clients together",
         "6:20: pools.a.ring.points: 4097 is outside 1..4096; stay within it: for each unit of "
         "weight; more spread "
         "sessions more evenly, at 16 bytes each",
         "6:32: pools.a.ring.seed: \"-1\" is not a whole number; write digits alone, such as 100",
         "7:25: pools.a.timeouts.connect: 61m is outside 0s..1h; stay within it: an endpoint must "
         "accept within it; 0s "
         "is none",
         "7:45: pools.a.timeouts.response_head: \"10\" has no unit; write 10s (units: ms, s, m, h)",
         "7:62: pools.a.timeouts.stream_idle: \"none\" is not a duration; write a whole number and "
         "a unit, such as 10s "
         "(units: ms, s, m, h)",
         "7:87: pools.a.timeouts.stream_keep_alive: 999ms is below 1s: each open stream would be "
         "written to so often; write 1s or more, or 0s for none"}},
       {"pools: {a: {endpoints: [10.0.0.1:80], limits: {connections: -1, queue_timeout: 0s}}}\n",
        {"1:61: pools.a.limits.connections: \"-1\" is not a whole number; write digits alone, such "
         "as 100",
         "1:80: pools.a.limits.queue_timeout: 0s is outside 1ms..1h; stay within it: a request "
         "that has waited for so long is answered 503"}},
       {"limits: {header_fields: 15, target_bytes: 2MiB, pipeline_bytes: 0}\n"
        "pools: {a: {endpoints: [10.0.0.1:80], affinity: {max_streams_per_session: 65536}}}\n",
        {"1:25: limits.header_fields: 15 is outside 16..4096; stay within it: a head with more "
         "fields is answered 431; each is looked at",
         "1:43: limits.target_bytes: 2MiB is outside 1KiB..1MiB; stay within it: a longer request "
         "target is answered 414",
         "1:65: limits.pipeline_bytes: \"0\" has no unit; write 0B (units: B, KiB, MiB, GiB)",
         "2:75: pools.a.affinity.max_streams_per_session: 65536 is outside 0..65535; stay within "
         "it: a session that has so many open event streams gets no new one; 0 is none"}},
       {"pools: {a: {endpoints: [10.0.0.1:80], timeouts: {stream_keep_alive: 61m}}}\n",
        {"1:69: pools.a.timeouts.stream_keep_alive: 61m is outside 0s..1h; stay within it: an "
         "event stream that was silent for so long is sent a comment; 0s is none, else 1s at "
         "least"}},
       {"pools: {a: {endpoints: [10.0.0.1:80], timeouts: {stream_keep_alive: on}}}\n",
        {"1:69: pools.a.timeouts.stream_keep_alive: \"on\" is not a duration; write a whole number "
         "and a unit, such as 10s (units: ms, s, m, h)"}},
       {"pools: {a: {endpoints: [10.0.0.1:80], timeouts: {tunnel: 721h}, websocket: yes}}\n",
        {"1:58: pools.a.timeouts.tunnel: 721h is outside 0s..720h; stay within it: a WebSocket "
         "tunnel without a byte either way for so long ends; 0s is none",
         "1:76: pools.a.websocket: \"yes\" is neither true nor false; write one of the two"}},
       {"pools: {a: {endpoints: [10.0.0.1:80], affinity: {header: Host}}}\n",
        {"1:58: pools.a.affinity.header: \"Host\" is rewritten by every proxy; name the field that "
         "carries the "
         "session's id"}},
       {"pools: {a: {endpoints: [{address: 10.0.0.1:80, weight: 256}, 10.0.0.2:80], ring: {points: "
        "4096}}}\n",
        {"1:12: pools.a: its ring has 1052672 points (weights x ring.points); stay within 1048576: "
         "lower the weights or "
         "ring.points"}}});
}

TEST_CASE("faults: what is not YAML is said in one fault, where the parser stopped") {
  struct Broken {
    std::string_view yaml;
    std::string_view begin;
    std::string_view end;
  };
  // Between the two stand the parser's own words, which differ from one version to the next.
  const std::vector<Broken> cases{
      {"listeners:\n\t- name: mcp\n", "f.yaml:2:2: file: this is not YAML (",
       "); indent with spaces, not tabs"},
      {"a: \"b", "f.yaml:1:6: file: this is not YAML (", "); close the quotes"},
      {"a: b: c\n", "f.yaml:1:5: file: this is not YAML (",
       "); check the colons, and put quotes round text that has \": \" in it"},
      {"a: [b, c\n", "f.yaml:", "); check the brackets, braces and commas before here"},
      {"a:\n  - b\n c\n", "f.yaml:3:", "); check the indentation here and above"},
      {"a: *b\n", "f.yaml:1:4: file: this is not YAML (",
       "); define an anchor (&name) before its alias (*name)"},
      {"a: \"\\\x01\"\n", "f.yaml:1:", "); check the indentation, colons and quotes near here"}};
  for (const Broken& each : cases) {
    INFO(each.yaml);
    const auto faults = faults_of(each.yaml);
    REQUIRE(faults.size() == 1);
    INFO(faults[0]);
    CHECK(faults[0].starts_with(each.begin));
    CHECK(faults[0].ends_with(each.end));
  }
}

TEST_CASE("faults: YAML that no configuration needs is refused") {
  check(
      "",
      {{"a: &a [*a]\n", {"1:8: file: an alias stands inside its own anchor; write the value out"}},
       {"workers: 1\n---\nworkers: 2\n",
        {"2:1: file: a second document begins; put one document into the file"}},
       {"? [a]\n: b\n", {"1:3: file: a key is not plain text; write KEY: VALUE"}},
       {"- a\n", {"1:1: file: is a list; write a mapping that begins with listeners: and pools:"}},
       {"ringside\n",
        {"1:1: file: is a single value; write a mapping that begins with listeners: and "
         "pools:"}}});
}

TEST_CASE("faults: an empty file says what a file needs") {
  check("", {{"",
              {"1:1: listeners: is missing; add listeners: [{name: mcp, bind: 127.0.0.1:8080, "
               "pool: NAME}]",
               "1:1: pools: is missing; add pools: {NAME: {endpoints: [10.0.1.5:3000]}}"}}});
}

TEST_CASE("faults: a file that cannot be read is a fault of that file") {
  const auto missing = config::read_file("/nonexistent/ringside.yaml");
  REQUIRE_FALSE(missing.has_value());
  REQUIRE(missing.error().size() == 1);
  CHECK(config::text(missing.error()[0]) ==
        "/nonexistent/ringside.yaml:1:1: file: cannot be read: No such file or directory; give a "
        "file that this user may "
        "read");
  CHECK_FALSE(config::read_file("/").has_value());
}

TEST_CASE("faults: more than a hundred are cut off with a word") {
  std::string yaml(kBoth);
  for (int i = 0; i < 200; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
  const auto faults = faults_of(yaml);
  REQUIRE(faults.size() == 101);
  CHECK(faults.back().ends_with("there are more than 100 faults; mend those above first"));
}
