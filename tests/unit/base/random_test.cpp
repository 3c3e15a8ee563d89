#include "base/random.h"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace ringside {
namespace {

// By the published algorithms, splitmix64 and xoroshiro128+ (24, 16, 37), written out in Python.
TEST_CASE("random: a seed gives the numbers that the published algorithm gives") {
  Random zero(0);
  CHECK(zero.next() == 0x509946a41cd733a3);
  CHECK(zero.next() == 0xd805fcac6824536e);
  CHECK(zero.next() == 0xdadc02f3e3cf7be3);
  Random other(12345);
  CHECK(other.next() == 0x56805f3ea0e50a8d);
  CHECK(other.next() == 0xe8c8fb10e799d07a);
  CHECK(other.next() == 0x67b37a0b3f115e50);
}

TEST_CASE("random: below() stays below, reaches every number, and favours none") {
  Random random(1);
  std::array<int, 7> drawn{};
  for (int i = 0; i < 70'000; ++i) {
    const std::uint32_t number = random.below(7);
    REQUIRE(number < 7);
    ++drawn[number];
  }
  for (const int count : drawn) {
    CHECK(count > 9'500);
    CHECK(count < 10'500);
  }
  for (int i = 0; i < 100; ++i) CHECK(random.below(1) == 0);
}

TEST_CASE("random: the system's seeds differ") { CHECK(system_random() != system_random()); }

}  // namespace
}  // namespace ringside
