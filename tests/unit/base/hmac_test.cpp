#include "base/hmac.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <numeric>
#include <string>

namespace ringside {
namespace {

std::string hex(const Mac& mac) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : mac) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

std::string mac_of(std::string_view secret, std::string_view data) {
  return hex(HmacKey(secret).mac({data}));
}

std::string counting(char first, std::size_t size) {
  std::string bytes(size, '\0');
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

TEST_CASE("hmac: it agrees with the vectors of RFC 4231") {
  CHECK(mac_of(std::string(20, '\x0b'), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(mac_of("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(mac_of(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  CHECK(mac_of(counting(1, 25), std::string(50, '\xcd')) ==
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  CHECK(mac_of(std::string(20, '\x0c'), "Test With Truncation").substr(0, 32) ==
        "a3b6167473100ee06e0c796c2955552b");
  const std::string longer(131, '\xaa');
  CHECK(mac_of(longer, "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(mac_of(longer,
               "This is a test using a larger than block-size key and a larger than block-size "
               "data. The key needs to be hashed before being used by the HMAC algorithm.") ==
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

// Made with the hmac module of Python.
TEST_CASE("hmac: a secret is hashed only when it is longer than a block") {
  CHECK(mac_of(std::string(64, 'k'), "abc") ==
        "ae0c0e4a2340cf50185eb46aaa8723f4769153661612e212fb0d1fa3170c6202");
  CHECK(mac_of(std::string(65, 'k'), "abc") ==
        "ed378e5dfa30dc98814ba09b2e610d9b6af66054922ceef9480da094a3f11b2d");
  CHECK(mac_of("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("hmac: parts count as one text, wherever they are cut") {
  const HmacKey key("secret");
  std::string text;
  for (int i = 0; i < 130; ++i) text += static_cast<char>(i);
  const Mac whole = key.mac({text});
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view view = text;
    CHECK(key.mac({view.substr(0, cut), view.substr(cut)}) == whole);
  }
}

TEST_CASE("hmac: a key gives the same MAC as often as it is asked") {
  const HmacKey key("secret");
  const Mac first = key.mac({"a"});
  CHECK(key.mac({"b"}) != first);
  CHECK(key.mac({"a"}) == first);
  CHECK(HmacKey("secreT").mac({"a"}) != first);
}

TEST_CASE("equal_in_constant_time: every bit and the length count") {
  std::array<std::uint8_t, 4> a{1, 2, 3, 4};
  std::array<std::uint8_t, 4> b = a;
  CHECK(equal_in_constant_time(a, b));
  for (std::size_t bit = 0; bit < 32; ++bit) {
    b = a;
    b[bit / 8] = static_cast<std::uint8_t>(b[bit / 8] ^ (1U << (bit % 8)));
    CHECK_FALSE(equal_in_constant_time(a, b));
  }
  CHECK_FALSE(equal_in_constant_time(a, std::span(a).first(3)));
  CHECK(equal_in_constant_time({}, {}));
}

}  // namespace
}  // namespace ringside
