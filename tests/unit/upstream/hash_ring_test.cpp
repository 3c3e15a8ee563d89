#include "upstream/hash_ring.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "base/hash.h"

namespace ringside::upstream {
namespace {

std::vector<std::string> names_of(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("pod-" + std::to_string(i));
  return names;
}

HashRing ring_of(const std::vector<std::string>& names, const std::vector<std::uint32_t>& weights,
                 const RingOptions& options = {}) {
  std::vector<HashRing::Member> members;
  for (std::size_t i = 0; i < names.size(); ++i) members.push_back({names[i], weights[i]});
  return {members, options};
}

HashRing ring_of_equals(const std::vector<std::string>& names, const RingOptions& options = {}) {
  return ring_of(names, std::vector<std::uint32_t>(names.size(), 1), options);
}

std::size_t owner_of(const HashRing& ring, std::uint64_t hash) {
  return ring.walk(hash, [](std::size_t) { return true; });
}

std::size_t owner_of(const HashRing& ring, std::string_view key) {
  return owner_of(ring, ring.hash_of(key));
}

std::vector<std::size_t> order_from(const HashRing& ring, std::uint64_t hash) {
  std::vector<std::size_t> order;
  const std::size_t result = ring.walk(hash, [&](std::size_t member) {
    order.push_back(member);
    return false;
  });
  CHECK(result == ring.size());
  return order;
}

struct Golden {
  std::uint64_t hash;
  std::string_view name;
};

void check_points(const HashRing& ring, const std::array<std::string, 2>& names,
                  const std::vector<Golden>& golden) {
  REQUIRE(ring.points().size() == golden.size());
  for (std::size_t i = 0; i < golden.size(); ++i) {
    CHECK(ring.points()[i].hash == golden[i].hash);
    CHECK(names[ring.points()[i].member] == golden[i].name);
  }
}

// Every ring that was ever built must be built again by every later version, or sessions that no
// table knows are looked for on the wrong pods. The points were made by other code, Python's
// xxhash:
//   sorted((xxh3_64_intdigest(f"{name}#{i}".encode(), seed), name)
//          for name, weight in [("alpha", 1), ("beta", 2)] for i in range(4 * weight))
TEST_CASE("hash_ring: a small ring has the points that an independent recipe gives") {
  const std::array<std::string, 2> names{"alpha", "beta"};
  const HashRing::Member members[] = {{names[0], 1}, {names[1], 2}};
  check_points(HashRing(members, {.points = 4, .seed = 0}), names,
               {{0x03af70bd6e40b10c, "beta"},
                {0x0575a8b4e9c49d9d, "beta"},
                {0x3837088962a8385f, "alpha"},
                {0x48ef4fd47c0f69f8, "beta"},
                {0x67e6ab897a4ef45a, "alpha"},
                {0x77719ff2f76df915, "alpha"},
                {0x980a3e5256cdaa05, "beta"},
                {0xa6597c35d68acd08, "beta"},
                {0xc8f9b83f05045176, "alpha"},
                {0xd3dd46157f6d4138, "beta"},
                {0xdf82e88be485bddb, "beta"},
                {0xf4c0e8875df2d721, "beta"}});
  check_points(HashRing(members, {.points = 4, .seed = 7}), names,
               {{0x1905a11f30b93173, "alpha"},
                {0x2b10325213fa3f60, "beta"},
                {0x4154453d0a13f72d, "alpha"},
                {0x5cf6b793fe29cd1b, "alpha"},
                {0x63b6407f3b615628, "beta"},
                {0x7700a8c7f9373c28, "alpha"},
                {0x789d7c0d82924b84, "beta"},
                {0x884a149454298554, "beta"},
                {0xa9e83566a08c1470, "beta"},
                {0xd278b3aba99ca8ae, "beta"},
                {0xd6f7c9e5ef31dc0a, "beta"},
                {0xfe15ea61ede3d94c, "beta"}});
}

// By the same recipe, with the owner the first point at or after xxh3_64_intdigest(key, 0).
TEST_CASE("hash_ring: keys of the default ring have the owners that an independent recipe gives") {
  const std::vector<std::string> names{"10.0.1.5:3000", "10.0.1.6:3000", "10.0.1.7:3000"};
  const HashRing ring = ring_of_equals(names);
  CHECK(ring.points().size() == 480);
  CHECK(ring.points()[0].hash == 0x007b63f36f84431e);
  const std::array<std::size_t, 8> owners{2, 0, 2, 1, 1, 1, 1, 2};
  for (std::size_t i = 0; i < owners.size(); ++i) {
    CHECK(owner_of(ring, "id-" + std::to_string(i)) == owners[i]);
  }
}

TEST_CASE(
    "hash_ring: a key belongs to the point at its hash, else to the next, and past the end wraps") {
  const HashRing ring = ring_of_equals(names_of(3), {.points = 8});
  const auto points = ring.points();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const HashRing::Point& next = points[(i + 1) % points.size()];
    CHECK(owner_of(ring, points[i].hash) == points[i].member);
    CHECK(owner_of(ring, points[i].hash + 1) == next.member);
  }
  CHECK(owner_of(ring, 0) == points[0].member);
  CHECK(owner_of(ring, UINT64_MAX) == points[0].member);
}

TEST_CASE("hash_ring: the order in which members are listed changes no key's owner") {
  const std::vector<std::string> names = names_of(5);
  const std::vector<std::string> reversed(names.rbegin(), names.rend());
  const HashRing ring = ring_of_equals(names);
  const HashRing other = ring_of_equals(reversed);
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i);
    REQUIRE(names[owner_of(ring, key)] == reversed[owner_of(other, key)]);
  }
}

