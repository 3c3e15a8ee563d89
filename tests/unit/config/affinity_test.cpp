// pools.*.affinity: each key, its bounds, and the keys that need or exclude one another.
//
// Method   Each case is the value of `affinity` and the one fault that it has, without the file's
//          name, line and path of the pool; the places are checked apart.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

using namespace ringside;
using std::chrono::hours;

namespace {

std::string document(std::string_view affinity) {
  return "listeners: [{name: mcp, bind: 127.0.0.1:0, pool: a}]\n"
         "pools: {a: {endpoints: [10.0.0.1:80], affinity: " +
         std::string(affinity) + "}}\n";
}

session::Options read(std::string_view affinity) {
  auto options = config::read_text(document(affinity), "f.yaml");
  INFO(affinity);
  if (!options) FAIL(config::text(options.error().at(0)));
  return options->pools.at(0).affinity;
}

// "column: key: problem; remedy", the key below affinity, columns counted in what stands there.
std::vector<std::string> faults_of(std::string_view affinity) {
  constexpr int kBefore = 48;
  constexpr std::string_view kPath = "pools.a.affinity.";
  const auto options = config::read_text(document(affinity), "f.yaml");
  std::vector<std::string> texts;
  if (options) return texts;
  for (const config::Fault& fault : options.error()) {
    const std::string key =
        fault.key.starts_with(kPath) ? fault.key.substr(kPath.size()) : fault.key;
    texts.push_back(std::to_string(fault.column - kBefore) + ": " + key + ": " + fault.problem +
                    "; " + fault.remedy);
  }
  return texts;
}

struct Case {
  std::string_view affinity;
  std::string_view fault;  // what it begins with
};

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    INFO(each.affinity);
    const auto faults = faults_of(each.affinity);
    INFO((faults.empty() ? "none" : faults[0]));
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].starts_with(each.fault));
  }
}

void check_taken(const std::vector<std::string_view>& cases) {
  for (const std::string_view affinity : cases) {
    INFO(affinity);
    CHECK(faults_of(affinity) == std::vector<std::string>{});
  }
}

std::string repeated(std::string_view item, int count) {
  std::string list;
  for (int i = 0; i < count; ++i)
    list += (list.empty() ? "" : ", ") + std::string(item) + std::to_string(i);
  return "[" + list + "]";
}

std::string repeated_handles(int count) {
  std::string list;
  for (int i = 0; i < count; ++i)
    list += (list.empty() ? "" : ", ") + std::string("{query: q") + std::to_string(i) + "}";
  return "{handles: [" + list + "]}";
}

}  // namespace

TEST_CASE("affinity: every key reaches its option") {
  const session::Options learn = read(R"({
    mode: learn, max_sessions_per_client: 7, on_owner_lost: reinitialize, stateless: client,
    revive: { per_second: 3, unknown: true },
    search: { attempts: 2, in_flight: 4, per_client: 5, share: 7.5%, body_bytes: 1KiB,
              remember: 250ms, unknown_forms: ["No such chat", gone] },
    handles: [ { header: Mcp-Param-Room }, { query: room }, { cookie: App }, { tasks: true } ] })");
  CHECK(learn.max_sessions_per_client == 7);
  CHECK(learn.on_owner_lost == session::OnOwnerLost::reinitialize);
  CHECK(learn.stateless == session::Stateless::client);
  CHECK(learn.revive.per_second == 3);
  CHECK(learn.revive.unknown);
  CHECK(learn.search.attempts == 2);
  CHECK(learn.search.in_flight == 4);
  CHECK(learn.search.per_client == 5);
  CHECK(learn.search.share == 0.075);
  CHECK(learn.search.body_bytes == 1024);
  CHECK(learn.search.remember == milliseconds(250));
  CHECK(learn.search.unknown_forms == std::vector<std::string>{"No such chat", "gone"});
  REQUIRE(learn.handles.size() == 4);
  CHECK(learn.handles[0].kind == session::HandleKind::header);
  CHECK(learn.handles[0].name == "mcp-param-room");
  CHECK(learn.handles[1].kind == session::HandleKind::query);
  CHECK(learn.handles[1].name == "room");
  CHECK(learn.handles[2].kind == session::HandleKind::cookie);
  CHECK(learn.handles[2].name == "App");
  CHECK(learn.handles[3].kind == session::HandleKind::tasks);
  CHECK(learn.handles[3].name.empty());

  const session::Options tag =
      read("{mode: tag, tag: {key_files: [/a, b/c], key_env: [RINGSIDE_TAG_KEY]}}");
  CHECK(tag.mode == session::Mode::tag);
  CHECK(tag.tag.key_files == std::vector<std::string>{"/a", "b/c"});
  CHECK(tag.tag.key_env == std::vector<std::string>{"RINGSIDE_TAG_KEY"});

  const session::Options cookie = read(
      "{mode: cookie, tag: {key_env: [K]}, cookie: {name: Pod, ttl: 1h, path: /a, secure: true}}");
  CHECK(cookie.mode == session::Mode::cookie);
  CHECK(cookie.cookie.name == "Pod");
  CHECK(cookie.cookie.ttl == hours(1));
  CHECK(cookie.cookie.path == "/a");
  CHECK(cookie.cookie.secure);
}

