#include "session/state_codec.h"

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <string>

#include "base/hash.h"
#include "base/random.h"

namespace ringside::session {
namespace {

std::vector<SavedPool> two_pools() {
  SavedPool a{.name = "burgers", .table_seed = 0x0123456789abcdefU, .owners = {"pod-1", "pod-2"}};
  a.sessions.push_back({.key = {{1, 2}},
                        .digest = 3,
                        .owner = 1,
                        .path_hash = 4,
                        .when_ms = 1'795'395'106'123,
                        .created_ms = 1'795'395'100'000,
                        .provisional = true,
                        .client = *Address::parse_host("10.0.0.9")});
  a.sessions.push_back({.key = {{~0ULL, 5}},
                        .digest = ~0ULL,
                        .when_ms = kLatestSavedMs,
                        .standing = Standing::deleted});
  a.sessions.push_back({.key = {{7, 8}}, .owner = 0, .client = *Address::parse_host("fd00::1")});
  return {a, {.name = "", .table_seed = 9}};
}

// With a checksum that is right.
std::string sealed(std::string bytes) {
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 8);
  std::uint64_t sum = hash64(body, 0);
  for (std::size_t i = body.size(); i < bytes.size(); ++i, sum >>= 8U) {
    bytes[i] = static_cast<char>(sum & 0xffU);
  }
  return bytes;
}

TEST_CASE("state_codec: what was encoded is decoded") {
  for (const auto& pools : {two_pools(), std::vector<SavedPool>{}}) {
    const auto decoded = decode_state(encode_state(pools));
    REQUIRE(decoded.has_value());
    CHECK(*decoded == pools);
  }
}

TEST_CASE("state_codec: the form is the documented one") {
  const std::string bytes = encode_state({});
  CHECK(bytes.substr(0, 8) == "RINGSIDE");
  CHECK(bytes.substr(8, 8) == std::string("\1\0\0\0\0\0\0\0", 8));
  CHECK(bytes.size() == 24);
}

TEST_CASE("state_codec: every truncation is refused, with a reason") {
  const std::string bytes = encode_state(two_pools());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_state(std::string_view(bytes).substr(0, size));
    REQUIRE_FALSE(decoded.has_value());
    CHECK_FALSE(decoded.error().detail.empty());
    if (size >= 24) CHECK_FALSE(decode_state(sealed(bytes.substr(0, size))).has_value());
  }
}

TEST_CASE("state_codec: every change of one byte is refused") {
  const std::string bytes = encode_state(two_pools());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      REQUIRE_FALSE(decode_state(changed).has_value());
    }
  }
}

TEST_CASE("state_codec: bytes behind the end are refused") {
  const std::string bytes = encode_state(two_pools());
  CHECK_FALSE(decode_state(bytes + '\0').has_value());
  CHECK_FALSE(decode_state(sealed(bytes + '\0')).has_value());
}

TEST_CASE("state_codec: a change under a right checksum is refused, or is another whole state") {
  const std::string bytes = encode_state(two_pools());
  for (std::size_t i = 0; i + 8 < bytes.size(); ++i) {
    for (unsigned value = 0; value < 256; value += 5) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(value);
      changed = sealed(changed);
      const auto decoded = decode_state(changed);
      if (decoded) REQUIRE(encode_state(*decoded) == changed);
    }
  }
}

TEST_CASE("state_codec: counts and lengths that lie take no memory") {
  const std::string bytes = encode_state(two_pools());
  Random random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = bytes;
    const std::size_t i = 12 + random.below(static_cast<std::uint32_t>(bytes.size() - 24));
    const std::uint32_t lie = random.below(2) == 0 ? UINT32_MAX : random.below(UINT32_MAX);
    std::memcpy(changed.data() + i, &lie, sizeof lie);
    const auto decoded = decode_state(sealed(changed));
    if (decoded) REQUIRE(decoded->size() <= 2);
  }
}

TEST_CASE("state_codec: other files and other versions are named as such") {
  const std::string text(100, 'x');
  CHECK(decode_state(text).error().detail == "it is not a state file of Ringside");
  CHECK(decode_state("").error().detail == "it is not a state file of Ringside");
  std::string newer = encode_state(two_pools());
  newer[8] = 2;
  CHECK(decode_state(sealed(newer)).error().detail ==
        "it is of version 2, and this program reads 1");
  std::string damaged = encode_state(two_pools());
  damaged[40] ^= 1;
  CHECK(decode_state(damaged).error().detail == "its checksum is wrong: it is damaged");
}

}  // namespace
}  // namespace ringside::session
