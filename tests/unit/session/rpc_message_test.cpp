#include "session/rpc_message.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace ringside::session {
namespace {

TEST_CASE("rpc_message: one message of each kind, its members in any order") {
  CHECK(rpc_kind(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":[1,{}]}})") ==
        RpcKind::request);
  CHECK(rpc_kind(R"({"method":"ping","jsonrpc":"2.0","id":"a"})") == RpcKind::request);
  CHECK(rpc_kind(R"({"method":"initialize","params":{},"id":0})") == RpcKind::initialize);
  CHECK(rpc_kind(R"({"method":"notifications/initialized"})") == RpcKind::initialized);
  CHECK(rpc_kind(R"({"method":"notifications/cancelled","params":{"requestId":1}})") ==
        RpcKind::notification);
  CHECK(rpc_kind(R"({"result":{},"jsonrpc":"2.0","id":1})") == RpcKind::response);
  CHECK(rpc_kind(R"({"id":1,"error":{"code":-1,"message":"no"}})") == RpcKind::response);
  CHECK(rpc_kind(R"({"id":null,"error":{"code":-1,"message":"no"}})") == RpcKind::response);
  CHECK(rpc_kind(" \r\n\t{\"id\":1.5,\"method\":\"x\"}\n") == RpcKind::request);
}

TEST_CASE("rpc_message: what is no JSON-RPC is other") {
  for (const char* body : {"",
                           " ",
                           "x",
                           "1",
                           "null",
                           "\"initialize\"",
                           "{}",
                           "[]",
                           "[1]",
                           "[[]]",
                           "[{}]",
                           "{]",
                           "[}",
                           R"({"id":1})",
                           R"({"params":{"method":"ping"},"id":1})",
                           R"({"method":1,"id":1})",
                           R"({"method":{"method":"ping"},"id":1})",
                           R"({"method":null,"id":1})",
                           R"({"method":"ping","id":null})",
                           R"({"method":"ping","id":{}})",
                           R"({"method":"ping","id":[1]})",
                           R"({"method":"ping","id":true})",
                           R"({"method":"ping","id":1} {})",
                           R"({"method":"ping","id":1},)",
                           R"({'method':'ping','id':1})",
                           R"({"method":"ping","id":1,})",
                           R"({"method":"pi)",
                           "{\"method\":\"pi\xff\",\"id\":1}",
                           R"({"method":"ping","id":1,"n":1e9999})",
                           R"({"method":"\q","id":1})",
                           R"({"method":"ping","id":1/**/})"}) {
    INFO(body);
    CHECK(rpc_kind(body) == RpcKind::other);
  }
}

TEST_CASE("rpc_message: what says two things at once is other") {
  for (const char* body :
       {R"({"method":"ping","method":"initialize","id":1})", R"({"method":"ping","id":1,"id":2})",
        R"({"method":"ping","method":"ping","id":1})", R"({"method":"ping","id":1,"result":{}})",
        R"({"method":"ping","error":{}})",
        R"({"method":"notifications/initialized","m\u0065thod":"ping"})"}) {
    INFO(body);
    CHECK(rpc_kind(body) == RpcKind::other);
  }
}

TEST_CASE("rpc_message: escapes in names and values mean what they stand for") {
  CHECK(rpc_kind(R"({"m\u0065thod":"initi\u0061lize","i\u0064":1})") == RpcKind::initialize);
  CHECK(rpc_kind(R"({"method":"notifications\/initialized"})") == RpcKind::initialized);
  CHECK(rpc_kind(R"({"method":"Initialize","id":1})") == RpcKind::request);
  CHECK(rpc_kind(R"({"method":"initialize\u0000","id":1})") == RpcKind::request);
  CHECK(rpc_kind(R"({"Method":"initialize","id":1})") == RpcKind::other);
}

TEST_CASE("rpc_message: only members of the message itself count") {
  CHECK(rpc_kind(R"({"params":{"id":1,"method":"initialize","result":1},"method":"a"})") ==
        RpcKind::notification);
  CHECK(rpc_kind(R"({"id":1,"params":[{"error":1}],"method":"a"})") == RpcKind::request);
  CHECK(rpc_kind(R"({"id":1,"result":{"method":"initialize","id":2}})") == RpcKind::response);
}

TEST_CASE("rpc_message: a batch is what its weightiest message is (55)") {
  CHECK(rpc_kind(R"([{"method":"a"},{"method":"b","id":1},{"id":2,"result":{}}])") ==
        RpcKind::request);
  CHECK(rpc_kind(R"([{"id":2,"result":{}},{"method":"a"}])") == RpcKind::notification);
  CHECK(rpc_kind(R"([{"method":"notifications/initialized"}])") == RpcKind::notification);
  CHECK(rpc_kind(R"([{"id":2,"result":{}},{"id":3,"error":{}}])") == RpcKind::response);
  CHECK(rpc_kind(R"([{"method":"b","id":1},{"method":"initialize","id":2}])") == RpcKind::other);
  CHECK(rpc_kind(R"([{"method":"initialize","id":2}])") == RpcKind::other);
  CHECK(rpc_kind(R"([{"method":"b","id":1},{}])") == RpcKind::other);
  CHECK(rpc_kind(R"([{"method":"b","id":1},7])") == RpcKind::other);
  CHECK(rpc_kind(R"([[{"method":"b","id":1}]])") == RpcKind::other);
}