TEST_CASE("affinity: the defaults") {
  const session::Options fresh = read("{}");
  CHECK(fresh.mode == session::Mode::learn);
  CHECK(fresh.max_sessions_per_client == 0);
  CHECK(fresh.on_owner_lost == session::OnOwnerLost::not_found);
  CHECK(fresh.stateless == session::Stateless::least_requests);
  CHECK(fresh.revive.per_second == 100);
  CHECK_FALSE(fresh.revive.unknown);
  CHECK(fresh.search.attempts == 64);
  CHECK(fresh.search.in_flight == 1024);
  CHECK(fresh.search.per_client == 10);
  CHECK(fresh.search.share == 0.2);
  CHECK(fresh.search.body_bytes == 262'144);
  CHECK(fresh.search.remember == milliseconds(5'000));
  CHECK(fresh.search.unknown_forms.empty());
  CHECK(fresh.tag.key_files.empty());
  CHECK(fresh.tag.key_env.empty());
  CHECK(fresh.cookie.name == "ringside");
  CHECK(fresh.cookie.ttl == hours(3));
  CHECK(fresh.cookie.path == "/");
  CHECK_FALSE(fresh.cookie.secure);
  CHECK(fresh.handles.empty());
}

TEST_CASE("affinity: the bounds are taken") {
  check_taken({
      "{max_sessions_per_client: 0}",
      "{max_sessions_per_client: 100000000}",
      "{on_owner_lost: reinitialize, revive: {per_second: 1, unknown: false}}",
      "{on_owner_lost: reinitialize, revive: {per_second: 100000}}",
      "{on_owner_lost: not_found}",
      "{search: {attempts: 1, in_flight: 1, per_client: 1, share: 0%, body_bytes: 0, remember: 0s, "
      "unknown_forms: []}}",
      "{search: {attempts: 1000, in_flight: 100000, per_client: 1000000, share: 100%, body_bytes: "
      "16MiB, remember: 1h, unknown_forms: [" +
          std::string(200, 'x') + "]}}",
      "{mode: cookie, tag: {key_files: [a]}, cookie: {ttl: 1m}}",
      "{mode: cookie, tag: {key_files: [a]}, cookie: {ttl: 720h}}",
      "{mode: client, stateless: client}",
      "{mode: none, stateless: least_requests}",
      "{handles: []}",
  });
  const std::string letters = "\xc3\xa9";
  std::string long_form;
  for (int i = 0; i < 200; ++i) long_form += letters;
  check_taken({"{search: {unknown_forms: [" + long_form + "]}}"});
  CHECK(read("{search: {unknown_forms: " + repeated("f", 32) + "}}").search.unknown_forms.size() ==
        32);
  CHECK(read("{mode: tag, tag: {key_files: " + repeated("f", 8) + "}}").tag.key_files.size() == 8);
  CHECK(read("{mode: tag, tag: {key_env: " + repeated("E", 8) + "}}").tag.key_env.size() == 8);
  CHECK(read(repeated_handles(16)).handles.size() == 16);
}

TEST_CASE("affinity: past the bounds") {
  const std::string too_long(201, 'x');
  check({
      {"{max_sessions_per_client: 100000001}",
       "27: max_sessions_per_client: 100000001 is outside 0..100000000; stay within it: a client "
       "that holds so many gets no new one"},
      {"{on_owner_lost: reinitialize, revive: {per_second: 0}}",
       "52: revive.per_second: 0 is outside 1..100000; "},
      {"{on_owner_lost: reinitialize, revive: {per_second: 100001}}",
       "52: revive.per_second: 100001 is outside 1..100000; "},
      {"{search: {attempts: 0}}", "21: search.attempts: 0 is outside 1..1000; "},
      {"{search: {attempts: 1001}}", "21: search.attempts: 1001 is outside 1..1000; "},
      {"{search: {in_flight: 0}}", "22: search.in_flight: 0 is outside 1..100000; "},
      {"{search: {in_flight: 100001}}", "22: search.in_flight: 100001 is outside 1..100000; "},
      {"{search: {per_client: 0}}", "23: search.per_client: 0 is outside 1..1000000; "},
      {"{search: {per_client: 1000001}}", "23: search.per_client: 1000001 is outside 1..1000000; "},
      {"{search: {share: 100.5%}}",
       "18: search.share: 100.5% is outside 0%..100%; stay within it: of the pool's ordinary "
       "requests"},
      {"{search: {body_bytes: 16385KiB}}", "23: search.body_bytes: 16385KiB is outside 0..16MiB; "},
      {"{search: {remember: 3601s}}", "21: search.remember: 3601s is outside 0s..1h; "},
      {"{search: {unknown_forms: [\"\"]}}",
       "27: search.unknown_forms[0]: \"\" has 0 characters; write 1 to 200"},
      {"{search: {unknown_forms: [" + too_long + "]}}", "27: search.unknown_forms[0]: \"xxx"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {ttl: 59s}}",
       "51: cookie.ttl: 59s is outside 1m..720h; "},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {ttl: 721h}}",
       "51: cookie.ttl: 721h is outside 1m..720h; "},
      {"{mode: tag, tag: {key_files: []}}", "30: tag.key_files: has no entry; write a list"},
      {"{mode: tag, tag: {key_env: []}}", "28: tag.key_env: has no entry; write a list"},
  });
  const std::string many_forms = "{search: {unknown_forms: " + repeated("f", 33) + "}}";
  const std::string many_files = "{mode: tag, tag: {key_files: " + repeated("f", 9) + "}}";
  const std::string many_names = "{mode: tag, tag: {key_env: " + repeated("E", 9) + "}}";
  const std::string many_handles = repeated_handles(17);
  check({{many_forms, "26: search.unknown_forms: has 33 entries; stay within 32"},
         {many_files, "30: tag.key_files: has 9 entries; stay within 8"},
         {many_names, "28: tag.key_env: has 9 entries; stay within 8"},
         {many_handles, "11: handles: has 17 entries; stay within 16"}});
}

