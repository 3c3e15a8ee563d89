// Numbers in names are the cases of the session rules that a test covers.
#include "session/table.h"

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"

namespace ringside::session {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Standing = Table::Standing;
using Learned = Table::Learned;

constexpr milliseconds kTtl = seconds(100);

Time at(std::int64_t second) { return Time(seconds(second)); }

bool lives(OwnerId) { return true; }
bool gone(OwnerId) { return false; }

// A table, and how many bindings it says each owner has.
struct Tested {
  explicit Tested(std::uint32_t max_sessions = 1000)
      : table(
            {.idle_ttl = kTtl, .max_sessions = max_sessions},
            [this](OwnerId owner, int change) { owners[owner] += change; }, 42) {}

  Key key(const std::string& id) const { return table.key_of(id); }
  Learned learn(const std::string& id, OwnerId owner, Time now) {
    return table.learn(key(id), {.owner = owner}, {}, now, lives);
  }
  bool forget(const std::string& id, OwnerId owner, Time now, Time until) {
    return table.forget(key(id), owner, Standing::deleted, now, until);
  }
  std::size_t forget_owner(OwnerId owner, Time now, Time until) {
    return table.forget_owner(owner, Standing::lost, now, until);
  }
  Standing use(const std::string& id, Time now) { return table.use(key(id), now).standing; }

  std::map<OwnerId, int> owners;
  Table table;
};

TEST_CASE("session_table: an id never learned is unknown") {
  Tested t;
  CHECK(t.use("s1", at(0)) == Standing::unknown);
  CHECK(t.table.bindings() == 0);
}

TEST_CASE("session_table: a learned session is bound to its owner, with all that was stored") {
  Tested t;
  const Binding binding{.owner = 7, .path_hash = 8, .digest = 9};
  CHECK(t.table.learn(t.key("s1"), binding, {}, at(0), lives) == Learned::bound);
  const Table::Found found = t.table.use(t.key("s1"), at(1));
  CHECK(found.standing == Standing::bound);
  CHECK(found.binding.owner == 7);
  CHECK(found.binding.path_hash == 8);
  CHECK(found.binding.digest == 9);
  CHECK(t.use("S1", at(1)) == Standing::unknown);  // ids are case-sensitive (8)
  CHECK(t.owners == std::map<OwnerId, int>{{7, 1}});
}

TEST_CASE("session_table: two tables key one id differently") {
  const Table a({}, {}, 1);
  const Table b({}, {}, 2);
  CHECK_FALSE(a.key_of("s1") == b.key_of("s1"));
}

TEST_CASE("session_table: learning a session again for its owner renews it and counts once") {
  Tested t;
  t.learn("s1", 1, at(0));
  CHECK(t.learn("s1", 1, at(60)) == Learned::renewed);
  CHECK(t.use("s1", at(150)) == Standing::bound);
  CHECK(t.owners[1] == 1);
  CHECK(t.table.bindings() == 1);
}

TEST_CASE("session_table: another owner that lives keeps its session (18)") {
  Tested t;
  t.learn("s1", 1, at(0));
  CHECK(t.learn("s1", 2, at(1)) == Learned::conflict);
  CHECK(t.table.use(t.key("s1"), at(1)).binding.owner == 1);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 1}});
}

TEST_CASE("session_table: an owner that is gone gives way to the next") {
  Tested t;
  t.learn("s1", 1, at(0));
  std::vector<OwnerId> asked;
  const auto ask = [&](OwnerId owner) {
    asked.push_back(owner);
    return false;
  };
  CHECK(t.table.learn(t.key("s1"), {.owner = 2}, {}, at(1), ask) == Learned::moved);
  CHECK(asked == std::vector<OwnerId>{1});
  CHECK(t.table.use(t.key("s1"), at(1)).binding.owner == 2);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 1}});
  CHECK(t.table.bindings() == 1);
}

TEST_CASE("session_table: callbacks may call the table, as no lock is held") {
  std::unique_ptr<Table> table;
  Key key{};
  int calls = 0;
  table = std::make_unique<Table>(
      Options{}, [&](OwnerId, int) { calls += table->use(key, at(1)).standing == Standing::bound; },
      1);
  key = table->key_of("s1");
  table->learn(key, {.owner = 1}, {}, at(0), lives);
  CHECK(calls == 1);
  const auto ask = [&](OwnerId) { return table->use(key, at(1)).standing != Standing::bound; };
  CHECK(table->learn(key, {.owner = 2}, {}, at(1), ask) == Learned::moved);
}

