// Fields of a written head.
#include "http/head_text.h"

#include <catch2/catch_test_macros.hpp>

using ringside::http::field_value;
using ringside::http::replace_field;

namespace {
const std::string kHead =
    "POST /mcp HTTP/1.1\r\nHost: a\r\nMcp-Session-Id: old\r\nx: \r\nmcp-session-ids: no\r\n\r\n";
}

TEST_CASE("a field of a written head is found by its name in any case") {
  CHECK(field_value(kHead, "mcp-session-id") == "old");
  CHECK(field_value(kHead, "HOST") == "a");
  CHECK(field_value(kHead, "x").empty());
  CHECK(field_value(kHead, "mcp-session").empty());
  CHECK(field_value(kHead, "POST /mcp HTTP/1.1").empty());
  CHECK(field_value("", "host").empty());
}

TEST_CASE("a field of a written head gets another value, and the head its new size") {
  std::string message = kHead + "body mcp-session-id: old\r\n";
  std::size_t head_size = kHead.size();
  replace_field(message, head_size, "mcp-session-id", "a-longer-one");
  CHECK(message ==
        "POST /mcp HTTP/1.1\r\nHost: a\r\nMcp-Session-Id: a-longer-one\r\nx: \r\n"
        "mcp-session-ids: no\r\n\r\nbody mcp-session-id: old\r\n");
  CHECK(message.substr(head_size) == "body mcp-session-id: old\r\n");
  CHECK(field_value(message.substr(0, head_size), "mcp-session-id") == "a-longer-one");
}

TEST_CASE("a body is never searched for a field") {
  std::string message = "GET / HTTP/1.1\r\nhost: a\r\n\r\nmcp-session-id: body\r\n\r\n";
  const std::string before = message;
  std::size_t head_size = message.find("mcp-session-id");
  replace_field(message, head_size, "mcp-session-id", "x");
  CHECK(message == before);
}
