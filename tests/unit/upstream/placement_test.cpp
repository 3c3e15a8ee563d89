#include "upstream/placement.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "pools.h"

namespace ringside::upstream {
namespace {

void refuse(const PoolSnapshot& pool, std::size_t index) {
  pool.endpoints()[index]->refusal().refused(Time(milliseconds(1)));
}

Load& load(const PoolSnapshot& pool, std::size_t index) { return pool.endpoints()[index]->load(); }

// All four ways, for what holds for each of them.
using Way = std::function<const Endpoint*(const PoolSnapshot&, const Tried&)>;
std::vector<Way> all_ways(std::uint64_t hash) {
  return {
      [=](const PoolSnapshot& pool, const Tried& tried) {
        return place_on_ring(pool, hash, tried);
      },
      [=](const PoolSnapshot& pool, const Tried& tried) {
        return place_bounded(pool, hash, 1.25, tried);
      },
      [=](const PoolSnapshot& pool, const Tried& tried) {
        return place_least_sessions(pool, hash, tried);
      },
      [=](const PoolSnapshot& pool, const Tried& tried) {
        Random random(hash);
        return place_least_requests(pool, random, tried);
      },
  };
}

TEST_CASE("placement: an empty pool gives nobody") {
  for (const Way& way : all_ways(1)) CHECK(way(pool_of({}), {}) == nullptr);
}

TEST_CASE("placement: each endpoint is offered once, those that refuse last, and then nobody") {
  for (std::uint64_t hash = 0; hash < 50; ++hash) {
    for (const Way& way : all_ways(hash * 0x9e3779b97f4a7c15U)) {
      const PoolSnapshot pool = pool_of({1, 2, 1, 3, 1});
      refuse(pool, 1);
      refuse(pool, 3);
      load(pool, 0).sessions = 40;
      load(pool, 2).requests = 9;
      Tried tried;
      for (std::size_t turn = 0; turn < 5; ++turn) {
        const Endpoint* endpoint = way(pool, tried);
        REQUIRE(endpoint != nullptr);
        CHECK(std::ranges::find(tried, endpoint->id()) == tried.end());
        CHECK(endpoint->refusal().refusing() == (turn >= 3));
        tried.push_back(endpoint->id());
      }
      CHECK(way(pool, tried) == nullptr);
    }
  }
}

TEST_CASE(
    "place_on_ring: the owner is the ring's, whatever its load, and the next when it refuses") {
  const PoolSnapshot pool = pool_of_equals(10);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t hash = pool.ring().hash_of(std::to_string(i));
    std::vector<std::size_t> order;
    pool.ring().walk(hash, [&](std::size_t member) {
      order.push_back(member);
      return false;
    });
    load(pool, order[0]).sessions = 1000;
    CHECK(place_on_ring(pool, hash, {}) == pool.endpoints()[order[0]].get());
    refuse(pool, order[0]);
    CHECK(place_on_ring(pool, hash, {}) == pool.endpoints()[order[1]].get());
    CHECK(place_on_ring(pool, hash, {100 + static_cast<EndpointId>(order[1])}) ==
          pool.endpoints()[order[2]].get());
    pool.endpoints()[order[0]]->refusal().broken();
  }
}

TEST_CASE("place_bounded: in an idle pool the ring's owner is chosen") {
  const PoolSnapshot pool = pool_of_equals(10);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t hash = pool.ring().hash_of(std::to_string(i));
    CHECK(place_bounded(pool, hash, 1.25, {}) == place_on_ring(pool, hash, {}));
  }
}

TEST_CASE("place_bounded: an owner at its bound is passed over for the next clockwise below it") {
  const PoolSnapshot pool = pool_of_equals(3);
  std::vector<std::size_t> order;
  pool.ring().walk(77, [&](std::size_t member) {
    order.push_back(member);
    return false;
  });
  const Endpoint* owner = pool.endpoints()[order[0]].get();
  const Endpoint* second = pool.endpoints()[order[1]].get();
  const Endpoint* third = pool.endpoints()[order[2]].get();
  // 11 sessions: the bound is ceil(1.25 x 12 / 3) = 5.
  owner->load().sessions = 4;
  second->load().sessions = 4;
  third->load().sessions = 3;
  CHECK(place_bounded(pool, 77, 1.25, {}) == owner);
  ++owner->load().placements;  // 12: ceil(1.25 x 13 / 3) = 6
  CHECK(place_bounded(pool, 77, 1.25, {}) == owner);
  ++owner->load().placements;  // 13: ceil(5.83) = 6, and the owner has 6
  CHECK(place_bounded(pool, 77, 1.25, {}) == second);
  second->load().sessions = 6;
  owner->load().sessions = 5;  // 16: ceil(7.08) = 8
  CHECK(place_bounded(pool, 77, 1.25, {}) == owner);
  owner->load().sessions = 8;
  second->load().sessions = 10;
  third->load().sessions = 1;  // 21: ceil(9.17) = 10, and the owner has its placements too
  CHECK(place_bounded(pool, 77, 1.25, {}) == third);
}

