#include "base/hash.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace ringside {
namespace {

// By other code, Python's xxhash: xxh3_64_intdigest(bytes, seed) and xxh3_128_intdigest(bytes,
// seed).
TEST_CASE("hash: known inputs have the values that an independent recipe gives") {
  CHECK(hash64("", 0) == 0x2d06800538d394c2);
  CHECK(hash64("abc", 0) == 0x78af5f94892f3950);
  CHECK(hash64("abc", 42) == 0xd8438def21bbdcc3);
  CHECK(hash64(std::string(1000, 'x'), 42) == 0xcb10f5998c4773ff);
  CHECK(hash128("", 0) == Hash128{0x6001c324468d497f, 0x99aa06d3014798d8});
  CHECK(hash128("abc", 0) == Hash128{0x78af5f94892f3950, 0x06b05ab6733a6185});
  CHECK(hash128("abc", 42) == Hash128{0xd8438def21bbdcc3, 0x4bc24859f045e0b4});
  CHECK(hash128(std::string(1000, 'x'), 42) == Hash128{0xcb10f5998c4773ff, 0x0573ddb4280908a1});
}

TEST_CASE("hash: the seed and every byte count, zero bytes too") {
  using namespace std::string_view_literals;
  CHECK(hash64("abc", 1) != hash64("abc", 2));
  CHECK(hash64("a\0b"sv, 1) != hash64("a\0c"sv, 1));
  CHECK(hash64("a"sv, 1) != hash64("a\0"sv, 1));
  CHECK_FALSE(hash128("abc", 1) == hash128("abc", 2));
}

}  // namespace
}  // namespace ringside