TEST_CASE("affinity: values of the wrong form") {
  check({
      {"{mode: sticky}",
       "8: mode: \"sticky\" is not known here; write learn, tag, cookie, client or none"},
      {"{on_owner_lost: revive}",
       "17: on_owner_lost: \"revive\" is not known here; write not_found or reinitialize"},
      {"{stateless: none}",
       "13: stateless: \"none\" is not known here; write least_requests or client"},
      {"{max_sessions_per_client: none}",
       "27: max_sessions_per_client: \"none\" is not a whole number"},
      {"{on_owner_lost: reinitialize, revive: true}", "39: revive: is a single value; write a map"},
      {"{on_owner_lost: reinitialize, revive: {unknown: yes}}",
       "49: revive.unknown: \"yes\" is neither true nor false; write one of the two"},
      {"{search: off}", "10: search: is a single value; write a mapping"},
      {"{search: {share: 0.2}}",
       "18: search.share: \"0.2\" is not a percentage; write a number and %, such as 20%"},
      {"{search: {share: 20 %}}", "18: search.share: \"20 %\" is not a percentage"},
      {"{search: {share: -1%}}", "18: search.share: \"-1%\" is not a percentage"},
      {"{search: {body_bytes: 4096}}", "23: search.body_bytes: \"4096\" has no unit; write 4KiB"},
      {"{search: {remember: 5}}", "21: search.remember: \"5\" has no unit; write 5s"},
      {"{search: {unknown_forms: gone}}",
       "26: search.unknown_forms: is a single value; write a li"},
      {"{search: {unknown_forms: [[gone]]}}",
       "27: search.unknown_forms[0]: is a list; write a text"},
      {"{search: {attemps: 1}}", "11: search.attemps: unknown key; did you mean attempts?"},
      {"{mode: tag, tag: {key_files: /a}}", "30: tag.key_files: is a single value; write a list"},
      {"{mode: tag, tag: {key_files: [/a/]}}",
       "31: tag.key_files[0]: \"/a/\" is no path of a file; write one such as"},
      {"{mode: tag, tag: {key_files: [\"\"]}}", "31: tag.key_files[0]: \"\" is no path of a file"},
      {"{mode: tag, tag: {key_env: [A-B]}}",
       "29: tag.key_env[0]: \"A-B\" is no name of an environment variable"},
      {"{mode: tag, tag: {key_env: [1A]}}", "29: tag.key_env[0]: \"1A\" is no name of an env"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {name: a b}}",
       "52: cookie.name: \"a b\" is no cookie name"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {path: a}}",
       "52: cookie.path: \"a\" does not begin with /"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {path: /a;b}}",
       "52: cookie.path: \"/a;b\" has a ;, which ends it in a cookie; write a path without it"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {secure: 1}}",
       "54: cookie.secure: \"1\" is neither true nor false"},
  });
}

