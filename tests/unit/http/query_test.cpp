#include "http/query.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "base/random.h"

namespace ringside::http {
namespace {

std::vector<std::string> pairs_of(std::string_view target) {
  std::vector<std::string> all;
  QueryPairs pairs(target);
  while (const auto pair = pairs.next()) {
    all.push_back(std::string(pair->name) + " -> " + std::string(pair->value));
  }
  return all;
}

std::optional<std::string> decoded(std::string_view text, Plus plus = Plus::plus) {
  std::string storage = "left from before";
  const auto result = percent_decoded(text, plus, storage);
  return result ? std::optional<std::string>(*result) : std::nullopt;
}

using Pairs = std::vector<std::string>;

TEST_CASE("query: its pairs, as they stand there") {
  CHECK(pairs_of("/a?b=c&d=e%20f") == Pairs{"b -> c", "d -> e%20f"});
  CHECK(pairs_of("/a?b=c=d") == Pairs{"b -> c=d"});
  CHECK(pairs_of("/a?b?=c?d") == Pairs{"b? -> c?d"});
  CHECK(pairs_of("?b") == Pairs{"b -> "});
  CHECK(pairs_of("?=b") == Pairs{" -> b"});
  CHECK(pairs_of("?b&&c=&") == Pairs{"b -> ", " -> ", "c -> ", " -> "});
  CHECK(pairs_of("?b;c=d") == Pairs{"b;c -> d"});
}

TEST_CASE("query: none without a question mark, and none in a fragment") {
  CHECK(pairs_of("").empty());
  CHECK(pairs_of("/a").empty());
  CHECK(pairs_of("/a#b?c=d").empty());
  CHECK(pairs_of("/a?b=c#&d=e") == Pairs{"b -> c"});
}

TEST_CASE("query: the views are of the target") {
  const std::string target = "/a?b=&c";
  QueryPairs pairs(target);
  CHECK(pairs.next()->value.data() == target.data() + 5);
  CHECK(pairs.next()->value.data() == target.data() + 7);
}

TEST_CASE("query: escapes are decoded, in either case") {
  CHECK(decoded("a%2Fb%2f%00c") == std::string("a/b/\0c", 6));
  CHECK(decoded("%25%41") == "%A");
  CHECK(decoded("") == "");
}

TEST_CASE("query: a plus is itself or a space") {
  CHECK(decoded("a+b%2Bc") == "a+b+c");
  CHECK(decoded("a+b%2Bc", Plus::space) == "a b+c");
  CHECK(decoded("a+b", Plus::space) == "a b");
}

TEST_CASE("query: a malformed escape makes the text one without a meaning") {
  for (const std::string_view text :
       {"%", "a%", "%4", "%4g", "%g4", "%%41", "a%4", "% 1", "%\xFF"}) {
    INFO(text);
    CHECK_FALSE(decoded(text));
  }
}

TEST_CASE("query: nothing is copied where nothing is to be decoded") {
  const std::string text(1000, 'a');
  std::string storage;
  CHECK(percent_decoded(text, Plus::space, storage)->data() == text.data());
  CHECK(storage.empty());
}

TEST_CASE("query: any bytes can be split and decoded, and encoding them brings them back") {
  Random random(7);
  constexpr std::string_view kBytes = "?&=#%41a+\xFF";
  for (int round = 0; round < 5000; ++round) {
    std::string target;
    for (std::uint32_t left = random.below(20); left > 0; --left) {
      target += kBytes[random.below(kBytes.size())];
    }
    for (const std::string& pair : pairs_of(target)) decoded(pair, Plus::space);

    std::string encoded;
    for (const char c : target) {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
    if (decoded(encoded) != target) FAIL(round);
  }
}

}  // namespace
}  // namespace ringside::http
