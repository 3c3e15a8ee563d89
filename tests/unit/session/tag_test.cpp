#include "session/tag.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "base/base64url.h"
#include "base/random.h"

namespace ringside::session {
namespace {

constexpr std::string_view kOld = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kNew = "fedcba9876543210fedcba9876543210";
constexpr std::string_view kUuid = "2c3a6f1e-8d0f-4d39-9a0c-6a2f5a1f1f60";

TagKeys keys_of(std::initializer_list<std::string_view> secrets) {
  TagKeys keys;
  for (const std::string_view secret : secrets) REQUIRE(keys.add(secret));
  return keys;
}

// The usual ids, and some that try the form of a tagged one.
std::vector<std::string> ids() {
  return {std::string(kUuid),
          "mcp-session-" + std::string(kUuid),
          "0123456789abcdef0123456789abcdef",
          "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
          "a",
          ".",
          "a.b",
          "a..b.",
          ".abcdefghijklmnopqrstuv",
          "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnopqrstuv",
          "x!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
          "",
          std::string(100'000, 'x')};
}

TEST_CASE("tag: what was signed for an endpoint is read as the server's id and that endpoint") {
  const TagKeys keys = keys_of({kOld});
  for (const std::string& id : ids()) {
    INFO(id.substr(0, 80));
    const std::string outward = sign(keys, id, "burger-mcp-0");
    CHECK(outward.size() == id.size() + 23);
    const TaggedId read = read_tag(keys, outward);
    REQUIRE(read.tag == Tag::valid);
    CHECK(read.id == id);
    CHECK(read.id.data() == outward.data());
    CHECK(read.code == code_of(keys[0], "burger-mcp-0"));
    CHECK(read.key == 0);
  }
}

// Made with the hmac and base64 modules of Python, from the description in the header: proxies of
// all versions must agree.
TEST_CASE("tag: the outward id of a known key, id and endpoint never changes") {
  CHECK(sign(keys_of({kOld}), kUuid, "burger-mcp-0") ==
        "2c3a6f1e-8d0f-4d39-9a0c-6a2f5a1f1f60.lpcbjicfklnO_EKNmGJ_sA");
}

TEST_CASE("tag: the usual ids stay under 128 characters that every intermediary passes") {
  const TagKeys keys = keys_of({kOld});
  for (const std::string& id : {std::string(kUuid), "mcp-session-" + std::string(kUuid),
                                std::string("0123456789abcdef0123456789abcdef"),
                                std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}) {
    const std::string outward = sign(keys, id, "a-name-that-is-far-longer-than-a-tag-can-be");
    CHECK(outward.size() < 128);
    CHECK(std::ranges::all_of(outward, [](char c) { return c == '.' || is_base64url({&c, 1}); }));
  }
}

TEST_CASE("tag: an id without the form of a tagged one is untagged") {
  const TagKeys keys = keys_of({kOld});
  for (const std::string_view id : std::initializer_list<std::string_view>{
           "", ".", kUuid, "abcdefghijklmnopqrstuv", "x.abcdefghijklmnopqrstu",
           "x.abcdefghijklmnopqrstuvw", "x.abcdefghijklmnopqrstu=", "x.abcdefghij.lmnopqrstuv",
           "x.abcdefghijklmnopqrstu ", "x,abcdefghijklmnopqrstuv"}) {
    INFO(id);
    CHECK(read_tag(keys, id).tag == Tag::untagged);
  }
}

TEST_CASE("tag: what has the form and was not signed is forged, and shows nothing of itself") {
  const TagKeys keys = keys_of({kOld, kNew});
  for (const std::string_view outward : {"x.AAAAAAAAAAAAAAAAAAAAAA", ".AAAAAAAAAAAAAAAAAAAAAA",
                                         "x.abcdefghijklmnopqrstuv", "x.______________________"}) {
    INFO(outward);
    const TaggedId read = read_tag(keys, outward);
    CHECK(read.tag == Tag::forged);
    CHECK(read.id.empty());
    CHECK(read.code == EndpointCode{});
  }
  CHECK(read_tag(TagKeys{}, sign(keys, kUuid, "a")).tag == Tag::forged);
}

TEST_CASE("tag: an outward id with any one character altered, missing or added is not valid") {
  const TagKeys keys = keys_of({kOld, kNew});
  const std::string outward = sign(keys, kUuid, "burger-mcp-0");
  const auto is_valid = [&](const std::string& text) {
    return read_tag(keys, text).tag == Tag::valid;
  };
  for (std::size_t at = 0; at <= outward.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string added = outward;
      added.insert(at, 1, static_cast<char>(byte));
      if (is_valid(added)) FAIL_CHECK("added " << byte << " at " << at);
      if (at == outward.size() || outward[at] == static_cast<char>(byte)) continue;
      std::string altered = outward;
      altered[at] = static_cast<char>(byte);
      if (is_valid(altered)) FAIL_CHECK("altered to " << byte << " at " << at);
    }
    if (at == outward.size()) continue;
    std::string missing = outward;
    missing.erase(at, 1);
    if (is_valid(missing)) FAIL_CHECK("missing at " << at);
    if (is_valid(outward.substr(0, at))) FAIL_CHECK("cut at " << at);
  }
  CHECK(is_valid(outward));
}

TEST_CASE("tag: a last character with loose bits is forged, though it names the same bytes") {
  const TagKeys keys = keys_of({kOld});
  const std::string outward = sign(keys, kUuid, "burger-mcp-0");  // ends in A, the sextet 0
  REQUIRE(outward.back() == 'A');
  for (const char c : std::string_view("BCDEFGHIJKLMNOP")) {
    const std::string other = outward.substr(0, outward.size() - 1) + c;
    CHECK(read_tag(keys, other).tag == Tag::forged);
  }
}

TEST_CASE("tag: a tag holds for the id that it was made for alone") {
  const TagKeys keys = keys_of({kOld});
  const std::string a = sign(keys, "a-session", "burger-mcp-0");
  const std::string b = sign(keys, "b-session", "burger-mcp-1");
  const std::string tag_of_a = a.substr(a.size() - 23);
  const std::string tag_of_b = b.substr(b.size() - 23);
  CHECK(read_tag(keys, "a-session" + tag_of_b).tag == Tag::forged);
  CHECK(read_tag(keys, "b-session" + tag_of_a).tag == Tag::forged);
  CHECK(read_tag(keys, tag_of_a).tag == Tag::forged);
  CHECK(read_tag(keys, a + tag_of_a).tag == Tag::forged);
}

TEST_CASE("tag: another endpoint's code under a good MAC is forged") {
  const TagKeys keys = keys_of({kOld});
  const std::string here = sign(keys, kUuid, "burger-mcp-0");
  const std::string there = sign(keys, kUuid, "burger-mcp-1");
  const std::size_t code_at = kUuid.size() + 1;  // 6 bytes: 8 characters
  std::string mixed = here;
  mixed.replace(code_at, 8, there, code_at, 8);
  CHECK(mixed != here);
  CHECK(read_tag(keys, mixed).tag == Tag::forged);
}

TEST_CASE("tag: two proxies in a row each take off their own tag") {
  const TagKeys inner = keys_of({kOld});
  const TagKeys outer = keys_of({kNew});
  const std::string outward = sign(outer, sign(inner, kUuid, "pod"), "proxy");
  CHECK(read_tag(inner, outward).tag == Tag::forged);
  const TaggedId once = read_tag(outer, outward);
  REQUIRE(once.tag == Tag::valid);
  const TaggedId twice = read_tag(inner, once.id);
  REQUIRE(twice.tag == Tag::valid);
  CHECK(twice.id == kUuid);
}

TEST_CASE("tag: keys rotate: the first signs, all verify, a dropped one no more") {
  const TagKeys before = keys_of({kOld});
  const TagKeys learning = keys_of({kOld, kNew});
  const TagKeys rotated = keys_of({kNew, kOld});
  const TagKeys after = keys_of({kNew});
  const std::string old_tag = sign(before, kUuid, "pod");
  const std::string new_tag = sign(rotated, kUuid, "pod");
  CHECK(sign(learning, kUuid, "pod") == old_tag);
  CHECK(sign(after, kUuid, "pod") == new_tag);
  CHECK(old_tag != new_tag);

  const TaggedId by_old = read_tag(rotated, old_tag);
  CHECK(by_old.tag == Tag::valid);
  CHECK(by_old.key == 1);
  CHECK(by_old.code == code_of(before[0], "pod"));
  CHECK(read_tag(rotated, new_tag).key == 0);
  CHECK(read_tag(learning, new_tag).tag == Tag::valid);
  CHECK(read_tag(before, new_tag).tag == Tag::forged);
  CHECK(read_tag(after, old_tag).tag == Tag::forged);
}

TEST_CASE("codes: every endpoint of a pool is found by its code under each key, others are not") {
  const TagKeys keys = keys_of({kOld, kNew});
  std::vector<std::string> names;
  for (int i = 0; i < 1024; ++i) names.push_back("burger-mcp-" + std::to_string(i));
  const std::vector<std::string_view> identities(names.begin(), names.end());
  const EndpointCodes codes(keys, identities);
  for (std::size_t endpoint = 0; endpoint < names.size(); ++endpoint) {
    const EndpointCode old_code = code_of(keys[0], names[endpoint]);
    const EndpointCode new_code = code_of(keys[1], names[endpoint]);
    CHECK(codes.first_code(endpoint) == old_code);
    CHECK(codes.find(old_code, 0) == endpoint);
    CHECK(codes.find(new_code, 1) == endpoint);
    CHECK(codes.find(old_code, 1) == std::nullopt);
    CHECK(codes.find(new_code, 0) == std::nullopt);
    CHECK(codes.find(old_code, 2) == std::nullopt);
  }
  CHECK(codes.find(code_of(keys[0], "burger-mcp-1024"), 0) == std::nullopt);
  CHECK(codes.find(EndpointCode{}, 0) == std::nullopt);
}

TEST_CASE("codes: proxies that list the endpoints in another order mean the same ones") {
  const TagKeys keys = keys_of({kOld});
  const std::array<std::string_view, 3> here{"a", "b", "c"};
  const std::array<std::string_view, 3> there{"c", "a", "b"};
  const EndpointCodes of_here(keys, here);
  const EndpointCodes of_there(keys, there);
  for (std::size_t i = 0; i < here.size(); ++i) {
    const auto found = of_there.find(of_here.first_code(i), 0);
    REQUIRE(found);
    CHECK(there[*found] == here[i]);
  }
}

TEST_CASE("codes: of endpoints with one identity the first is found; an empty pool has none") {
  const TagKeys keys = keys_of({kOld});
  const std::array<std::string_view, 3> twice{"a", "b", "b"};
  CHECK(EndpointCodes(keys, twice).find(code_of(keys[0], "b"), 0) == 1U);
  CHECK(EndpointCodes(keys, {}).find(code_of(keys[0], "b"), 0) == std::nullopt);
  CHECK(EndpointCodes(TagKeys{}, twice).find(EndpointCode{}, 0) == std::nullopt);
}

TEST_CASE("codes: they show neither the name nor that names are alike") {
  const TagKeys keys = keys_of({kOld, kNew});
  std::set<std::uint8_t> first_bytes;
  for (int i = 0; i < 64; ++i) {
    const EndpointCode code = code_of(keys[0], "10.0.0." + std::to_string(i));
    first_bytes.insert(code.bytes[0]);
    CHECK(code != code_of(keys[1], "10.0.0." + std::to_string(i)));
  }
  CHECK(first_bytes.size() > 32);
}

TEST_CASE("tag: random bytes behind any id are never valid") {
  const TagKeys keys = keys_of({kOld, kNew});
  Random random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    std::array<char, 22> text{};
    encode_base64url(bytes, text);
    const std::string outward = std::string(kUuid) + "." + std::string(text.data(), text.size());
    if (read_tag(keys, outward).tag != Tag::forged) FAIL_CHECK(outward);
  }
}

}  // namespace
}  // namespace ringside::session