TEST_CASE("affinity: handles name one thing each, once, and not what is looked at anyway") {
  check({
      {"{handles: {query: room}}", "11: handles: is a mapping; write a list"},
      {"{handles: [room]}", "12: handles[0]: is a single value; write a mapping"},
      {"{handles: [{}]}",
       "12: handles[0]: names nothing; write one of header, query, cookie, tasks"},
      {"{handles: [{query: room, cookie: app}]}",
       "12: handles[0]: names several things; write each as an item of its own"},
      {"{handles: [{quary: room}]}", "13: handles[0].quary: unknown key; did you mean query?"},
      {"{handles: [{tasks: false}]}",
       "20: handles[0].tasks: names nothing; write tasks: true, or leave it out"},
      {"{handles: [{tasks: on}]}", "20: handles[0].tasks: \"on\" is neither true nor false"},
      {"{handles: [{header: \"a b\"}]}", "21: handles[0].header: \"a b\" is no header name"},
      {"{handles: [{header: Host}]}",
       "21: handles[0].header: \"Host\" is rewritten by every proxy; name a field that reaches the "
       "pods as the client sent it"},
      {"{handles: [{query: \"a=b\"}]}", "20: handles[0].query: \"a=b\" is no key of a query"},
      {"{handles: [{query: \"\"}]}", "20: handles[0].query: \"\" is no key of a query"},
      {"{handles: [{cookie: \"a;b\"}]}", "21: handles[0].cookie: \"a;b\" is no cookie name"},
      {"{handles: [{header: Mcp-Session-Id}]}",
       "21: handles[0].header: \"mcp-session-id\" carries the session's id; remove this handle: "
       "that field is always looked at"},
      {"{header: x-chat, handles: [{header: X-Chat}]}",
       "37: handles[0].header: \"x-chat\" carries the session's id"},
      {"{handles: [{header: a}, {query: a}, {header: A}]}",
       "46: handles[2].header: the handle \"header a\" is already that of "
       "pools.a.affinity.handles[0].header (line 2); write it once"},
      {"{handles: [{tasks: true}, {tasks: true}]}",
       "35: handles[1].tasks: the handle \"tasks\" is already that of"},
      {"{mode: client, handles: [{query: room}]}",
       "16: handles: has no use in mode client; remove it, or write mode: learn"},
      {"{mode: none, handles: []}", "14: handles: has no use in mode none; remove it"},
      {"{mode: cookie, tag: {key_env: [K]}, handles: [{cookie: ringside}]}",
       "56: handles[0].cookie: \"ringside\" is the proxy's own cookie; remove this handle"},
  });
  check_taken({"{mode: tag, tag: {key_env: [K]}, handles: [{cookie: ringside}]}",
               "{mode: cookie, tag: {key_env: [K]}, handles: [{tasks: true}, {cookie: app}]}",
               "{header: x-chat, handles: [{header: mcp-session-id}]}"});
}

