// Numbers in names are the cases of the session rules that a test covers.
#include "session/identify.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "heads.h"

namespace ringside::session {
namespace {

using http::Method;

constexpr std::string_view kHeader = "mcp-session-id";

RequestIdentity identified(Method method, const Fields& fields, std::string_view header = kHeader) {
  return identify(fields.request(method), http::FieldName(header));
}

RequestIdentity identified_post(const Fields& fields) { return identified(Method::post, fields); }

TEST_CASE("identify: a request without the field, or with an empty one, claims no session (11)") {
  CHECK(identified_post({}).claim == Claim::none);
  CHECK(identified_post({{"Mcp-Session-Id", ""}}).claim == Claim::none);
  CHECK(identified_post({{"Mcp-Session-Id", ""}}).id.empty());
}

TEST_CASE("identify: every spelling of the field's name is read (7)") {
  for (const std::string_view name :
       {"Mcp-Session-Id", "MCP-SESSION-ID", "mcp-session-id", "MCP-Session-Id"}) {
    const RequestIdentity identity = identified_post({{"accept", "*/*"}, {name, "s1"}});
    CHECK(identity.claim == Claim::id);
    CHECK(identity.id == "s1");
  }
}

TEST_CASE("identify: an id keeps its letter case (8)") {
  CHECK(identified_post({{"mcp-session-id", "AbC"}}).id == "AbC");
}

TEST_CASE("identify: any byte of an id that is not visible, wherever it stands, is malformed") {
  const std::string good(29, 'x');
  CHECK(identified_post({{"mcp-session-id", good}}).claim == Claim::id);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string id = good;
      id[at] = static_cast<char>(byte);
      const bool is_visible = byte >= 0x21 && byte <= 0x7e;
      INFO(at << " " << byte);
      REQUIRE(identified_post({{"mcp-session-id", id}}).claim ==
              (is_visible ? Claim::id : Claim::malformed));
    }
  }
}

TEST_CASE(
    "identify: the field twice is a duplicate, be the values equal, empty or different (10)") {
  CHECK(identified_post({{"mcp-session-id", "a"}, {"mcp-session-id", "b"}}).claim ==
        Claim::duplicate);
  CHECK(identified_post({{"mcp-session-id", "a"}, {"MCP-Session-Id", "a"}}).claim ==
        Claim::duplicate);
  CHECK(identified_post({{"mcp-session-id", ""}, {"mcp-session-id", ""}}).claim ==
        Claim::duplicate);
  CHECK(identified_post({{"mcp-session-id", "a"}, {"mcp-session-id", ""}}).id.empty());
}

TEST_CASE("identify: only the bytes 0x21 to 0x7E make an id (12)") {
  for (int byte = 1; byte < 256; ++byte) {
    const std::string value = std::string("a") + static_cast<char>(byte) + "b";
    const bool visible = byte >= 0x21 && byte <= 0x7e;
    const RequestIdentity identity = identified_post({{"mcp-session-id", value}});
    INFO("byte " << byte);
    CHECK(identity.claim == (visible ? Claim::id : Claim::malformed));
    CHECK(identity.id == (visible ? value : ""));
  }
  using namespace std::string_view_literals;
  CHECK(identified_post({{"mcp-session-id", "a\0b"sv}}).claim == Claim::malformed);
}

TEST_CASE("identify: an id of 4096 bytes and an id with commas are one opaque value (13, 14)") {
  const std::string large(4096, '~');
  CHECK(identified_post({{"mcp-session-id", large}}).id == large);
  CHECK(identified_post({{"mcp-session-id", "a,b,,c"}}).id == "a,b,,c");
}

TEST_CASE("identify: a configured field takes the place of mcp-session-id") {
  const Fields both{{"Mcp-Session-Id", "a"}, {"X-Room", "b"}};
  CHECK(identified(Method::post, both, "x-room").id == "b");
  CHECK(identified(Method::post, both, "X-ROOM").id == "b");
  CHECK(identified(Method::post, both, "MCP-SESSION-ID").id == "a");
  CHECK(identified(Method::post, {{"Mcp-Session-Id", "a"}}, "x-room").claim == Claim::none);
}

