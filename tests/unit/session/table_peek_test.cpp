// A look at the binding table that changes nothing.
#include <catch2/catch_test_macros.hpp>

#include "session/table.h"

namespace ringside::session {
namespace {

using std::chrono::seconds;

Time at(std::int64_t second) { return Time(seconds(second)); }

TEST_CASE("table: a peek finds what a use would find, and is none") {
  Table table({.idle_ttl = seconds(100), .max_sessions = 2}, {}, 42);
  const Key key = table.key_of("a");
  CHECK(table.peek(key, at(0)).standing == Standing::unknown);
  table.learn(key, {.owner = 7, .path_hash = 3, .digest = 9, .provisional = true}, {}, at(0),
              [](OwnerId) { return true; });
  const Table::Found found = table.peek(key, at(99));
  CHECK(found.standing == Standing::bound);
  CHECK(found.binding.owner == 7);
  CHECK(found.binding.path_hash == 3);
  CHECK(found.binding.digest == 9);
  CHECK(found.binding.provisional);
  CHECK(table.peek(key, at(100)).standing == Standing::unknown);
  CHECK(table.bindings() == 1);  // nor is it dropped
  CHECK(table.expired() == 0);
}

TEST_CASE("table: a peek saves no session from eviction") {
  Table table({.idle_ttl = seconds(100), .max_sessions = 2}, {}, 42);
  const auto lives = [](OwnerId) { return true; };
  table.learn(table.key_of("a"), {.owner = 1}, {}, at(0), lives);
  table.learn(table.key_of("b"), {.owner = 1}, {}, at(1), lives);
  CHECK(table.peek(table.key_of("a"), at(2)).standing == Standing::bound);
  table.learn(table.key_of("c"), {.owner = 1}, {}, at(3), lives);
  CHECK(table.peek(table.key_of("a"), at(3)).standing == Standing::unknown);
  CHECK(table.peek(table.key_of("b"), at(3)).standing == Standing::bound);
}

TEST_CASE("table: a peek sees why a session has ended, as long as that is remembered") {
  Table table({.idle_ttl = seconds(100), .max_sessions = 9}, {}, 42);
  const Key key = table.key_of("a");
  table.learn(key, {.owner = 1}, {}, at(0), [](OwnerId) { return true; });
  REQUIRE(table.forget(key, 1, Standing::lost, at(1), at(10)));
  CHECK(table.peek(key, at(9)).standing == Standing::lost);
  CHECK(table.peek(key, at(10)).standing == Standing::unknown);
}

}  // namespace
}  // namespace ringside::session