TEST_CASE("hash_ring: another seed makes another ring") {
  const HashRing a = ring_of_equals(names_of(10), {.points = 160, .seed = 0});
  const HashRing b = ring_of_equals(names_of(10), {.points = 160, .seed = 1});
  int same = 0;
  for (int i = 0; i < 1000; ++i) {
    same += owner_of(a, std::to_string(i)) == owner_of(b, std::to_string(i));
  }
  CHECK(same < 200);  // a tenth by chance
}

TEST_CASE("hash_ring: a walk visits each member once, in the order of the points") {
  for (const std::size_t count : {1U, 2U, 3U, 64U, 65U, 200U}) {
    const HashRing ring = ring_of_equals(names_of(count), {.points = 20});
    for (const std::uint64_t hash : {std::uint64_t{0}, hash64("k", 0), UINT64_MAX}) {
      const std::vector<std::size_t> order = order_from(ring, hash);
      CHECK(order[0] == owner_of(ring, hash));
      std::vector<std::size_t> sorted = order;
      std::ranges::sort(sorted);
      REQUIRE(sorted.size() == count);
      CHECK(std::ranges::adjacent_find(sorted) == sorted.end());
      std::vector<std::size_t> by_points;
      const auto points = ring.points();
      const auto first = std::ranges::lower_bound(points, hash, {}, &HashRing::Point::hash);
      for (std::size_t i = 0; i < points.size(); ++i) {
        const auto at = static_cast<std::size_t>(first - points.begin()) + i;
        const std::size_t member = points[at % points.size()].member;
        if (std::ranges::find(by_points, member) == by_points.end()) by_points.push_back(member);
      }
      CHECK(order == by_points);
    }
  }
}

TEST_CASE("hash_ring: a walk ends where it is told to") {
  const HashRing ring = ring_of_equals(names_of(100));
  const std::vector<std::size_t> order = order_from(ring, 5);
  for (const std::size_t stop : {0U, 1U, 70U, 99U}) {
    std::size_t visits = 0;
    CHECK(ring.walk(5, [&](std::size_t) { return visits++ == stop; }) == order[stop]);
    CHECK(visits == stop + 1);
  }
}