TEST_CASE("rpc_message: deep nesting ends the look at 256 levels") {
  const auto nested = [](std::size_t levels) {
    return R"({"method":"a","id":1,"params":)" + std::string(levels, '[') +
           std::string(levels, ']') + "}";
  };
  CHECK(rpc_kind(nested(255)) == RpcKind::request);
  CHECK(rpc_kind(nested(256)) == RpcKind::other);
  CHECK(rpc_kind(std::string(60'000, '[')) == RpcKind::other);
  CHECK(rpc_kind(std::string(10'000'000, '[')) == RpcKind::other);
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += R"({"a":)";
  CHECK(rpc_kind(objects) == RpcKind::other);
}

TEST_CASE("rpc_message: cut off at any byte, a whole body is other") {
  const std::string body = R"({"jsonrpc":"2.0","id":12,"method":"a\u00e4","params":{"x":[1.5e1]}})";
  REQUIRE(rpc_kind(body) == RpcKind::request);
  for (std::size_t size = 0; size < body.size(); ++size) {
    REQUIRE(rpc_kind(body.substr(0, size)) == RpcKind::other);
  }
  const std::string batch = "[" + body + "," + body + "]";
  for (std::size_t size = 0; size < batch.size(); ++size) {
    REQUIRE(rpc_kind(batch.substr(0, size)) == RpcKind::other);
  }
}

TEST_CASE("rpc_message: the beginning of a body is judged by the members in sight") {
  const std::string body = R"({"method":"tools/call","params":{"x":"yyy"},"jsonrpc":"2.0","id":1})";
  for (std::size_t size = 0; size < body.size(); ++size) {
    const RpcKind kind = rpc_kind(body.substr(0, size), false);
    REQUIRE(kind == (size < 22 ? RpcKind::other : RpcKind::request));
  }
  CHECK(rpc_kind(R"({"method":"notifications/progress","params":{)", false) ==
        RpcKind::notification);
  CHECK(rpc_kind(R"({"result":{"content":[)", false) == RpcKind::response);
  CHECK(rpc_kind(R"({"id":7,"result":{"content":[)", false) == RpcKind::response);
  CHECK(rpc_kind(R"([{"method":"a"},{"method":"b","id":1},{"par)", false) == RpcKind::other);
  CHECK(rpc_kind(R"([{"method":"a"},{"method":"b","id":1},)", false) == RpcKind::request);
  CHECK(rpc_kind(R"([{"method":"a"},{"method":"b","params":{)", false) == RpcKind::request);
}

TEST_CASE("rpc_message: of a huge body the first 64 KiB are looked at") {
  const std::string filling(kRpcLookMax, 'x');
  CHECK(rpc_kind(R"({"method":"a","params":")" + filling + R"(","id":1})") == RpcKind::request);
  CHECK(rpc_kind(R"({"params":")" + filling + R"(","method":"a","id":1})") == RpcKind::other);
  CHECK(rpc_kind(filling) == RpcKind::other);
}

TEST_CASE("rpc_message: any bytes do no harm") {
  std::uint32_t state = 1;
  constexpr std::string_view kAlphabet = "{}[]\",:\\u0d8 \nmethodid1.e-\xff\xc3";
  for (int round = 0; round < 20'000; ++round) {
    std::string body;
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525 + 1013904223;
      body += kAlphabet[(state >> 16U) % kAlphabet.size()];
    }
    rpc_kind(body);
    rpc_kind("{\"method\":" + body, false);
    protocol_version_of("{\"params\":{" + body);
  }
  SUCCEED();
}

TEST_CASE("rpc_message: the version that an initialize asks for") {
  CHECK(protocol_version_of(R"({"params":{"protocolVersion":"2025-03-26"}})") == "2025-03-26");
  CHECK(protocol_version_of(R"({"params":{"x":{"protocolVersion":"a"}}})").empty());
  CHECK(protocol_version_of(R"({"protocolVersion":"a","x":{"protocolVersion":"b"}})").empty());
  CHECK(protocol_version_of(R"({"params":{"protocolVersion":7}})").empty());
  CHECK(protocol_version_of(R"({"params":{"protocolVersion":["a"]}})").empty());
  CHECK(protocol_version_of(R"({"params":{"protocolVersion":"a"})").empty());
  CHECK(protocol_version_of(R"({"params":{"protocolVersion":")" + std::string(33, 'a') + "\"}}")
            .empty());
  CHECK(protocol_version_of("").empty());
}

}  // namespace
}  // namespace ringside::session
