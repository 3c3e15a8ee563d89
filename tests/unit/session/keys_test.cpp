#include "session/keys.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace ringside::session {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef";

Mac tag_mac(const TagKey& key) { return key.tag.mac({"x"}); }

TEST_CASE("keys: a key counts without the white space around it, and with what is within") {
  TagKeys keys;
  REQUIRE(keys.add(kSecret));
  REQUIRE(keys.add(" \t\r\n\v\f" + std::string(kSecret) + "\r\n\n"));
  REQUIRE(keys.add("01234567 \n89abcdef"));
  REQUIRE(keys.size() == 3);
  CHECK(tag_mac(keys[0]) == tag_mac(keys[1]));
  CHECK(tag_mac(keys[0]) != tag_mac(keys[2]));
}

TEST_CASE("keys: a key has 16 to 4096 bytes, or is refused in a sentence without it") {
  TagKeys keys;
  CHECK(keys.add("").error().detail == "the key is empty");
  CHECK(keys.add(" \n").error().detail == "the key is empty");
  CHECK(keys.add("hunter2hunter2\n ").error().detail ==
        "the key has 14 bytes, at least 16 are needed and 32 recommended");
  CHECK(keys.add(std::string(15, 'a')).error().detail ==
        "the key has 15 bytes, at least 16 are needed and 32 recommended");
  CHECK(keys.add(std::string(4097, 'a')).error().detail ==
        "the key has 4097 bytes, at most 4096 are allowed");
  CHECK(keys.empty());
  CHECK(keys.add(std::string(16, 'a')));
  CHECK(keys.add(std::string(4096, 'a')));
  CHECK(keys.add(std::string(5000, ' ') + std::string(kSecret)));
  CHECK(keys.size() == 3);
}

TEST_CASE("keys: bytes that are no text are a key as well") {
  TagKeys keys;
  REQUIRE(keys.add(std::string(16, '\0')));
  REQUIRE(keys.add(std::string(17, '\0')));  // HMAC itself pads keys with zeros
  REQUIRE(keys.add(std::string(16, '\xff')));
  CHECK(tag_mac(keys[0]) == tag_mac(keys[1]));
  CHECK(tag_mac(keys[0]) != tag_mac(keys[2]));
}

TEST_CASE("keys: there are eight at most, and the ninth changes nothing") {
  TagKeys keys;
  for (char c = 'a'; c < 'i'; ++c) REQUIRE(keys.add(std::string(16, c)));
  const auto ninth = keys.add(std::string(16, 'z'));
  REQUIRE_FALSE(ninth);
  CHECK(ninth.error().detail == "there are more than 8 keys");
  CHECK(keys.size() == 8);
  CHECK(tag_mac(keys[7]) == tag_mac(TagKey(std::string(16, 'h'))));
}

TEST_CASE("keys: the purposes of one key share nothing, nor does one use the key itself") {
  const TagKey key(kSecret);
  CHECK(key.tag.mac({"x"}) != key.cookie.mac({"x"}));
  CHECK(key.tag.mac({"x"}) != key.endpoint.mac({"x"}));
  CHECK(key.endpoint.mac({"x"}) != key.cookie.mac({"x"}));
  const HmacKey bare(kSecret);
  for (const HmacKey* subkey : {&key.tag, &key.endpoint, &key.cookie}) {
    CHECK(subkey->mac({"x"}) != bare.mac({"x"}));
  }
}

}  // namespace
}  // namespace ringside::session
