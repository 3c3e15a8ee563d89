#include "session/revivals.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <thread>
#include <vector>

#include "session/lru_map.h"

namespace ringside::session {
namespace {

Key key(std::uint64_t number) { return {{.low = number, .high = ~number}}; }

Inward inward(std::string id) { return {.id = std::move(id), .key = key(77)}; }

TEST_CASE("lru_map: replaces, bounds by number, and a look-up is a use") {
  LruMap<Key, int, KeyHash> map(3, 100);
  for (int i = 0; i < 3; ++i) map.put(key(static_cast<unsigned>(i)), i, 1);
  REQUIRE(map.find(key(0)) != nullptr);
  map.put(key(3), 3, 1);
  CHECK(map.find(key(1)) == nullptr);
  REQUIRE(map.find(key(0)) != nullptr);
  CHECK(*map.put(key(0), 9, 1) == 9);
  CHECK(*map.find(key(0)) == 9);
  CHECK(map.size() == 3);
  CHECK(map.erase(key(0)));
  CHECK_FALSE(map.erase(key(0)));
  CHECK(map.bytes() == 2);
}

TEST_CASE("lru_map: bounds by bytes, and holds nothing that is beyond them alone") {
  LruMap<Key, int, KeyHash> map(100, 10);
  for (unsigned i = 0; i < 5; ++i) map.put(key(i), 0, 2);
  CHECK(map.put(key(5), 0, 10) != nullptr);
  CHECK(map.size() == 1);
  CHECK(map.put(key(5), 0, 11) == nullptr);
  CHECK(map.size() == 0);
  CHECK(map.bytes() == 0);
  LruMap<Key, int, KeyHash> none(0, 10);
  CHECK(none.put(key(1), 1, 1) == nullptr);
}

TEST_CASE("revivals: a session's id upstream is found, replaced and erased (90)") {
  Revivals revivals(10);
  CHECK_FALSE(revivals.find(key(1)));
  CHECK_FALSE(revivals.erase(key(1)));
  CHECK(revivals.set(key(1), inward("new-1")));
  REQUIRE(revivals.find(key(1)));
  CHECK(revivals.find(key(1))->id == "new-1");
  CHECK(revivals.find(key(1))->key == key(77));
  CHECK_FALSE(revivals.find(key(2)));
  CHECK(revivals.set(key(1), inward("new-2")));
  CHECK(revivals.find(key(1))->id == "new-2");
  CHECK(revivals.size() == 1);
  CHECK(revivals.erase(key(1)));
  CHECK(revivals.size() == 0);
}

TEST_CASE("revivals: an id that is empty or too long is none, and ends an earlier one") {
  Revivals revivals(10);
  CHECK(revivals.set(key(1), inward(std::string(Revivals::kIdMax, 'x'))));
  CHECK_FALSE(revivals.set(key(1), inward(std::string(Revivals::kIdMax + 1, 'x'))));
  CHECK_FALSE(revivals.find(key(1)));
  CHECK_FALSE(revivals.set(key(1), inward("")));
}

TEST_CASE("revivals: bounded by sessions and by bytes") {
  Revivals few(100);
  for (unsigned i = 0; i < 1000; ++i) few.set(key(i), inward("id"));
  CHECK(few.size() == 100);
  CHECK(few.find(key(999)));
  CHECK_FALSE(few.find(key(899)));
  Revivals many(100'000);
  for (unsigned i = 0; i < 1100; ++i) many.set(key(i), inward(std::string(Revivals::kIdMax, 'x')));
  CHECK(many.size() == Revivals::kBytesMax / Revivals::kIdMax);
}

TEST_CASE("revivals: from many threads") {
  Revivals revivals(64);
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 5000; ++i) {
        const Key mine = key(t * 1000 + i % 100);
        revivals.set(mine, inward(std::string(50, 'a')));
        if (const auto found = revivals.find(mine); found && found->id.size() != 50) ++faults;
        if (i % 3 == 0) revivals.erase(mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 0);
  CHECK(revivals.size() <= 64);
}

}  // namespace
}  // namespace ringside::session
