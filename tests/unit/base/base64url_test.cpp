#include "base/base64url.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "base/random.h"

namespace ringside {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::string encoded(const Bytes& bytes) {
  std::string text(base64url_size(bytes.size()), '?');
  encode_base64url(bytes, text);
  return text;
}

// The vectors of RFC 4648, 10, without their padding.
TEST_CASE("base64url: it writes what the standard's vectors say") {
  CHECK(encoded({}).empty());
  CHECK(encoded({'f'}) == "Zg");
  CHECK(encoded({'f', 'o'}) == "Zm8");
  CHECK(encoded({'f', 'o', 'o'}) == "Zm9v");
  CHECK(encoded({'f', 'o', 'o', 'b'}) == "Zm9vYg");
  CHECK(encoded({'f', 'o', 'o', 'b', 'a'}) == "Zm9vYmE");
  CHECK(encoded({'f', 'o', 'o', 'b', 'a', 'r'}) == "Zm9vYmFy");
  CHECK(encoded({0xfb, 0xff}) == "-_8");
}

TEST_CASE("base64url: whatever was written is read back") {
  Random random(7);
  for (std::size_t size = 0; size < 40; ++size) {
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    Bytes read(size);
    REQUIRE(decode_base64url(encoded(bytes), read));
    CHECK(read == bytes);
  }
}

TEST_CASE("base64url: of all last characters, only the one with no loose bits is read") {
  Bytes one(1);
  Bytes two(2);
  for (char c = 0x20; c < 0x7f; ++c) {
    INFO(c);
    CHECK(decode_base64url(std::string("A") + c, one) ==
          (c == 'A' || c == 'Q' || c == 'g' || c == 'w'));
    const bool canonical = std::string_view("AEIMQUYcgkosw048").find(c) != std::string_view::npos;
    CHECK(decode_base64url(std::string("AA") + c, two) == canonical);
  }
}

TEST_CASE("base64url: other lengths, padding and the other alphabet are refused") {
  Bytes two(2);
  for (const std::string_view text : {"", "Zm", "Zm8=", "Zm8A", "Z 8", "Zm\n", "-/8", "+_8"}) {
    INFO(text);
    CHECK_FALSE(decode_base64url(text, two));
  }
  CHECK_FALSE(decode_base64url(std::string_view("Z\0A", 3), two));
  CHECK_FALSE(decode_base64url("Z\xffm", two));
}

TEST_CASE("is_base64url: every byte is in the alphabet or not") {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool expected = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_';
    CHECK(is_base64url({&c, 1}) == expected);
  }
  CHECK(is_base64url(""));
}

}  // namespace
}  // namespace ringside
