// Sessions of a pool through their saved form, into the pool of another process.
#include "app/saved_sessions.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>
#include <vector>

using namespace ringside;
using namespace ringside::app;
using session::Standing;
using std::chrono::seconds;

namespace {

Time at(std::int64_t second) { return Time(seconds(second)); }

std::chrono::system_clock::time_point wall(std::int64_t second) {
  return std::chrono::system_clock::time_point(seconds(1'795'000'000 + second));
}

WallClock clock_of(std::int64_t uptime, std::int64_t wall_second) {
  WallClock clock;
  clock.set(at(uptime), wall(wall_second));
  return clock;
}

// Endpoints by their names; their numbers begin where a process likes.
std::unique_ptr<relay::Pool> pool_of(const std::vector<std::string>& names,
                                     upstream::EndpointId first_id) {
  std::vector<std::shared_ptr<const upstream::Endpoint>> endpoints;
  for (const std::string& name : names) {
    endpoints.push_back(
        std::make_shared<upstream::Endpoint>(first_id++, name, *Address::parse("127.0.0.1:80"), 1));
  }
  relay::PoolOptions options;
  options.name = "burgers";
  options.affinity.idle_ttl = seconds(100);
  return std::make_unique<relay::Pool>(
      options, 0,
      std::make_shared<const upstream::PoolSnapshot>(std::move(endpoints), upstream::RingOptions()),
      7, session::TagKeys());
}

void learn(relay::Pool& pool, const char* id, const session::Binding& binding, Time now) {
  pool.sessions().learn(pool.sessions().key_of(id), binding, *Address::parse("10.0.0.1:1"), now,
                        [](session::OwnerId) { return true; });
}

session::Table::Found use(relay::Pool& pool, const char* id, Time now) {
  return pool.sessions().use(pool.sessions().key_of(id), now);
}

}  // namespace

TEST_CASE("saved_sessions: owners are found by name, times by the wall clock") {
  const auto old_pool = pool_of({"pod-1", "pod-2"}, 1);
  learn(*old_pool, "s1", {.owner = 2, .path_hash = 3, .digest = 4, .provisional = true}, at(1000));
  const auto saved = save_sessions(*old_pool, clock_of(1050, 0), at(1050));
  CHECK(saved.name == "burgers");
  CHECK(saved.table_seed == 7);

  const auto new_pool = pool_of({"pod-0", "pod-1", "pod-2"}, 10);  // another uptime, other numbers
  CHECK(restore_sessions(*new_pool, saved, clock_of(20, 10), at(20)) == 1);
  const auto found = use(*new_pool, "s1", at(20));
  CHECK(found.standing == Standing::bound);
  CHECK(found.binding.owner == 12);
  CHECK(found.binding.path_hash == 3);
  CHECK(found.binding.digest == 4);
  CHECK(found.binding.provisional);
  const auto listed = new_pool->sessions().find_digest(4);
  CHECK(listed->created == at(-40));  // 60 s ago by the wall clock
  CHECK(listed->client == *Address::parse_host("10.0.0.1"));
  CHECK(new_pool->snapshot().find(12)->load().sessions == 1);
}

TEST_CASE("saved_sessions: what lapsed while nobody ran is not restored") {
  const auto old_pool = pool_of({"pod-1"}, 1);
  learn(*old_pool, "s1", {.owner = 1}, at(0));
  learn(*old_pool, "s2", {.owner = 1}, at(60));
  const auto saved = save_sessions(*old_pool, clock_of(60, 0), at(60));
  const auto new_pool = pool_of({"pod-1"}, 1);
  CHECK(restore_sessions(*new_pool, saved, clock_of(5, 50), at(5)) == 1);
  CHECK(use(*new_pool, "s1", at(5)).standing == Standing::unknown);
  CHECK(use(*new_pool, "s2", at(5)).standing == Standing::bound);
}

TEST_CASE("saved_sessions: sessions of an endpoint that is gone are unknown, to be searched for") {
  const auto old_pool = pool_of({"pod-1", "pod-2"}, 1);
  learn(*old_pool, "s1", {.owner = 1}, at(0));
  learn(*old_pool, "s2", {.owner = 2}, at(0));
  const auto saved = save_sessions(*old_pool, clock_of(0, 0), at(0));
  const auto new_pool = pool_of({"pod-2"}, 1);
  CHECK(restore_sessions(*new_pool, saved, clock_of(0, 0), at(0)) == 1);
  CHECK(use(*new_pool, "s1", at(1)).standing == Standing::unknown);
  CHECK(use(*new_pool, "s2", at(1)).binding.owner == 1);
}

TEST_CASE("saved_sessions: a deleted session stays deleted, even when its endpoint is gone") {
  const auto old_pool = pool_of({"pod-1"}, 1);
  learn(*old_pool, "s1", {.owner = 1}, at(0));
  old_pool->sessions().forget(old_pool->sessions().key_of("s1"), 1, Standing::deleted, at(1),
                              at(90));
  const auto saved = save_sessions(*old_pool, clock_of(1, 0), at(1));
  const auto new_pool = pool_of({"pod-2"}, 1);
  CHECK(restore_sessions(*new_pool, saved, clock_of(1, 0), at(1)) == 0);
  CHECK(use(*new_pool, "s1", at(89)).standing == Standing::deleted);
}

TEST_CASE("saved_sessions: a revived session is not saved") {
  const auto pool = pool_of({"pod-1"}, 1);
  learn(*pool, "s1", {.owner = 1, .revival = 1}, at(0));
  CHECK(save_sessions(*pool, clock_of(0, 0), at(0)).sessions.empty());
}

TEST_CASE("saved_sessions: while nothing happens the saved form stays the same") {
  const auto pool = pool_of({"pod-1"}, 1);
  learn(*pool, "s1", {.owner = 1}, at(601));
  pool->sessions().stream_opened(pool->sessions().key_of("s1"));
  WallClock clock;
  clock.set(at(605), wall(0));
  const auto saved = save_sessions(*pool, clock, at(605));
  clock.set(at(610), wall(5) + milliseconds(3));  // the clocks were not read at one moment
  CHECK(save_sessions(*pool, clock, at(610)) == saved);
  clock.set(at(615), wall(70));  // the wall clock was set
  CHECK_FALSE(save_sessions(*pool, clock, at(615)) == saved);
}

TEST_CASE("saved_sessions: a clock before 1970 or after 9999 is cut to what can be saved") {
  WallClock clock;
  clock.set(at(0), std::chrono::system_clock::time_point(seconds(0)));
  CHECK(clock.to_wall_ms(at(-5)) == 0);
  CHECK(clock.to_wall_ms(Time(milliseconds(session::kLatestSavedMs) + seconds(5))) ==
        session::kLatestSavedMs);
}