TEST_CASE("hash_ring: a ring of nobody, or of no weight, has no owner") {
  CHECK(owner_of(ring_of_equals({}), 5) == 0);
  const HashRing weightless = ring_of({"a", "b"}, {0, 0});
  CHECK(owner_of(weightless, 5) == weightless.size());
  const HashRing partly = ring_of({"a", "b"}, {0, 1});
  CHECK(order_from(partly, 5) == std::vector<std::size_t>{1});
}

// Shares of the ring by 100,000 keys; the largest over the mean. With 160 points a member the share
// varies by about 1/sqrt(160), 8 %, so the largest of 50 stays below mean + 4 x 8 %.
TEST_CASE("hash_ring: no member's share is far above the mean") {
  for (const auto& [count, most] : {std::pair{3U, 1.2}, {10U, 1.25}, {50U, 1.32}}) {
    const HashRing ring = ring_of_equals(names_of(count));
    std::vector<int> keys(count);
    constexpr int kKeys = 100'000;
    for (int i = 0; i < kKeys; ++i) ++keys[owner_of(ring, std::to_string(i))];
    const double max_over_mean = std::ranges::max(keys) * double(count) / kKeys;
    INFO(count << " members: max/mean " << max_over_mean);
    CHECK(max_over_mean < most);
  }
}

TEST_CASE("hash_ring: a member's share follows its weight") {
  const HashRing ring = ring_of(names_of(4), {1, 1, 2, 4});
  std::array<int, 4> keys{};
  for (int i = 0; i < 80'000; ++i) ++keys[owner_of(ring, std::to_string(i))];
  CHECK(std::abs(keys[0] - 10'000) < 2'000);
  CHECK(std::abs(keys[1] - 10'000) < 2'000);
  CHECK(std::abs(keys[2] - 20'000) < 3'000);
  CHECK(std::abs(keys[3] - 40'000) < 4'000);
}

// The ideal is that 1/(N+1) of the keys move, all of them to the newcomer (48).
TEST_CASE("hash_ring: a member that joins takes about its share, and nothing else moves (48)") {
  for (const std::size_t count : {3U, 10U, 50U}) {
    const HashRing before = ring_of_equals(names_of(count));
    const HashRing after = ring_of_equals(names_of(count + 1));
    constexpr int kKeys = 50'000;
    int moved = 0;
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = std::to_string(i);
      const std::size_t now = owner_of(after, key);
      if (now == owner_of(before, key)) continue;
      REQUIRE(now == count);
      ++moved;
    }
    const double over_ideal = moved * double(count + 1) / kKeys;
    INFO("to " << count + 1 << " members: moved/ideal " << over_ideal);
    CHECK(over_ideal > 0.7);
    CHECK(over_ideal < 1.3);
  }
}

TEST_CASE("hash_ring: when a member leaves, its keys alone move, to many members") {
  for (const std::size_t count : {3U, 10U, 50U}) {
    const HashRing before = ring_of_equals(names_of(count));
    const HashRing after = ring_of_equals(names_of(count - 1));  // the last has left
    std::vector<int> heirs(count - 1);
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = std::to_string(i);
      const std::size_t then = owner_of(before, key);
      const std::size_t now = owner_of(after, key);
      if (then != count - 1) {
        REQUIRE(now == then);
      } else {
        ++heirs[now];
      }
    }
    CHECK(std::ranges::count(heirs, 0) < static_cast<std::ptrdiff_t>(count) / 5 + 1);
  }
}

TEST_CASE("hash_ring: when a member leaves, its keys go where a walk past it would have gone") {
  const HashRing before = ring_of_equals(names_of(10));
  const HashRing after = ring_of_equals(names_of(9));
  for (int i = 0; i < 5'000; ++i) {
    const std::string key = std::to_string(i);
    const std::size_t past =
        before.walk(before.hash_of(key), [](std::size_t member) { return member != 9; });
    REQUIRE(past == owner_of(after, key));
  }
}

}  // namespace
}  // namespace ringside::upstream
