#include "session/searches.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

namespace ringside::session {
namespace {

using std::chrono::seconds;
using Join = Searches::Join;
using Workers = std::vector<unsigned>;

constexpr Time kNow{seconds(1)};

Key key(std::uint64_t number) { return {{.low = number, .high = number}}; }

const Address kClient = Address::parse_host("10.0.0.1").value();
const Address kOther = Address::parse_host("10.0.0.2").value();

TEST_CASE("searches: the first leads, the rest wait, each worker is woken once") {
  Searches searches({}, 2, 1);
  CHECK(searches.join(key(1), 0, kClient, kNow) == Join::leads);
  CHECK(searches.join(key(1), 1, kClient, kNow) == Join::waits);
  CHECK(searches.join(key(1), 2, kOther, kNow) == Join::waits);
  CHECK(searches.join(key(1), 1, kClient, kNow) == Join::waits);
  CHECK(searches.join(key(1), 0, kClient, kNow) == Join::waits);
  CHECK(searches.join(key(2), 3, kClient, kNow) == Join::leads);
  CHECK(searches.in_flight() == 2);
  CHECK(searches.finish(key(1)) == Workers{1, 2, 0});
  CHECK(searches.finish(key(2)).empty());
  CHECK(searches.in_flight() == 0);
}

TEST_CASE("searches: when one is over the next that asks leads") {
  Searches searches({}, 2, 1);
  searches.join(key(1), 0, kClient, kNow);
  searches.join(key(1), 1, kClient, kNow);
  CHECK(searches.finish(key(1)) == Workers{1});
  CHECK(searches.join(key(1), 1, kClient, kNow) == Join::leads);
}

TEST_CASE("searches: one that is not under way is nobody's") {
  Searches searches({}, 2, 1);
  searches.found(key(1));
  searches.undecided(key(1));
  CHECK_FALSE(searches.spend(key(1), kNow));
  CHECK(searches.finish(key(1)).empty());
}

TEST_CASE("searches: so many at once, and waiting is not one of them") {
  Searches searches({.in_flight = 4}, 2, 1);
  for (std::uint64_t i = 0; i < 4; ++i)
    CHECK(searches.join(key(i), 0, i < 2 ? kClient : kOther, kNow) == Join::leads);
  CHECK(searches.join(key(4), 0, kClient, kNow) == Join::refused_all);
  CHECK(searches.join(key(0), 1, kClient, kNow) == Join::waits);
  searches.finish(key(1));
  CHECK(searches.join(key(4), 0, kOther, kNow) == Join::refused_client);
  CHECK(searches.join(key(4), 0, kClient, kNow) == Join::leads);
}

TEST_CASE("searches: only leading has a price, and finding the owner gives it back (29, 54)") {
  Searches searches({.per_client = 1}, 2, 1);
  CHECK(searches.join(key(0), 0, kClient, kNow) == Join::leads);
  for (int i = 0; i < 100; ++i) CHECK(searches.join(key(0), 1, kClient, kNow) == Join::waits);
  searches.finish(key(0));  // found nobody: one of ten is spent
  for (int i = 0; i < 100; ++i) {
    CHECK(searches.join(key(1), 0, kClient, kNow) == Join::leads);
    CHECK(searches.spend(key(1), kNow));
    i % 2 == 0 ? searches.found(key(1)) : searches.undecided(key(1));
    searches.finish(key(1));
  }
  for (int i = 0; i < 9; ++i) {
    CHECK(searches.join(key(2), 0, kClient, kNow) == Join::leads);
    searches.finish(key(2));
  }
  CHECK(searches.join(key(3), 0, kClient, kNow) == Join::refused_client);
  CHECK(searches.join(key(3), 0, kOther, kNow) == Join::leads);
  CHECK(searches.join(key(3), 0, kClient, kNow) == Join::waits);
}

TEST_CASE("searches: with all attempts wasted, nobody leads until there are more") {
  Searches searches({.per_client = 1000}, 2, 1);
  const Address third = Address::parse_host("10.0.0.3").value();
  for (const auto& [number, client] : {std::pair(0, kClient), std::pair(1, kOther)}) {
    const Key guessed = key(static_cast<std::uint64_t>(number));
    searches.join(guessed, 0, client, kNow);
    while (searches.spend(guessed, kNow)) {
    }
    searches.finish(guessed);
  }
  CHECK(searches.join(key(2), 0, third, kNow) == Join::refused_all);
  searches.budget().earned(5000);
  CHECK(searches.join(key(2), 0, third, kNow) == Join::leads);
}

TEST_CASE("searches: from many threads, one leads at a time and every worker is woken") {
  constexpr unsigned kWorkers = 4;
  constexpr int kRounds = 2000;
  Searches searches({}, 2, 1);
  std::atomic<int> leaders = 0;
  std::atomic<bool> two_led = false;
  std::atomic<int> waits[kWorkers] = {};
  std::atomic<int> wakes[kWorkers] = {};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      for (int round = 0; round < kRounds; ++round) {
        if (searches.join(key(7), worker, kClient, kNow) == Join::waits) {
          ++waits[worker];
          continue;
        }
        if (++leaders != 1) two_led = true;
        searches.found(key(7));
        --leaders;
        for (const unsigned woken : searches.finish(key(7))) ++wakes[woken];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(two_led);
  CHECK(searches.in_flight() == 0);
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    CHECK(wakes[worker] <= waits[worker]);
    CHECK((wakes[worker] > 0) == (waits[worker] > 0));
  }
}

}  // namespace
}  // namespace ringside::session