TEST_CASE("affinity: keys that need one another, or exclude one another") {
  check({
      {"{mode: tag}",
       "8: mode: \"tag\" needs a key; add tag: {key_files: [PATH]} or tag: {key_env: [NAME]}"},
      {"{mode: cookie}", "8: mode: \"cookie\" needs a key; add tag: {key_files: [PATH]}"},
      {"{mode: tag, tag: {}}", "13: tag: has no key; add key_files: [PATH] or key_env: [NAME]"},
      {"{mode: tag, tag: {key_files: [a, b, c, d, e], key_env: [K, L, M, N]}}",
       "13: tag: has 9 keys; stay within 8 in all: a forged tag is tried with each"},
      {"{tag: {key_env: [K]}}",
       "2: tag: has no use in mode learn; remove it, or write mode: tag or mode: cookie"},
      {"{mode: client, tag: {key_env: [K]}}", "16: tag: has no use in mode client; remove it"},
      {"{mode: tag, tag: {key_env: [K, K]}}",
       "32: tag.key_env[1]: the key \"K\" is already that of pools.a.affinity.tag.key_env[0] "
       "(line 2); list each once, the one that signs first"},
      {"{cookie: {}}", "2: cookie: has no use in mode learn; remove it, or write mode: cookie"},
      {"{mode: tag, tag: {key_env: [K]}, cookie: {}}", "34: cookie: has no use in mode tag"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {name: __Host-a}}",
       "52: cookie.name: browsers drop a cookie \"__Host-a\" that is not secure; write secure: "
       "true, or another name"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {name: __secure-a}}",
       "52: cookie.name: browsers drop a cookie \"__secure-a\" that is not secure"},
      {"{mode: cookie, tag: {key_env: [K]}, cookie: {name: __Host-a, secure: true, path: /a}}",
       "52: cookie.name: browsers drop a cookie \"__Host-a\" with a path; write path: /, or"},
      {"{revive: {}}",
       "2: revive: has no use where lost sessions are not revived; remove it, or write "
       "on_owner_lost: reinitialize"},
      {"{on_owner_lost: not_found, revive: {unknown: true}}", "28: revive: has no use where"},
      {"{mode: tag, tag: {key_env: [K]}, on_owner_lost: reinitialize}",
       "49: on_owner_lost: \"reinitialize\" has no use in mode tag: only mode learn can map the id "
       "of a client to another; write not_found, or mode: learn"},
      {"{mode: none, on_owner_lost: reinitialize, revive: {}}",
       "29: on_owner_lost: \"reinitialize\" has no use in mode none"},
  });
  check_taken({"{mode: cookie, tag: {key_env: [K]}, cookie: {name: __Host-a, secure: true}}",
               "{mode: cookie, tag: {key_env: [K]}, cookie: {name: __Secure-a, secure: true, "
               "path: /a}}",
               "{mode: tag, tag: {key_env: [K]}, on_owner_lost: not_found}"});
}

TEST_CASE("affinity: a faulty value is one fault, and what depends on it is not judged") {
  check({
      {"{mode: sticky, on_owner_lost: reinitialize, tag: {key_env: [K]}, cookie: {}, handles: []}",
       "8: mode: \"sticky\" is not known here"},
      {"{on_owner_lost: revive, revive: {}}", "17: on_owner_lost: \"revive\" is not known here"},
      {"{mode: tag, tag: {key_file: a}}", "19: tag.key_file: unknown key; did you mean key_files?"},
      {"{mode: tag, tag: a}", "18: tag: is a single value; write a mapping"},
      {"{handles: [{header: Host}, {header: a}], header: mcp-session-id}",
       "21: handles[0].header: \"Host\" is rewritten"},
  });
}