TEST_CASE("session_table: a forgotten session is ended until its tombstone lapses (20)") {
  Tested t;
  t.learn("s1", 1, at(0));
  CHECK(t.forget("s1", 1, at(10), at(20)));
  CHECK(t.use("s1", at(19)) == Standing::deleted);
  CHECK(t.use("s1", at(20)) == Standing::unknown);
  CHECK(t.owners[1] == 0);
  CHECK(t.table.bindings() == 0);
  CHECK(t.table.expired() == 0);
}

TEST_CASE("session_table: use does not prolong a tombstone") {
  Tested t;
  t.learn("s1", 1, at(0));
  t.forget("s1", 1, at(0), at(10));
  for (int second = 0; second < 10; ++second) CHECK(t.use("s1", at(second)) == Standing::deleted);
  CHECK(t.use("s1", at(10)) == Standing::unknown);
}

TEST_CASE("session_table: a session forgotten with nothing to remember is unknown at once") {
  Tested t(1);
  t.learn("s1", 1, at(0));
  CHECK(t.forget("s1", 1, at(10), at(10)));
  CHECK(t.use("s1", at(10)) == Standing::unknown);
  CHECK(t.learn("s2", 1, at(10)) == Learned::bound);
  CHECK(t.table.evicted() == 0);
}

TEST_CASE("session_table: forgetting spares a newer owner, the unknown and the ended") {
  Tested t;
  CHECK_FALSE(t.forget("s1", 1, at(0), at(9)));
  t.learn("s1", 2, at(0));
  CHECK_FALSE(t.forget("s1", 1, at(0), at(9)));
  CHECK(t.use("s1", at(1)) == Standing::bound);
  CHECK(t.forget("s1", 2, at(1), at(9)));
  CHECK_FALSE(t.forget("s1", 2, at(1), at(99)));
  CHECK(t.use("s1", at(9)) == Standing::unknown);
  CHECK(t.owners[2] == 0);
}

TEST_CASE("session_table: an owner that lost its sessions is forgotten whole, and nobody else is") {
  Tested t;
  for (int i = 0; i < 100; ++i) t.learn("s" + std::to_string(i), i % 4 == 0 ? 1 : 2, at(0));
  t.forget("s0", 1, at(0), at(9));  // ended already: not counted again
  CHECK(t.forget_owner(1, at(1), at(50)) == 24);
  CHECK(t.forget_owner(1, at(1), at(50)) == 0);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 75}});
  CHECK(t.table.bindings() == 75);
  for (int i = 1; i < 100; ++i) {
    CHECK(t.use("s" + std::to_string(i), at(2)) == (i % 4 == 0 ? Standing::lost : Standing::bound));
  }
  CHECK(t.use("s4", at(50)) == Standing::unknown);
}

TEST_CASE("session_table: forgetting an owner spares its sessions with an open stream") {
  Tested t;
  t.learn("s1", 1, at(0));
  t.learn("s2", 1, at(0));
  t.table.stream_opened(t.key("s1"));
  CHECK(t.forget_owner(1, at(1), at(1)) == 1);
  CHECK(t.use("s1", at(2)) == Standing::bound);
  CHECK(t.use("s2", at(2)) == Standing::unknown);
  t.table.stream_closed(t.key("s1"), at(3));
  CHECK(t.forget_owner(1, at(3), at(3)) == 1);
  CHECK(t.table.bindings() == 0);
}

TEST_CASE("session_table: a tombstone gives way to a session learned anew, without a question") {
  Tested t;
  t.learn("s1", 1, at(0));
  t.forget("s1", 1, at(0), at(50));
  CHECK(t.learn("s1", 2, at(1)) == Learned::bound);
  CHECK(t.table.use(t.key("s1"), at(60)).binding.owner == 2);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 1}});
}

TEST_CASE("session_table: a binding lapses idle_ttl after its last use, not its first (52)") {
  Tested t;
  t.learn("s1", 1, at(0));
  CHECK(t.use("s1", at(99)) == Standing::bound);
  CHECK(t.use("s1", at(198)) == Standing::bound);
  CHECK(t.use("s1", at(298)) == Standing::unknown);
  CHECK(t.table.expired() == 1);
  CHECK(t.owners[1] == 0);
}