TEST_CASE("identify: modern is one version that is a date of 2026-07-28 or later (57, 62, 63)") {
  const auto era = [](std::string_view version) {
    return identified_post({{"MCP-Protocol-Version", version}}).era;
  };
  CHECK(identified_post({}).era == Era::legacy);
  for (const std::string_view version :
       {"2025-11-25", "2026-07-27", "1999-01-01", "", "2026-07", "2026-07-280", "2026/07/28",
        "2026-07-2x", "9999", "draft", "2026-07-28, 2026-07-28", "2026-0728-"}) {
    INFO(version);
    CHECK(era(version) == Era::legacy);
  }
  for (const std::string_view version : {"2026-07-28", "2026-07-29", "2027-01-01"}) {
    INFO(version);
    CHECK(era(version) == Era::modern);
  }
  CHECK(identified_post(
            {{"mcp-protocol-version", "2026-07-28"}, {"mcp-protocol-version", "2026-07-28"}})
            .era == Era::legacy);
}

TEST_CASE("identify: a modern request has no session, whatever good id it carries (58)") {
  const RequestIdentity identity =
      identified_post({{"mcp-session-id", "s1"}, {"mcp-protocol-version", "2026-07-28"}});
  CHECK(identity.claim == Claim::none);
  CHECK(identity.id.empty());
}

TEST_CASE(
    "identify: a modern request with two ids, or a malformed one, is told as a legacy one is") {
  CHECK(identified_post({{"mcp-session-id", "a"},
                         {"mcp-session-id", "a"},
                         {"mcp-protocol-version", "2026-07-28"}})
            .claim == Claim::duplicate);
  CHECK(
      identified_post({{"mcp-session-id", "a b"}, {"mcp-protocol-version", "2026-07-28"}}).claim ==
      Claim::malformed);
}

TEST_CASE("identify: only a POST may bring a session into being") {
  CHECK(identified(Method::post, {}).may_learn);
  for (const Method method :
       {Method::get, Method::delete_, Method::put, Method::head, Method::options, Method::other}) {
    CHECK_FALSE(identified(method, {}).may_learn);
  }
}

TEST_CASE("identify: a modern POST may do so without Mcp-Method or with initialize (60, 61)") {
  const std::pair<std::string_view, std::string_view> modern{"mcp-protocol-version", "2026-07-28"};
  CHECK(identified_post({modern}).may_learn);
  CHECK(identified_post({modern, {"Mcp-Method", "initialize"}}).may_learn);
  CHECK_FALSE(identified_post({modern, {"Mcp-Method", "tools/call"}}).may_learn);
  CHECK_FALSE(identified_post({modern, {"Mcp-Method", "Initialize"}}).may_learn);
  CHECK_FALSE(identified_post({modern, {"Mcp-Method", ""}}).may_learn);
  CHECK_FALSE(identified_post({modern, {"Mcp-Method", "initialize"}, {"Mcp-Method", "tools/call"}})
                  .may_learn);
  CHECK(identified_post({{"Mcp-Method", "tools/call"}}).may_learn);  // legacy: not its field
}

TEST_CASE("issued_id: one well-formed id counts, none, several or a malformed one do not") {
  const auto issued = [](const Fields& fields) {
    return std::string(issued_id(fields.response(200), http::FieldName(kHeader)));
  };
  CHECK(issued({{"content-type", "application/json"}, {"mcp-session-id", "s1"}}) == "s1");
  CHECK(issued({}).empty());
  CHECK(issued({{"mcp-session-id", ""}}).empty());
  CHECK(issued({{"mcp-session-id", "a b"}}).empty());
  CHECK(issued({{"mcp-session-id", "a"}, {"mcp-session-id", "a"}}).empty());
}

}  // namespace
}  // namespace ringside::session