// The promise of the bound, over random weights, loads and refusals.
TEST_CASE("place_bounded: whoever is chosen was below its bound, and its owner if that was") {
  Random random(GENERATE(1U, 2U, 3U));
  for (int round = 0; round < 300; ++round) {
    const std::size_t count = 1 + random.below(12);
    std::vector<std::uint32_t> weights(count);
    for (auto& weight : weights) weight = 1 + random.below(4);
    const PoolSnapshot pool = pool_of(weights, {.points = 20, .seed = random.next()});
    std::vector<bool> open(count, true);
    for (std::size_t i = 0; i < count; ++i) {
      load(pool, i).sessions = random.below(50);
      load(pool, i).placements = random.below(3);
      if (i > 0 && random.below(4) == 0) {
        refuse(pool, i);
        open[i] = false;
      }
    }
    const double factor = 1 + random.below(100) / 100.0;
    double total = 1;
    double weight = 0;
    for (std::size_t i = 0; i < count; ++i) {
      total += open[i] ? load(pool, i).placed() : 0;
      weight += open[i] ? weights[i] : 0;
    }
    const auto bound = [&](std::size_t i) {
      return std::ceil(factor * total * weights[i] / weight);
    };
    const std::uint64_t hash = random.next();
    const Endpoint* chosen = place_bounded(pool, hash, factor, {});
    REQUIRE(chosen != nullptr);
    const std::size_t expected = pool.ring().walk(
        hash, [&](std::size_t i) { return open[i] && load(pool, i).placed() < bound(i); });
    REQUIRE(expected < count);
    CHECK(chosen == pool.endpoints()[expected].get());
  }
}

TEST_CASE("place_bounded: sessions placed one by one never leave an endpoint above its bound") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  const PoolSnapshot pool = pool_of({1, 1, 1, 2, 3}, {.points = 160, .seed = seed});
  Random random(seed);
  constexpr double kFactor = 1.25;
  for (std::uint32_t placed = 0; placed < 2000; ++placed) {
    // Half of all clients are one client: the case that plain hashing fails.
    const std::uint64_t hash = random.below(2) == 0 ? 12345 : random.next();
    const Endpoint* chosen = place_bounded(pool, hash, kFactor, {});
    REQUIRE(chosen != nullptr);
    ++chosen->load().sessions;
    const double bound = std::ceil(kFactor * (placed + 1) * chosen->weight() / 8.0);
    REQUIRE(chosen->load().placed() <= bound);
  }
}

TEST_CASE(
    "place_bounded: the sessions of an endpoint that refuses neither crowd nor bar the others") {
  const PoolSnapshot pool = pool_of_equals(3);
  load(pool, 0).sessions = 1000;
  refuse(pool, 0);
  std::array<int, 3> placed{};
  for (int i = 0; i < 300; ++i) {
    const Endpoint* chosen = place_bounded(pool, 4242, 1.25, {});
    ++placed[chosen->id() - 100];
    ++chosen->load().sessions;
  }
  CHECK(placed[0] == 0);
  CHECK(std::max(placed[1], placed[2]) <= 188);  // ceil(1.25 x 300 / 2)
}

TEST_CASE("place_least_sessions: the fewest for the weight win, ties go clockwise") {
  const PoolSnapshot pool = pool_of({1, 2, 4});
  load(pool, 0).sessions = 3;
  load(pool, 1).sessions = 5;
  load(pool, 2).sessions = 11;
  CHECK(place_least_sessions(pool, 1, {}) == pool.endpoints()[1].get());
  load(pool, 1).placements = 1;
  CHECK(place_least_sessions(pool, 1, {}) == pool.endpoints()[2].get());
  load(pool, 2).sessions = 12;
  std::set<const Endpoint*> chosen;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t hash = pool.ring().hash_of(std::to_string(i));
    CHECK(place_least_sessions(pool, hash, {}) == place_on_ring(pool, hash, {}));
    chosen.insert(place_least_sessions(pool, hash, {}));
  }
  CHECK(chosen.size() == 3);
}

TEST_CASE("place_least_sessions: sessions placed one by one stay level") {
  const PoolSnapshot pool = pool_of_equals(7);
  for (int i = 0; i < 700; ++i) ++place_least_sessions(pool, 5, {})->load().sessions;
  for (std::size_t i = 0; i < 7; ++i) CHECK(load(pool, i).sessions == 100);
}

TEST_CASE("place_least_requests: of two endpoints the one with fewer exchanges for its weight") {
  const PoolSnapshot pool = pool_of({1, 3});
  load(pool, 0).requests = 2;
  load(pool, 1).requests = 5;
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    CHECK(place_least_requests(pool, random, {}) == pool.endpoints()[1].get());
  }
  load(pool, 1).requests = 7;
  for (int i = 0; i < 50; ++i) {
    CHECK(place_least_requests(pool, random, {}) == pool.endpoints()[0].get());
  }
}

TEST_CASE("place_least_requests: idle endpoints are drawn by weight, loaded ones stay level") {
  Random random(2);
  const PoolSnapshot idle = pool_of({1, 1, 2});
  std::array<int, 3> drawn{};
  for (int i = 0; i < 40'000; ++i) ++drawn[place_least_requests(idle, random, {})->id() - 100];
  CHECK(std::abs(drawn[0] - 10'000) < 500);
  CHECK(std::abs(drawn[1] - 10'000) < 500);
  CHECK(std::abs(drawn[2] - 20'000) < 500);

  const PoolSnapshot busy = pool_of_equals(10);
  for (int i = 0; i < 10'000; ++i) ++place_least_requests(busy, random, {})->load().requests;
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(load(busy, i).requests > 980);
    CHECK(load(busy, i).requests < 1020);
  }
}

TEST_CASE("place_least_requests: whoever refuses is not drawn while another does not") {
  const PoolSnapshot pool = pool_of_equals(3);
  refuse(pool, 1);
  load(pool, 0).requests = 100;
  load(pool, 2).requests = 100;
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    CHECK(place_least_requests(pool, random, {}) != pool.endpoints()[1].get());
  }
}

}  // namespace
}  // namespace ringside::upstream
