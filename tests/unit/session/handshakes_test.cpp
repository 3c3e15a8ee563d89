// Numbers in names are the cases of the session rules that a test covers.
#include "session/handshakes.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "session/rpc_message.h"

namespace ringside::session {
namespace {

using nlohmann::json;

Key key(std::uint64_t number) { return {{.low = number, .high = ~number}}; }

constexpr std::string_view kInitialize =
    R"({"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},)"
    R"("clientInfo":{"name":"agent","version":"1"}},"jsonrpc":"2.0","id":0})";
constexpr std::string_view kInitialized =
    R"({"method":"notifications/initialized","params":{"_meta":{}},"jsonrpc":"2.0"})";

TEST_CASE("handshakes: what was recorded is found as it came (87)") {
  Handshakes handshakes;
  CHECK_FALSE(handshakes.find(key(1)));
  CHECK(handshakes.record_initialize(key(1), kInitialize));
  CHECK(handshakes.record_initialized(key(1), kInitialized));
  const auto found = handshakes.find(key(1));
  REQUIRE(found);
  CHECK(found->initialize == kInitialize);
  CHECK(found->initialized == kInitialized);
  CHECK(found->protocol_version == "2025-06-18");
  CHECK_FALSE(handshakes.find(key(2)));
  CHECK(handshakes.forget(key(1)));
  CHECK_FALSE(handshakes.find(key(1)));
  CHECK(handshakes.bytes() == 0);
}

TEST_CASE("handshakes: without its initialized a session has the minimal one") {
  Handshakes handshakes;
  handshakes.record_initialize(key(1), kInitialize);
  CHECK(handshakes.find(key(1))->initialized == minimal_handshake("").initialized);
}

TEST_CASE("handshakes: initialized alone is nothing; a new initialize begins anew") {
  Handshakes handshakes;
  CHECK_FALSE(handshakes.record_initialized(key(1), kInitialized));
  CHECK_FALSE(handshakes.find(key(1)));
  handshakes.record_initialize(key(1), kInitialize);
  handshakes.record_initialized(key(1), kInitialized);
  handshakes.record_initialize(key(1), R"({"id":1,"method":"initialize"})");
  CHECK(handshakes.find(key(1))->initialized == minimal_handshake("").initialized);
  CHECK(handshakes.find(key(1))->protocol_version.empty());
}

TEST_CASE("handshakes: a body that is empty or too long is not kept") {
  Handshakes handshakes;
  CHECK_FALSE(handshakes.record_initialize(key(1), ""));
  CHECK(handshakes.record_initialize(key(1), std::string(Handshakes::kBodyMax, ' ')));
  CHECK_FALSE(handshakes.record_initialized(key(1), std::string(Handshakes::kBodyMax + 1, ' ')));
  CHECK_FALSE(handshakes.record_initialized(key(1), ""));
  CHECK(handshakes.find(key(1)));
  CHECK_FALSE(handshakes.record_initialize(key(1), std::string(Handshakes::kBodyMax + 1, ' ')));
  CHECK_FALSE(handshakes.find(key(1)));
}

TEST_CASE("handshakes: bounded by sessions and by bytes, the least recent goes") {
  Handshakes few(10);
  for (unsigned i = 0; i < 100; ++i) few.record_initialize(key(i), kInitialize);
  CHECK(few.size() == 10);
  CHECK(few.find(key(99)));
  CHECK_FALSE(few.find(key(89)));
  Handshakes many;
  const std::string body(Handshakes::kBodyMax, 'x');
  for (unsigned i = 0; i < 3000; ++i) {
    many.record_initialize(key(i), body);
    many.record_initialized(key(i), body);
  }
  CHECK(many.size() == 1024);
  CHECK(many.bytes() == Handshakes::kBytesMax);
}

TEST_CASE("handshakes: the minimal one is a handshake, with the version given (88)") {
  const Handshake handshake = minimal_handshake("2025-06-18");
  CHECK(rpc_kind(handshake.initialize) == RpcKind::initialize);
  CHECK(rpc_kind(handshake.initialized) == RpcKind::initialized);
  CHECK(protocol_version_of(handshake.initialize) == "2025-06-18");
  CHECK(handshake.protocol_version == "2025-06-18");
  const json document = json::parse(handshake.initialize);
  CHECK(document.at("jsonrpc") == "2.0");
  CHECK(document.at("id") == "ringside-revive");
  CHECK(document.at("params").at("capabilities") == json::object());
  CHECK(document.at("params").at("clientInfo").at("name") == "ringside");
  CHECK(document.at("params").at("clientInfo").at("version") == RINGSIDE_VERSION);
}

TEST_CASE("handshakes: a version that could be more than one is not believed (88)") {
  for (const std::string& version :
       {std::string(), std::string("\",\"x\":\""), std::string("2025-06-18\n"), std::string("\\"),
        std::string("\xff"), std::string(33, '1'), std::string("a b")}) {
    const Handshake handshake = minimal_handshake(version);
    CHECK(handshake.protocol_version == "2025-03-26");
    CHECK(protocol_version_of(handshake.initialize) == "2025-03-26");
  }
}

TEST_CASE("handshakes: from many threads") {
  Handshakes handshakes(64);
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 2000; ++i) {
        const Key mine = key((t + i) % 100);
        handshakes.record_initialize(mine, kInitialize);
        handshakes.record_initialized(mine, kInitialized);
        if (const auto found = handshakes.find(mine)) faults += found->initialize != kInitialize;
        if (i % 3 == 0) handshakes.forget(mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 0);
  CHECK(handshakes.size() <= 64);
}

}  // namespace
}  // namespace ringside::session
