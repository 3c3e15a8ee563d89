#include "session/handle.h"

#include <catch2/catch_test_macros.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/random.h"
#include "session/heads.h"

namespace ringside::session {
namespace {

using http::Method;
using Handles = std::vector<HandleOptions>;

const Handles kRoom{{HandleKind::header, "mcp-param-room"}};
const Handles kCookie{{HandleKind::cookie, "app"}};
const Handles kQuery{{HandleKind::query, "room"}};
const Handles kTasks{{HandleKind::tasks, ""}};

std::optional<std::string> value_in(const http::RequestHead& head, const Handles& handles) {
  const auto handle = find_handle(head, handles);
  if (!handle) return std::nullopt;
  return std::string(handle->value());
}

std::optional<std::string> value_in(NamesAndValues fields, const Handles& handles) {
  const Fields kept(fields);
  return value_in(kept.request(Method::post), handles);
}

std::optional<std::string> value_in_query(std::string_view target) {
  http::RequestHead head;
  head.target = target;
  return value_in(head, kQuery);
}

TEST_CASE("handle: a header of any name, in any case, trimmed") {
  CHECK(value_in({{"Mcp-Param-Room", " blue\t"}}, kRoom) == "blue");
  CHECK(value_in({{"MCP-PARAM-ROOM", "Blue Room"}}, kRoom) == "Blue Room");
  CHECK(value_in({{"X-Tenant", "7"}}, {{HandleKind::header, "x-tenant"}}) == "7");
  CHECK(value_in({{"Host", "a.example"}}, {{HandleKind::header, "HOST"}}) == "a.example");
  CHECK_FALSE(value_in({{"Mcp-Param-Rooms", "blue"}}, kRoom));
}

TEST_CASE("handle: a header that is empty or there twice is none") {
  CHECK_FALSE(value_in({{"Mcp-Param-Room", " "}}, kRoom));
  CHECK_FALSE(value_in({{"Mcp-Param-Room", "a"}, {"mcp-param-room", "a"}}, kRoom));
  CHECK_FALSE(value_in({{"Mcp-Param-Room", ""}, {"mcp-param-room", "a"}}, kRoom));
}

TEST_CASE("handle: mirrored values are decoded, markers with case (64)") {
  const auto room = [](std::string_view value) {
    return value_in({{"Mcp-Param-Room", value}}, kRoom);
  };
  CHECK(room("=?base64?Ymx1ZQ==?=") == "blue");
  CHECK(room("=?base64?Ymx1ZQ?=") == "blue");
  CHECK(room("=?base64?YmzDvA==?=") == "bl\xC3\xBC");
  CHECK(room("=?base64?AAEC/v8+?=") == std::string("\0\1\2\xFE\xFF\x3E", 6));
  CHECK(room("=?BASE64?Ymx1ZQ==?=") == "=?BASE64?Ymx1ZQ==?=");
  CHECK(room("=?base64?Ymx1ZQ==") == "=?base64?Ymx1ZQ==");
  CHECK(room("=?base64?=") == "=?base64?=");
  CHECK(value_in({{"Mcp-Name", "=?base64?YQ==?="}}, {{HandleKind::header, "MCP-NAME"}}) == "a");
  CHECK(value_in({{"X-Room", "=?base64?YQ==?="}}, {{HandleKind::header, "x-room"}}) ==
        "=?base64?YQ==?=");
}

TEST_CASE("handle: a mirrored value that is no base64 is none") {
  for (const std::string_view value :
       {"=?base64?"
        "?=",
        "=?base64?Y?=", "=?base64?YmxhZ?=", "=?base64?Ym x1ZQ==?=", "=?base64?=?=",
        "=?base64?====?=", "=?base64?YQ=?=", "=?base64?Y===?=", "=?base64?YQ==YQ==?=",
        "=?base64?a-_b?=", "=?base64?Yg==\xC3?="}) {
    INFO(value);
    CHECK_FALSE(value_in({{"Mcp-Param-Room", value}}, kRoom));
  }
}

TEST_CASE("handle: a query key, with its escapes decoded") {
  CHECK(value_in_query("/mcp?room=blue") == "blue");
  CHECK(value_in_query("/mcp?a=b&room=blue%20room&c") == "blue room");
  CHECK(value_in_query("/mcp?room=blue+room") == "blue room");
  CHECK(value_in_query("/mcp?room=a%2Bb") == "a+b");
  CHECK(value_in_query("/mcp?r%6fom=blue") == "blue");
  CHECK(value_in_query("/mcp?room=%00") == std::string(1, '\0'));
  for (const std::string_view target :
       {"", "/mcp", "/mcp?room", "/mcp?room=", "/mcp?Room=blue", "/mcp?room=a&room=a",
        "/mcp?room=&room=a", "/mcp?room=a&r%6Fom=b", "/mcp?room=%zz", "/mcp?room=a%", "/room=a"}) {
    INFO(target);
    CHECK_FALSE(value_in_query(target));
  }
  CHECK(value_in_query("/mcp?%zz=b&room=a") == "a");
}

TEST_CASE("handle: a cookie, as it stands there") {
  const auto app = [](std::string_view value) { return value_in({{"Cookie", value}}, kCookie); };
  CHECK(app("app=x") == "x");
  CHECK(app("a=b; app=x; c=d") == "x");
  CHECK(app("a=b;app = x ;") == "x");
  CHECK(app("app=a=b") == "a=b");
  CHECK(app("app=\"x\"") == "\"x\"");
  CHECK(value_in({{"cookie", "a=b"}, {"COOKIE", "app=x"}}, kCookie) == "x");
  for (const std::string_view value :
       {"", ";", "=", "app", "app=", "App=x", "xapp=x", "app=; app=x", "a=app=x"}) {
    INFO(value);
    CHECK_FALSE(app(value));
  }
  CHECK(app("app=x; app=y") == "x");  // paths from long to short
}

TEST_CASE("handle: a task, by what is done with it") {
  for (const std::string_view method :
       {"tasks/get", "tasks/update", "tasks/cancel", "tasks/result"}) {
    INFO(method);
    CHECK(value_in({{"Mcp-Method", method}, {"Mcp-Name", "t1"}}, kTasks) == "t1");
  }
  for (const std::string_view method :
       {"tasks/list", "tools/call", "Tasks/get", "tasks/get2", ""}) {
    INFO(method);
    CHECK_FALSE(value_in({{"Mcp-Method", method}, {"Mcp-Name", "t1"}}, kTasks));
  }
  CHECK(value_in({{"mcp-method", "tasks/get"}, {"mcp-name", "=?base64?dDE=?="}}, kTasks) == "t1");
}

TEST_CASE("handle: a task without a name, or with two of a field, is none (63)") {
  CHECK_FALSE(value_in({{"Mcp-Name", "t1"}}, kTasks));
  CHECK_FALSE(value_in({{"Mcp-Method", "tasks/get"}}, kTasks));
  CHECK_FALSE(value_in({{"Mcp-Method", "tasks/get"}, {"Mcp-Name", ""}}, kTasks));
  CHECK_FALSE(value_in(
      {{"Mcp-Method", "tasks/get"}, {"Mcp-Method", "tasks/get"}, {"Mcp-Name", "t1"}}, kTasks));
  CHECK_FALSE(
      value_in({{"Mcp-Method", "tasks/get"}, {"Mcp-Name", "t1"}, {"Mcp-Name", "t1"}}, kTasks));
}

TEST_CASE("handle: the first configured one that is there counts") {
  const Handles handles{kTasks[0], kRoom[0], kQuery[0]};
  Fields fields({{"Mcp-Param-Room", "blue"}});
  http::RequestHead head = fields.request(Method::post);
  head.target = "/mcp?room=red";
  CHECK(find_handle(head, handles)->kind == HandleKind::header);
  CHECK(value_in(head, handles) == "blue");
  head.fields = {};
  CHECK(find_handle(head, handles)->kind == HandleKind::query);
  head.target = "/mcp";
  CHECK_FALSE(find_handle(head, handles));
  CHECK_FALSE(find_handle(head, {}));
}

TEST_CASE("handle: the key tells kind, name and value apart, and from session ids") {
  const Fields fields({{"X-Room", "blue"}, {"Cookie", "x-room=blue"}});
  http::RequestHead head = fields.request(Method::post);
  head.target = "/mcp?x-room=blue&x-roomb=lue";
  const auto key = [&](HandleKind kind, std::string name) {
    const Handles handles{{kind, std::move(name)}};
    return find_handle(head, handles)->key;
  };
  const std::vector<std::string> keys{key(HandleKind::header, "x-room"),
                                      key(HandleKind::query, "x-room"),
                                      key(HandleKind::cookie, "x-room"),
                                      key(HandleKind::query, "x-roomb"),
                                      task_key("blue"),
                                      task_key("x-room")};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CHECK(keys[i].front() == '\0');
    for (std::size_t j = 0; j < i; ++j) CHECK(keys[i] != keys[j]);
  }
  CHECK(keys[0] == std::string("\0hx-room\0blue", 13));
  CHECK(key(HandleKind::header, "X-Room") == keys[0]);
}

TEST_CASE("handle: a task has one key, wherever its id was read") {
  const Fields plain({{"Mcp-Method", "tasks/get"}, {"Mcp-Name", "T 1"}});
  const Fields encoded({{"Mcp-Method", "tasks/cancel"}, {"Mcp-Name", "=?base64?VCAx?="}});
  CHECK(find_handle(plain.request(Method::post), kTasks)->key == task_key("T 1"));
  CHECK(find_handle(encoded.request(Method::post), kTasks)->key == task_key("T 1"));
}

TEST_CASE("handle: base64 of any bytes is decoded to them") {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Random random(13);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (std::uint32_t left = 1 + random.below(40); left > 0; --left) {
      bytes += static_cast<char>(random.below(256));
    }
    std::string text;  // bit by bit, unlike the decoder
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 6) {
      unsigned digit = 0;
      for (std::size_t i = bit; i < bit + 6; ++i) {
        const unsigned byte = i / 8 < bytes.size() ? static_cast<unsigned char>(bytes[i / 8]) : 0U;
        digit = digit * 2 + ((byte >> (7 - i % 8)) & 1U);
      }
      text += kDigits[digit];
    }
    text.append((4 - text.size() % 4) % 4, '=');
    if (value_in({{"Mcp-Param-Room", "=?base64?" + text + "?="}}, kRoom) != bytes) FAIL(round);
  }
}

TEST_CASE("handle: whatever the bytes, a value is never empty") {
  Random random(17);
  constexpr std::string_view kBytes = "=?;& %base64appro+\xFF";
  const Handles handles{kRoom[0], kCookie[0], kQuery[0], kTasks[0]};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint32_t left = random.below(24); left > 0; --left) {
      text += kBytes[random.below(kBytes.size())];
    }
    const std::string mirrored = "=?base64?" + text + "?=";
    const Fields fields({{round % 2 == 0 ? "Mcp-Param-Room" : "Mcp-Name", mirrored},
                         {"Mcp-Method", "tasks/get"},
                         {"Cookie", text}});
    http::RequestHead head = fields.request(Method::post);
    const std::string target = "/mcp?room=" + text;
    head.target = target;
    for (const HandleOptions& one : handles) {
      const Handles alone{one};
      if (value_in(head, alone) == "") FAIL(round);
    }
  }
}

}  // namespace
}  // namespace ringside::session
