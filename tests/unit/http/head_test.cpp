#include "http/head.h"

#include <catch2/catch_test_macros.hpp>
#include <cctype>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace ringside::http {
namespace {

TEST_CASE("field_id: every known name is known in any case, and no neighbour of it is") {
  const std::vector<std::pair<std::string, FieldId>> known{
      {"accept", FieldId::accept},
      {"connection", FieldId::connection},
      {"content-length", FieldId::content_length},
      {"content-type", FieldId::content_type},
      {"cookie", FieldId::cookie},
      {"expect", FieldId::expect},
      {"forwarded", FieldId::forwarded},
      {"host", FieldId::host},
      {"keep-alive", FieldId::keep_alive},
      {"max-forwards", FieldId::max_forwards},
      {"mcp-method", FieldId::mcp_method},
      {"mcp-name", FieldId::mcp_name},
      {"mcp-protocol-version", FieldId::mcp_protocol_version},
      {"mcp-session-id", FieldId::mcp_session_id},
      {"proxy-authenticate", FieldId::proxy_authenticate},
      {"proxy-authorization", FieldId::proxy_authorization},
      {"proxy-connection", FieldId::proxy_connection},
      {"te", FieldId::te},
      {"trailer", FieldId::trailer},
      {"transfer-encoding", FieldId::transfer_encoding},
      {"upgrade", FieldId::upgrade},
      {"via", FieldId::via},
      {"x-forwarded-for", FieldId::x_forwarded_for},
      {"x-forwarded-host", FieldId::x_forwarded_host},
      {"x-forwarded-proto", FieldId::x_forwarded_proto},
  };
  for (const auto& [name, id] : known) {
    INFO(name);
    CHECK(field_id(name) == id);
    std::string upper = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(field_id(upper) == id);
    CHECK(field_id(name + "x") == FieldId::other);
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::string wrong = name;
      wrong[i] = '_';
      CHECK(field_id(wrong) == FieldId::other);
    }
  }
  CHECK(field_id("") == FieldId::other);
}

TEST_CASE("max_forwards: one number, and what is too large for us is our largest") {
  const auto of = [](std::initializer_list<std::string_view> values) {
    std::vector<Field> fields{{"Host", "a", FieldId::host}};
    for (const std::string_view value : values) {
      fields.push_back({"Max-Forwards", value, FieldId::max_forwards});
    }
    return max_forwards(fields);
  };
  CHECK_FALSE(of({}).is_set);
  CHECK(of({}).is_valid);
  CHECK(of({"0"}).is_set);
  CHECK(of({"0"}).left == 0);
  CHECK(of({"0070"}).left == 70);
  CHECK(of({"4294967295"}).left == 4294967295U);
  CHECK(of({"4294967296"}).left == 4294967295U);
  CHECK(of({"99999999999999999999999999"}).left == 4294967295U);
  for (const std::string_view value : {"", "x", "-1", "+1", "1x", "1 1", "0x1", "1.0"}) {
    INFO(value);
    CHECK_FALSE(of({value}).is_valid);
  }
  CHECK_FALSE(of({"1", "1"}).is_valid);
  CHECK_FALSE(of({"99999999999999999999x"}).is_valid);
}

TEST_CASE("equals_ignoring_case: letters fold, other bytes do not") {
  CHECK(equals_ignoring_case("Mcp-ID", "mCP-id"));
  CHECK_FALSE(equals_ignoring_case("a", "ab"));
  CHECK_FALSE(equals_ignoring_case("[", "{"));  // these differ by the bit that letters fold by
  CHECK_FALSE(equals_ignoring_case("@", "`"));
}

TEST_CASE("append_members: members are whole and trimmed, and empty ones are none") {
  const auto members_of = [](std::string_view list) {
    std::vector<std::string_view> members{"before"};
    append_members(members, list);
    return members;
  };
  using Members = std::vector<std::string_view>;
  CHECK(members_of("close") == Members{"before", "close"});
  CHECK(members_of("a , CLOSE\t,b") == Members{"before", "a", "CLOSE", "b"});
  CHECK(members_of(",, clo se,") == Members{"before", "clo se"});
  CHECK(members_of(" , ") == Members{"before"});
}

TEST_CASE("precedes_ignoring_case: an order in which equal names are equal") {
  CHECK(precedes_ignoring_case("A-b", "a-C"));
  CHECK(precedes_ignoring_case("x", "X-a"));
  CHECK_FALSE(precedes_ignoring_case("Close", "cLOSE"));
  CHECK_FALSE(precedes_ignoring_case("cLOSE", "Close"));
}

TEST_CASE("names_event_stream: the media type counts, not its parameters or its neighbours") {
  CHECK(names_event_stream("text/event-stream"));
  CHECK(names_event_stream("Text/Event-Stream; charset=utf-8"));
  CHECK(names_event_stream("application/json, text/event-stream;q=0.5"));
  CHECK_FALSE(names_event_stream("application/json"));
  CHECK_FALSE(names_event_stream("text/event-streams"));
  CHECK_FALSE(names_event_stream("application/json; x=text/event-stream"));
  CHECK_FALSE(names_event_stream("*/*"));
}

TEST_CASE("path: the target without its query") {
  RequestHead head;
  head.target = "/mcp?a=/b?c";
  CHECK(head.path() == "/mcp");
  head.target = "/mcp";
  CHECK(head.path() == "/mcp");
  head.target = "*";
  CHECK(head.path() == "*");
}

TEST_CASE("accepts_json: what Accept says, and event streams stand for it") {
  for (const std::string_view accept :
       {"*/*", "application/json", "application/json, text/event-stream", "Application/JSON",
        "text/html, application/json;q=0.1", "application/*", "text/html,*/*;q=0.8",
        "text/event-stream", "application/json; charset=utf-8", "text/plain, */*;q=0.001"}) {
    INFO(accept);
    CHECK(accepts_json(accept));
  }
  for (const std::string_view accept :
       {"", "text/plain", "text/html, text/*", "application/jsonx", "application/json;q=0",
        "application/json ; q=0.0, text/plain", "*/*;q=0", "image/*", "application/problem+json",
        "json", "text/event-stream;q=0.000"}) {
    INFO(accept);
    CHECK_FALSE(accepts_json(accept));
  }
}

}  // namespace
}  // namespace ringside::http
