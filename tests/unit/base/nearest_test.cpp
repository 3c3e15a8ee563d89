#include "base/nearest.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace ringside;

TEST_CASE("nearest: edits are letters put in, left out, changed, and neighbours swapped") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("ring", "ring") == 0);
  CHECK(edit_distance("Ring", "rING") == 0);
  CHECK(edit_distance("", "ring") == 4);
  CHECK(edit_distance("rings", "ring") == 1);
  CHECK(edit_distance("rng", "ring") == 1);
  CHECK(edit_distance("rung", "ring") == 1);
  CHECK(edit_distance("rnig", "ring") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("points", "seed") == edit_distance("seed", "points"));
}

TEST_CASE("nearest: the fewest edits win, the first of equals") {
  constexpr std::array<std::string_view, 3> kKnown{"points", "seed", "need"};
  CHECK(nearest("pionts", kKnown) == "points");
  CHECK(nearest("feed", kKnown) == "seed");
  CHECK(nearest("", kKnown) == "seed");
}

TEST_CASE("nearest: a very long word is compared by its beginning") {
  constexpr std::array<std::string_view, 2> kKnown{"a", "b"};
  CHECK(nearest(std::string(1'000'000, 'b'), kKnown) == "b");
}