TEST_CASE("session_table: a clock that is behind another thread's does not age a binding") {
  Tested t;
  t.learn("s1", 1, at(50));
  CHECK(t.use("s1", at(40)) == Standing::bound);
  CHECK(t.use("s1", at(149)) == Standing::bound);
}

TEST_CASE("session_table: a lapsed binding gives way to another owner, though it lives") {
  Tested t;
  t.learn("s1", 1, at(0));
  CHECK(t.learn("s1", 2, at(100)) == Learned::bound);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 1}});
  CHECK(t.table.expired() == 1);
}

TEST_CASE("session_table: an open stream keeps its session, its close starts the clock (52)") {
  Tested t;
  t.learn("s1", 1, at(0));
  t.table.stream_opened(t.key("s1"));
  t.table.stream_opened(t.key("s1"));
  t.table.expire(at(1000), 100);
  CHECK(t.use("s1", at(1000)) == Standing::bound);
  t.table.stream_closed(t.key("s1"), at(1000));
  CHECK(t.table.expire(at(5000), 100) == 0);
  t.table.stream_closed(t.key("s1"), at(5000));
  CHECK(t.use("s1", at(5099)) == Standing::bound);
  CHECK(t.table.expire(at(5199), 100) == 1);
  CHECK(t.use("s1", at(5199)) == Standing::unknown);
}

TEST_CASE("session_table: a stream of a session unknown here changes nothing") {
  Tested t;
  t.table.stream_opened(t.key("s1"));
  t.table.stream_closed(t.key("s1"), at(1));
  t.learn("s1", 1, at(1));
  t.table.stream_closed(t.key("s1"), at(2));  // opened before the session was here
  CHECK(t.table.expire(at(500), 100) == 1);
}

TEST_CASE("session_table: streams stay counted over an end and a new beginning of their session") {
  Tested t;
  t.learn("s1", 1, at(0));
  t.table.stream_opened(t.key("s1"));
  t.forget("s1", 1, at(1), at(50));
  t.learn("s1", 1, at(2));
  CHECK(t.table.expire(at(500), 100) == 0);
  t.table.stream_closed(t.key("s1"), at(500));
  CHECK(t.table.expire(at(600), 100) == 1);
}

TEST_CASE("session_table: when full, the least recently used binding goes first (53)") {
  Tested t(100);
  for (int i = 0; i < 100; ++i) t.learn("s" + std::to_string(i), 1, Time(milliseconds(i)));
  t.use("s0", Time(milliseconds(100)));
  t.learn("s1", 1, Time(milliseconds(101)));
  CHECK(t.table.evicted() == 0);
  for (int i = 100; i < 150; ++i) {
    CHECK(t.learn("s" + std::to_string(i), 2, Time(milliseconds(i + 2))) == Learned::bound);
  }
  CHECK(t.table.evicted() == 50);
  CHECK(t.table.bindings() == 100);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 50}, {2, 50}});
  const Time now = at(1);
  CHECK(t.use("s0", now) == Standing::bound);
  CHECK(t.use("s1", now) == Standing::bound);
  for (int i = 2; i < 52; ++i) CHECK(t.use("s" + std::to_string(i), now) == Standing::unknown);
  for (int i = 52; i < 150; ++i) CHECK(t.use("s" + std::to_string(i), now) == Standing::bound);
}

TEST_CASE("session_table: when full, tombstones go before any binding, and are not counted") {
  Tested t(10);
  for (int i = 0; i < 10; ++i) t.learn("s" + std::to_string(i), 1, at(0));
  for (int i = 6; i < 10; ++i) t.forget("s" + std::to_string(i), 1, at(1), at(50));
  for (int i = 10; i < 14; ++i) t.learn("s" + std::to_string(i), 1, at(2));
  CHECK(t.table.evicted() == 0);
  CHECK(t.table.bindings() == 10);
  for (int i = 0; i < 6; ++i) CHECK(t.use("s" + std::to_string(i), at(2)) == Standing::bound);
  for (int i = 6; i < 10; ++i) CHECK(t.use("s" + std::to_string(i), at(2)) == Standing::unknown);
}

