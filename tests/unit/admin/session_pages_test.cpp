// The session pages: parameters, JSON, and what is refused; the sessions are played.
#include "admin/session_pages.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace ringside;
using namespace ringside::admin;
using nlohmann::json;

namespace {

// Remembers what it was asked.
class Played final : public Sessions {
 public:
  SessionList page;
  std::optional<SessionView> one;
  std::string fault;  // of list, move and explain
  SessionQuery listed;
  ExplainQuery explained;
  std::vector<std::uint64_t> forgotten;
  std::string moved_to;

  Result<SessionList> list(const SessionQuery& query) override {
    listed = query;
    if (!fault.empty()) return fail(fault);
    return page;
  }
  std::optional<SessionView> find(std::uint64_t digest) override {
    return one && one->digest == digest ? one : std::nullopt;
  }
  bool forget(std::uint64_t digest) override {
    forgotten.push_back(digest);
    return find(digest).has_value();
  }
  Result<std::optional<SessionView>> move(std::uint64_t digest,
                                          const std::string& endpoint) override {
    if (!fault.empty()) return fail(fault);
    moved_to = endpoint;
    return find(digest);
  }
  Result<std::string> explain(const ExplainQuery& query) override {
    explained = query;
    if (!fault.empty()) return fail(fault);
    return std::string("{}\n");
  }
};

constexpr std::string_view kDigest = "00000000000000ab";

SessionView session(std::uint64_t digest) {
  return {.digest = digest,
          .pool = "burger",
          .endpoint = "pod-1",
          .client = "10.1.2.3",
          .created = sys_seconds(std::chrono::seconds(1'700'000'000)),
          .last_used = sys_seconds(std::chrono::seconds(1'700'000'061)),
          .streams = 2};
}

struct Asked {
  Played sessions;
  Page page;
  json body;

  const json& operator()(std::string_view method, std::string_view target,
                         std::string_view sent = {}, bool from_browser = false) {
    page = answer({.not_ready = {}, .metrics = {}, .sessions = &sessions},
                  {.method = method, .target = target, .body = sent, .from_browser = from_browser});
    body = page.body.empty() ? json() : json::parse(page.body);
    return body;
  }
  void refused(unsigned status) const {
    CHECK(page.status == status);
    CHECK(page.content_type == "application/problem+json");
    CHECK(body.at("status") == status);
    CHECK(body.at("type") == "about:blank");
    CHECK_FALSE(body.at("detail").get<std::string>().empty());
  }
};

std::string path(std::string_view digest, std::string_view rest = {}) {
  return std::string("/sessions/").append(digest).append(rest);
}

}  // namespace

TEST_CASE("session pages: a list has its sessions in full, times in UTC, and the next page") {
  Asked ask;
  ask.sessions.page = {{session(1), session(0xab)}, true};
  ask("GET", "/sessions");
  CHECK(ask.page.status == 200);
  CHECK(ask.page.content_type == "application/json");
  CHECK(ask.body.at("next") == kDigest);
  REQUIRE(ask.body.at("sessions").size() == 2);
  CHECK(ask.body.at("sessions")[1] == json{{"digest", kDigest},
                                           {"pool", "burger"},
                                           {"endpoint", "pod-1"},
                                           {"client", "10.1.2.3"},
                                           {"created", "2023-11-14T22:13:20Z"},
                                           {"last_used", "2023-11-14T22:14:21Z"},
                                           {"streams", 2}});
  CHECK(ask.sessions.listed.limit == kSessionsOnPage);
  CHECK(ask.sessions.listed.after == 0);
}

TEST_CASE("session pages: the last page has no next, what is unknown is null, marks only if true") {
  Asked ask;
  SessionView odd = session(1);
  odd.endpoint = odd.client = "";
  odd.provisional = odd.revived = true;
  ask.sessions.page = {{odd}, false};
  ask("GET", "/sessions");
  CHECK(ask.body.at("next").is_null());
  const json& shown = ask.body.at("sessions")[0];
  CHECK(shown.at("endpoint").is_null());
  CHECK(shown.at("client").is_null());
  CHECK(shown.at("provisional") == true);
  CHECK(shown.at("revived") == true);
}

TEST_CASE("session pages: the list's parameters are decoded and handed on") {
  Asked ask;
  ask("GET", "/sessions?pool=bur%67er&endpoint=pod%2D1&limit=1000&after=00000000000000AB");
  CHECK(ask.page.status == 200);
  CHECK(ask.sessions.listed.pool == "burger");
  CHECK(ask.sessions.listed.endpoint == "pod-1");
  CHECK(ask.sessions.listed.limit == 1000);
  CHECK(ask.sessions.listed.after == 0xab);
}

TEST_CASE("session pages: parameters that make no sense are refused") {
  for (const char* target :
       {"/sessions?limit=0", "/sessions?limit=1001", "/sessions?limit=-1", "/sessions?limit=ten",
        "/sessions?limit=", "/sessions?limit=99999999999999999999", "/sessions?after=12",
        "/sessions?after=zzzzzzzzzzzzzzzz", "/sessions?pods=a", "/sessions?pool=%",
        "/sessions?pool=%zz", "/explain?heather=a", "/sessions/12", "/sessions/00000000000000a%62",
        "/sessions/+000000000000001"}) {
    INFO(target);
    Asked ask;
    ask("GET", target);
    ask.refused(400);
  }
  Asked ask;
  CHECK(ask("GET", "/sessions?pods=a").at("detail") ==
        "there is no parameter \"pods\"; there are pool, endpoint, limit, after");
}

TEST_CASE("session pages: a fault of the process is told") {
  Asked ask;
  ask.sessions.fault = "there is no pool \"b\"; there are a";
  for (const char* target : {"/sessions?pool=b", "/explain?pool=b"}) {
    CHECK(ask("GET", target).at("detail") == ask.sessions.fault);
    ask.refused(400);
  }
}

TEST_CASE("session pages: one session is shown, or a 404 that names the digest") {
  Asked ask;
  ask.sessions.one = session(0xab);
  CHECK(ask("GET", path(kDigest)).at("digest") == kDigest);
  CHECK(ask("GET", path("00000000000000ac")).at("detail") ==
        "no session with the digest 00000000000000ac is bound here");
  ask.refused(404);
}

TEST_CASE("session pages: DELETE forgets, without a body") {
  Asked ask;
  ask.sessions.one = session(0xab);
  ask("DELETE", path(kDigest));
  CHECK(ask.page.status == 204);
  CHECK(ask.page.body.empty());
  CHECK(ask.page.content_type.empty());
  CHECK(ask.sessions.forgotten == std::vector<std::uint64_t>{0xab});
  ask("DELETE", path("00000000000000ac"));
  ask.refused(404);
}

TEST_CASE("session pages: a move names its endpoint in JSON and shows the session") {
  Asked ask;
  ask.sessions.one = session(0xab);
  CHECK(ask("POST", path(kDigest, "/move"), R"({"endpoint": "pod-2"})").at("digest") == kDigest);
  CHECK(ask.page.status == 200);
  CHECK(ask.sessions.moved_to == "pod-2");
  ask("POST", path("00000000000000ac", "/move"), R"({"endpoint": "pod-2"})");
  ask.refused(404);
  ask.sessions.fault = "there is no endpoint";
  ask("POST", path(kDigest, "/move"), R"({"endpoint": "pod-9"})");
  ask.refused(400);
}

TEST_CASE("session pages: a move whose body is something else is refused") {
  for (const char* body :
       {"", "{", "[]", "null", "\"pod-1\"", "{}", R"({"endpoint": 1})", R"({"Endpoint": "a"})",
        R"({"endpoint": "a", "force": true})", "\xff\xfe", R"({"endpoint": "a"} x)"}) {
    INFO(body);
    Asked ask;
    ask.sessions.one = session(0xab);
    ask("POST", path(kDigest, "/move"), body);
    ask.refused(400);
    CHECK(ask.sessions.moved_to.empty());
  }
}

TEST_CASE("session pages: each path says which methods it answers") {
  Asked ask;
  ask("POST", path(kDigest));
  ask.refused(405);
  CHECK(ask.page.allow == "GET, HEAD, DELETE");
  ask("GET", path(kDigest, "/move"));
  ask.refused(405);
  CHECK(ask.page.allow == "POST");
  ask("DELETE", "/sessions");
  CHECK(ask.page.allow == "GET, HEAD");
  for (const char* target : {"/sessions/", "/sessions/a/b", "/sessions//move", "/sessions/move/"}) {
    INFO(target);
    ask("GET", target);
    ask.refused(404);
  }
}

TEST_CASE("session pages: a browser's page cannot give commands") {
  Asked ask;
  ask.sessions.one = session(0xab);
  ask("DELETE", path(kDigest), "", true);
  ask.refused(403);
  ask("POST", path(kDigest, "/move"), R"({"endpoint": "pod-2"})", true);
  ask.refused(403);
  CHECK(ask.sessions.forgotten.empty());
  CHECK(ask.sessions.moved_to.empty());
  ask("GET", path(kDigest), "", true);
  CHECK(ask.page.status == 200);
}

TEST_CASE("session pages: only a move reads a body") {
  CHECK(reads_body("POST", path(kDigest, "/move")));
  CHECK(reads_body("POST", path(kDigest, "/move?x=1")));
  CHECK_FALSE(reads_body("GET", path(kDigest, "/move")));
  CHECK_FALSE(reads_body("POST", path(kDigest)));
  CHECK_FALSE(reads_body("DELETE", path(kDigest)));
}

TEST_CASE("session pages: a request to explain has its fields in order, decoded") {
  Asked ask;
  ask("GET",
      "/explain?client=10.1.2.3&header=mcp-session-id%3A%20a%2Bb&header=host:x&pool=p&listener=l"
      "&method=GET&path=%2Fmcp%3Fa%3D1");
  CHECK(ask.page.status == 200);
  const ExplainQuery& query = ask.sessions.explained;
  CHECK(query.client == "10.1.2.3");
  CHECK(query.fields == std::vector<std::string>{"mcp-session-id: a+b", "host:x"});
  CHECK(query.pool == "p");
  CHECK(query.listener == "l");
  CHECK(query.method == "GET");
  CHECK(query.path == "/mcp?a=1");
}
