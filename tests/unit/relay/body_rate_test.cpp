// When a request's body counts as too slow.
#include "relay/body_rate.h"

#include <catch2/catch_test_macros.hpp>

namespace ringside::relay {
namespace {

Time at(std::int64_t ms) { return Time(milliseconds(ms)); }

TEST_CASE("body rate: a byte now and then is too slow, once ten seconds are over") {
  BodyRate rate;
  std::uint64_t bytes = 0;
  for (std::int64_t ms = 5; ms < 10'005; ms += 1'000) {
    CHECK_FALSE(rate.too_slow(at(ms), ++bytes, 128));
  }
  CHECK(rate.too_slow(at(10'005), ++bytes, 128));
}

TEST_CASE("body rate: as many bytes as are asked for are enough, in each window") {
  BodyRate rate;
  std::uint64_t bytes = 0;
  CHECK_FALSE(rate.too_slow(at(1), bytes, 128));
  for (std::int64_t ms = 10'001; ms < 100'000; ms += 10'000) {
    CHECK_FALSE(rate.too_slow(at(ms), bytes += 1'280, 128));
  }
  CHECK(rate.too_slow(at(100'001), bytes += 1'279, 128));
}

TEST_CASE("body rate: what came fast does not pay for what comes slowly") {
  BodyRate rate;
  CHECK_FALSE(rate.too_slow(at(1), 0, 128));
  CHECK_FALSE(rate.too_slow(at(10'001), 1'000'000, 128));
  CHECK(rate.too_slow(at(20'001), 1'000'001, 128));
}

TEST_CASE("body rate: a part that comes late is judged over all the time that it took") {
  BodyRate rate;
  CHECK_FALSE(rate.too_slow(at(1), 0, 128));
  CHECK_FALSE(rate.too_slow(at(50'001), 6'400, 128));
  CHECK(rate.too_slow(at(100'001), 12'799, 128));
}

TEST_CASE("body rate: time in which the client could not send does not count") {
  BodyRate rate;
  CHECK_FALSE(rate.too_slow(at(1), 100, 128));
  rate.restart();
  CHECK_FALSE(rate.too_slow(at(60'000), 101, 128));
  CHECK_FALSE(rate.too_slow(at(69'999), 102, 128));
  CHECK(rate.too_slow(at(70'000), 103, 128));
}

TEST_CASE("body rate: none is asked for by zero") {
  BodyRate rate;
  CHECK_FALSE(rate.too_slow(at(1), 0, 0));
  CHECK_FALSE(rate.too_slow(at(1'000'000), 0, 0));
}

TEST_CASE("body rate: counts and clock may pass 32 bits") {
  constexpr std::int64_t kWrap = std::int64_t{1} << 32;
  BodyRate rate;
  const auto before = static_cast<std::uint64_t>(kWrap) - 1'000;
  CHECK_FALSE(rate.too_slow(at(kWrap - 5'000), before, 128));
  CHECK_FALSE(rate.too_slow(at(kWrap + 5'000), before + 1'280, 128));
  CHECK(rate.too_slow(at(kWrap + 15'000), before + 2'000, 128));
}

}  // namespace
}  // namespace ringside::relay