TEST_CASE("session_table: a session with an open stream is never evicted; all such is full (53)") {
  Tested t(3);
  for (const char* id : {"a", "b", "c"}) {
    t.learn(id, 1, at(0));
    t.table.stream_opened(t.key(id));
  }
  CHECK(t.learn("d", 2, at(1)) == Learned::full);
  CHECK(t.table.refused_full() == 1);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 3}});
  CHECK(t.learn("a", 1, at(1)) == Learned::renewed);  // full bars only newcomers
  t.table.stream_closed(t.key("b"), at(1));
  CHECK(t.learn("d", 2, at(1)) == Learned::bound);
  CHECK(t.use("b", at(1)) == Standing::unknown);
  CHECK(t.table.bindings() == 3);
}

TEST_CASE("session_table: a table for no sessions stores none") {
  Tested t(0);
  CHECK(t.learn("s1", 1, at(0)) == Learned::full);
}

TEST_CASE("session_table: expire drops what has lapsed and tells each owner") {
  Tested t(10'000);
  for (int i = 0; i < 2000; ++i) {
    t.learn("s" + std::to_string(i), static_cast<OwnerId>(i % 3), at(i < 1000 ? 0 : 50));
  }
  CHECK(t.table.expire(at(99), 100'000) == 0);
  CHECK(t.table.expire(at(100), 100'000) == 1000);
  CHECK(t.table.bindings() == 1000);
  CHECK(t.table.expired() == 1000);
  CHECK(t.owners[0] + t.owners[1] + t.owners[2] == 1000);
  CHECK(t.table.expire(at(150), 100'000) == 1000);
  CHECK(t.owners == std::map<OwnerId, int>{{0, 0}, {1, 0}, {2, 0}});
}

TEST_CASE("session_table: expire works no more than it may, and little by little reaches all") {
  Tested t(10'000);
  for (int i = 0; i < 500; ++i) t.learn("s" + std::to_string(i), 1, at(0));
  for (int i = 0; i < 250; ++i) {
    t.forget("s" + std::to_string(i), 1, at(0), at(i % 2 == 0 ? 100 : 5000));
  }
  std::size_t lapsed = 0;
  int calls = 0;
  for (; lapsed < 250 && calls < 200; ++calls) {
    const std::size_t now_lapsed = t.table.expire(at(100), 20);
    CHECK(now_lapsed <= 20);
    lapsed += now_lapsed;
  }
  CHECK(lapsed == 250);
  CHECK(calls >= 13);
}

TEST_CASE("session_table: a lapsed tombstone behind a longer one frees its room") {
  Tested t(64);
  for (int i = 0; i < 64; ++i) t.learn("s" + std::to_string(i), 1, at(0));
  for (int i = 0; i < 64; ++i) {
    t.forget("s" + std::to_string(i), 1, at(0), at(i < 32 ? 5000 : 10));
  }
  for (int call = 0; call < 64; ++call) t.table.expire(at(10), 4);
  // Had the short ones kept their room, learning 32 would have pushed long ones out.
  for (int i = 100; i < 132; ++i) t.learn("s" + std::to_string(i), 1, at(10));
  for (int i = 0; i < 32; ++i) CHECK(t.use("s" + std::to_string(i), at(10)) == Standing::deleted);
}

TEST_CASE(
    "session_table: a hundred thousand sessions stay within their bound, least used out (94)") {
  Tested t(10'000);
  for (int i = 0; i < 100'000; ++i) {
    t.table.learn(t.key("s" + std::to_string(i)), {.owner = 1}, {}, Time(milliseconds(i)), lives);
  }
  CHECK(t.table.bindings() == 10'000);
  CHECK(t.table.evicted() == 90'000);
  CHECK(t.use("s89999", at(99)) == Standing::unknown);
  CHECK(t.use("s90000", at(99)) == Standing::bound);
}

// The table beside a plain map that follows the same rules, over random steps.
TEST_CASE("session_table: over random steps it agrees with a map that is obviously right") {
  struct Entry {
    OwnerId owner;
    Time used;
    bool ended;
    int streams;
  };
  const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U);
  Tested t;
  std::map<std::string, Entry> model;
  Random random(seed);
  std::int64_t clock = 0;
  const auto lapsed = [](const Entry& e, Time now) {
    return e.ended ? e.used <= now : e.streams == 0 && e.used + kTtl <= now;
  };
  for (int step = 0; step < 5000; ++step) {
    clock += random.below(12);
    const Time now = at(clock);
    const std::string id = std::to_string(random.below(30));
    const OwnerId owner = random.below(3);
    auto found = model.find(id);
    if (found != model.end() && lapsed(found->second, now)) {
      if (random.below(2) == 0) t.table.expire(now, 1000);
      t.use(id, now);
      model.erase(found);
      found = model.end();
    }
    const bool bound = found != model.end() && !found->second.ended;
    switch (random.below(5)) {
      case 0: {
        const Standing expected = found == model.end() ? Standing::unknown
                                  : bound              ? Standing::bound
                                                       : Standing::deleted;
        REQUIRE(t.use(id, now) == expected);
        if (bound) found->second.used = now;
        break;
      }
      case 1: {
        const Learned learned = t.learn(id, owner, now);
        if (!bound) {
          REQUIRE(learned == Learned::bound);
          const int streams = found == model.end() ? 0 : found->second.streams;
          model[id] = {owner, now, false, streams};
        } else if (found->second.owner == owner) {
          REQUIRE(learned == Learned::renewed);
          found->second.used = now;
        } else {
          REQUIRE(learned == Learned::conflict);
        }
        break;
      }
      case 2: {
        const Time until = at(clock + random.below(40));
        const bool ours = bound && found->second.owner == owner;
        REQUIRE(t.forget(id, owner, now, until) == ours);
        if (ours && until > now) {
          found->second.ended = true;
          found->second.used = until;
        } else if (ours) {
          model.erase(found);
        }
        break;
      }
      case 3:
        t.table.stream_opened(t.key(id));
        if (found != model.end()) ++found->second.streams;
        break;
      default:
        t.table.stream_closed(t.key(id), now);
        if (found != model.end() && found->second.streams > 0) {
          --found->second.streams;
          if (bound) found->second.used = now;
        }
    }
  }
  for (const auto& [owner, count] : t.owners) {
    int expected = 0;
    for (const auto& [id, e] : model) {
      expected += !e.ended && e.owner == owner && !lapsed(e, at(clock));
    }
    CHECK(count >= expected);  // more: what has lapsed and was not met again
  }
  t.table.expire(at(clock + 100'000), 1'000'000);
  std::map<OwnerId, int> left;
  for (const auto& [id, e] : model) left[e.owner] += !e.ended && e.streams > 0;
  for (const auto& [owner, count] : t.owners) CHECK(count == left[owner]);
}

// Four threads on one small table: the bound holds at every moment and the counts agree at the end.
TEST_CASE("session_table: threads that learn, use, forget and expire at once lose no count") {
  constexpr int kThreads = 4;
  constexpr int kSteps = 20'000;
  constexpr std::size_t kMax = 64;
  std::array<std::atomic<int>, 3> owners{};
  Table table(
      {.idle_ttl = kTtl, .max_sessions = kMax},
      [&](OwnerId owner, int change) { owners[owner].fetch_add(change); }, 7);
  std::atomic<bool> bound_held = true;
  const auto work = [&](std::uint64_t seed) {
    Random random(seed);
    for (int step = 0; step < kSteps; ++step) {
      const Time now = at(step / 100);
      const Key key = table.key_of(std::to_string(random.below(200)));
      const OwnerId owner = random.below(3);
      switch (random.below(8)) {
        case 0:
          table.forget(key, owner, Standing::lost, now, now + seconds(random.below(3)));
          break;
        case 1:
          table.expire(now, 8);
          if (step % 64 == 0) table.forget_owner(owner, Standing::lost, now, now + seconds(1));
          break;
        case 2:
          table.stream_opened(key);
          table.stream_closed(key, now);
          break;
        case 3:
        case 4:
          table.learn(key, {.owner = owner}, {}, now, random.below(2) == 0 ? lives : gone);
          break;
        default:
          table.use(key, now);
      }
      if (table.bindings() > kMax) bound_held = false;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < kThreads; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  CHECK(bound_held);
  CHECK(owners[0] + owners[1] + owners[2] == static_cast<int>(table.bindings()));
  table.expire(at(100'000), 1'000'000);
  CHECK(table.bindings() == 0);
  for (const auto& owner : owners) CHECK(owner == 0);
  for (std::size_t i = 0; i < kMax; ++i) {  // no room was lost on the way
    CHECK(table.learn(table.key_of(std::to_string(i)), {.owner = 0}, {}, at(100'001), lives) ==
          Learned::bound);
  }
  const std::uint64_t evicted = table.evicted();
  table.learn(table.key_of("one more"), {.owner = 0}, {}, at(100'001), lives);
  CHECK(table.evicted() == evicted + 1);
}

}  // namespace
}  // namespace ringside::session
