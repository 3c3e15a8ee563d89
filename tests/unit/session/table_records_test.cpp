// What the table keeps beside owners: why a session ended, who guessed, whose it is; and listing,
// saving and restoring. Numbers in names are the cases of the session rules that a test covers.
#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "session/table.h"

namespace ringside::session {
namespace {

using std::chrono::seconds;
using Learned = Table::Learned;

constexpr milliseconds kTtl = seconds(100);

Time at(std::int64_t second) { return Time(seconds(second)); }

bool lives(OwnerId) { return true; }
bool gone(OwnerId) { return false; }

const Address kAnn = *Address::parse("10.0.0.1:4000");
const Address kBob = *Address::parse("10.0.0.2:4000");

struct Tested {
  explicit Tested(std::uint32_t max_sessions = 1000, std::uint64_t seed = 42)
      : table(
            {.idle_ttl = kTtl, .max_sessions = max_sessions},
            [this](OwnerId owner, int change) { owners[owner] += change; }, seed) {}

  Key key(const std::string& id) const { return table.key_of(id); }
  Learned learn(const std::string& id, const Binding& binding, Time now,
                const Address& client = kAnn) {
    return table.learn(key(id), binding, client, now, lives);
  }
  bool nobody(const std::string& id, Time now, Time until) {
    return table.remember_nobody(key(id), {.path_hash = 3, .digest = 5}, now, until);
  }
  Standing use(const std::string& id, Time now) { return table.use(key(id), now).standing; }
  std::vector<Table::Record> records(Time now) const {
    std::vector<Table::Record> all;
    table.for_each(now, [&](const Table::Record& record) { all.push_back(record); });
    return all;
  }

  std::map<OwnerId, int> owners;
  Table table;
};

std::vector<std::uint64_t> digests(const std::vector<Table::Listed>& page) {
  std::vector<std::uint64_t> all;
  for (const Table::Listed& listed : page) all.push_back(listed.digest);
  return all;
}

// --- why a session ended -------------------------------------------------------------------------

TEST_CASE("session_table: a tombstone says why, and what was") {
  Tested t;
  for (const char* id : {"s1", "s2", "s3"}) {
    t.learn(id, {.owner = 1, .path_hash = 2, .digest = 9, .revival = 3}, at(0));
  }
  t.table.forget(t.key("s1"), 1, Standing::deleted, at(1), at(50));
  t.table.forget(t.key("s2"), 1, Standing::lost, at(1), at(50));
  CHECK(t.use("s1", at(2)) == Standing::deleted);
  const Table::Found lost = t.table.use(t.key("s2"), at(2));
  CHECK(lost.standing == Standing::lost);
  CHECK(lost.binding.owner == 1);
  CHECK(lost.binding.path_hash == 2);
  CHECK(lost.binding.digest == 9);
  CHECK(lost.binding.revival == 3);
  CHECK(t.table.forget_owner(1, Standing::lost, at(3), at(50)) == 1);
  CHECK(t.use("s3", at(4)) == Standing::lost);
  CHECK(t.use("s3", at(50)) == Standing::unknown);
}

TEST_CASE("session_table: that nobody knows an id is remembered for a while") {
  Tested t;
  CHECK(t.nobody("x", at(0), at(10)));
  const Table::Found found = t.table.use(t.key("x"), at(9));
  CHECK(found.standing == Standing::nobody);
  CHECK(found.binding.digest == 5);
  CHECK(found.binding.path_hash == 3);
  CHECK(t.use("x", at(10)) == Standing::unknown);
  CHECK(t.table.bindings() == 0);
  CHECK(t.owners.empty());
  CHECK_FALSE(t.nobody("y", at(10), at(10)));
  CHECK(t.use("y", at(10)) == Standing::unknown);
}

TEST_CASE("session_table: that nobody knows an id again is remembered longer, never shorter") {
  Tested t;
  t.nobody("x", at(0), at(10));
  CHECK(t.nobody("x", at(5), at(15)));
  CHECK(t.nobody("x", at(6), at(7)));
  CHECK(t.use("x", at(14)) == Standing::nobody);
  CHECK(t.use("x", at(15)) == Standing::unknown);
}

TEST_CASE("session_table: that nobody knows an id overwrites nothing that is known of it") {
  Tested t;
  for (const char* id : {"bound", "deleted", "lost"}) t.learn(id, {.owner = 1}, at(0));
  t.table.forget(t.key("deleted"), 1, Standing::deleted, at(0), at(80));
  t.table.forget(t.key("lost"), 1, Standing::lost, at(0), at(5));
  for (const char* id : {"bound", "deleted", "lost"}) CHECK(t.nobody(id, at(1), at(20)));
  CHECK(t.use("bound", at(2)) == Standing::bound);
  CHECK(t.use("deleted", at(79)) == Standing::deleted);
  CHECK(t.use("lost", at(4)) == Standing::lost);
  CHECK(t.nobody("lost", at(6), at(20)));  // that has lapsed
  CHECK(t.use("lost", at(7)) == Standing::nobody);
}

TEST_CASE("session_table: a lapsed binding that nobody knows is told to its owner") {
  Tested t;
  t.learn("s1", {.owner = 1}, at(0));
  CHECK(t.nobody("s1", at(100), at(110)));
  CHECK(t.use("s1", at(101)) == Standing::nobody);
  CHECK(t.owners[1] == 0);
  CHECK(t.table.expired() == 1);
  CHECK(t.table.sessions_of(kAnn) == 0);
}

TEST_CASE("session_table: made-up ids push out neither sessions nor what is known of ended ones") {
  Tested t(10);
  for (int i = 0; i < 6; ++i) t.learn("s" + std::to_string(i), {.owner = 1}, at(0));
  t.table.forget(t.key("s5"), 1, Standing::deleted, at(0), at(90));
  for (int i = 0; i < 1000; ++i) CHECK(t.nobody("x" + std::to_string(i), at(1), at(20)));
  for (int i = 0; i < 5; ++i) CHECK(t.use("s" + std::to_string(i), at(2)) == Standing::bound);
  CHECK(t.use("s5", at(2)) == Standing::deleted);
  CHECK(t.table.evicted() == 0);
  int remembered = 0;
  for (int i = 0; i < 1000; ++i) {
    remembered += t.use("x" + std::to_string(i), at(2)) == Standing::nobody;
  }
  CHECK(remembered == 4);
}

TEST_CASE("session_table: a table full of sessions remembers no made-up id") {
  Tested t(4);
  for (int i = 0; i < 4; ++i) t.learn("s" + std::to_string(i), {.owner = 1}, at(0));
  CHECK_FALSE(t.nobody("x", at(1), at(20)));
  CHECK(t.use("x", at(1)) == Standing::unknown);
  CHECK(t.table.bindings() == 4);
}

TEST_CASE("session_table: when full, made-up ids go before ended sessions, those before sessions") {
  Tested t(3);
  t.learn("s1", {.owner = 1}, at(0));
  t.learn("s2", {.owner = 1}, at(0));
  t.table.forget(t.key("s2"), 1, Standing::deleted, at(0), at(5));  // older, and lapses sooner
  t.nobody("x", at(1), at(90));
  t.learn("s3", {.owner = 1}, at(2));
  CHECK(t.use("x", at(2)) == Standing::unknown);
  CHECK(t.use("s2", at(2)) == Standing::deleted);
  t.learn("s4", {.owner = 1}, at(2));
  CHECK(t.use("s2", at(2)) == Standing::unknown);
  CHECK(t.use("s1", at(2)) == Standing::bound);
  CHECK(t.table.evicted() == 0);
}

TEST_CASE("session_table: lapsed made-up ids free their room") {
  Tested t(8);
  for (int i = 0; i < 8; ++i) t.nobody("x" + std::to_string(i), at(0), at(i < 4 ? 5 : 50));
  for (int call = 0; call < 16; ++call) t.table.expire(at(5), 2);
  for (int i = 0; i < 4; ++i) t.learn("s" + std::to_string(i), {.owner = 1}, at(6));
  for (int i = 4; i < 8; ++i) {
    CHECK(t.use("x" + std::to_string(i), at(6)) == Standing::nobody);
  }
}

TEST_CASE("session_table: an id that nobody knew is bound once somebody does") {
  Tested t;
  t.nobody("x", at(0), at(50));
  CHECK(t.learn("x", {.owner = 1}, at(1)) == Learned::bound);
  CHECK(t.use("x", at(2)) == Standing::bound);
  CHECK(t.owners[1] == 1);
}

// --- guesses -------------------------------------------------------------------------------------

TEST_CASE("session_table: a provisional binding gives way to another owner, without a question") {
  Tested t;
  t.learn("s1", {.owner = 1, .provisional = true}, at(0));
  CHECK(t.table.use(t.key("s1"), at(1)).binding.provisional);
  CHECK(t.learn("s1", {.owner = 2}, at(1)) == Learned::moved);
  const Table::Found found = t.table.use(t.key("s1"), at(2));
  CHECK(found.binding.owner == 2);
  CHECK_FALSE(found.binding.provisional);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 1}});
  CHECK(t.table.bindings() == 1);
  CHECK(t.learn("s1", {.owner = 1}, at(3)) == Learned::conflict);  // it is firm now
}

TEST_CASE("session_table: a better answer of the same owner makes a provisional binding firm") {
  Tested t;
  t.learn("s1", {.owner = 1, .provisional = true}, at(0));
  CHECK(t.learn("s1", {.owner = 1, .provisional = true}, at(1)) == Learned::renewed);
  CHECK(t.table.use(t.key("s1"), at(1)).binding.provisional);
  CHECK(t.learn("s1", {.owner = 1}, at(2)) == Learned::renewed);
  CHECK_FALSE(t.table.use(t.key("s1"), at(2)).binding.provisional);
  CHECK(t.learn("s1", {.owner = 1, .provisional = true}, at(3)) == Learned::renewed);
  CHECK_FALSE(t.table.use(t.key("s1"), at(3)).binding.provisional);
}

TEST_CASE("session_table: a guess does not move what is firm") {
  Tested t;
  t.learn("s1", {.owner = 1}, at(0));
  CHECK(t.learn("s1", {.owner = 2, .provisional = true}, at(1)) == Learned::conflict);
  CHECK(t.table.use(t.key("s1"), at(1)).binding.owner == 1);
}

TEST_CASE("session_table: a moved session keeps its open streams") {
  Tested t;
  t.learn("s1", {.owner = 1, .provisional = true}, at(0));
  t.table.stream_opened(t.key("s1"));
  CHECK(t.learn("s1", {.owner = 2}, at(1)) == Learned::moved);
  CHECK(t.table.expire(at(500), 100) == 0);
  t.table.stream_closed(t.key("s1"), at(500));
  CHECK(t.table.expire(at(600), 100) == 1);
}

TEST_CASE("session_table: that a session was revived is kept until it is bound anew") {
  Tested t;
  t.learn("s1", {.owner = 1, .revival = 1}, at(0));
  t.learn("s1", {.owner = 1}, at(1));
  CHECK(t.table.use(t.key("s1"), at(1)).binding.revival == 1);
  t.table.learn(t.key("s1"), {.owner = 2}, kAnn, at(2), gone);
  CHECK(t.table.use(t.key("s1"), at(2)).binding.revival == 0);
}

TEST_CASE("session_table: what is lost is that revival of the session, and no later one") {
  Tested t;
  const Binding first{.owner = 1};
  const Binding second{.owner = 1, .revival = 1};
  t.learn("s1", first, at(0));
  CHECK_FALSE(t.table.lose(t.key("s1"), second, at(1), at(50)));
  CHECK(t.table.lose(t.key("s1"), first, at(1), at(50)));
  CHECK_FALSE(t.table.lose(t.key("s1"), first, at(1), at(50)));
  t.learn("s1", second, at(2));
  CHECK_FALSE(t.table.lose(t.key("s1"), first, at(3), at(50)));
  CHECK_FALSE(t.table.lose(t.key("s1"), {.owner = 2, .revival = 1}, at(3), at(50)));
  CHECK(t.table.lose(t.key("s1"), second, at(3), at(50)));
  CHECK(t.use("s1", at(4)) == Standing::lost);
}

TEST_CASE("session_table: revivals are counted round, past none") {
  CHECK(session::revival_number(0) == 1);
  CHECK(session::revival_number(126) == session::kRevivalMax);
  CHECK(session::revival_number(127) == 1);
  Tested t;
  t.learn("s1", {.owner = 1, .revival = session::kRevivalMax}, at(0));
  CHECK(t.table.use(t.key("s1"), at(1)).binding.revival == session::kRevivalMax);
}

TEST_CASE("session_table: a deleted session comes back when it is issued anew, and only then") {
  Tested t;
  const auto learn = [&](Table::Evidence evidence, Time now) {
    return t.table.learn(t.key("s1"), {.owner = 1}, kAnn, now, lives, evidence);
  };
  t.learn("s1", {.owner = 1}, at(0));
  CHECK_FALSE(t.table.bury(t.key("new"), {.owner = 1, .path_hash = 2}, kAnn, at(1), at(50)));
  CHECK(t.use("new", at(2)) == Standing::deleted);
  CHECK(t.table.use(t.key("new"), at(2)).binding.path_hash == 2);
  CHECK(t.table.bury(t.key("s1"), {.owner = 2}, kAnn, at(1), at(50)));
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 0}});
  CHECK(t.table.sessions_of(kAnn) == 0);
  CHECK(learn(Table::Evidence::served, at(49)) == Learned::deleted);
  CHECK(t.use("s1", at(49)) == Standing::deleted);
  CHECK(learn(Table::Evidence::issued, at(49)) == Learned::bound);
  CHECK(t.table.bury(t.key("s1"), {.owner = 1}, kAnn, at(49), at(60)));
  CHECK(learn(Table::Evidence::served, at(60)) == Learned::bound);
  t.table.lose(t.key("s1"), {.owner = 1}, at(61), at(90));
  CHECK(learn(Table::Evidence::served, at(62)) == Learned::bound);
}

TEST_CASE("session_table: what is provisional is unbound, and what has become firm is not") {
  Tested t;
  t.learn("s1", {.owner = 1, .provisional = true}, at(0));
  CHECK_FALSE(t.table.unbind_provisional(t.key("s1"), 2, at(1)));
  CHECK(t.table.unbind_provisional(t.key("s1"), 1, at(1)));
  CHECK(t.use("s1", at(1)) == Standing::unknown);
  t.learn("s1", {.owner = 1, .provisional = true}, at(2));
  t.learn("s1", {.owner = 1}, at(3));
  CHECK_FALSE(t.table.unbind_provisional(t.key("s1"), 1, at(4)));
  CHECK(t.use("s1", at(4)) == Standing::bound);
}

// --- clients -------------------------------------------------------------------------------------

TEST_CASE("session_table: a client has as many sessions as bindings were made for it") {
  Tested t(4);
  t.learn("s1", {.owner = 1}, at(0));
  t.learn("s2", {.owner = 1}, at(0), *Address::parse("10.0.0.1:5000"));
  t.learn("s3", {.owner = 1}, at(0), kBob);
  t.learn("s1", {.owner = 1}, at(1), kBob);  // renewed: it stays Ann's
  CHECK(t.table.sessions_of(kAnn) == 2);
  CHECK(t.table.sessions_of(kBob) == 1);
  t.table.forget(t.key("s1"), 1, Standing::lost, at(2), at(50));
  CHECK(t.table.sessions_of(kAnn) == 1);
  t.learn("s1", {.owner = 2}, at(3), kBob);  // from a tombstone
  CHECK(t.table.sessions_of(kBob) == 2);
  t.table.learn(t.key("s1"), {.owner = 3}, kAnn, at(4), gone);
  CHECK(t.table.sessions_of(kAnn) == 2);
  CHECK(t.table.sessions_of(kBob) == 1);
  t.table.forget(t.key("s2"), 1, Standing::lost, at(5), at(5));  // leaves no tombstone
  CHECK(t.table.sessions_of(kAnn) == 1);
  for (const char* id : {"s5", "s6", "s7"}) t.learn(id, {.owner = 1}, at(6), {});
  CHECK(t.table.sessions_of(kAnn) + t.table.sessions_of(kBob) == 1);  // one was evicted
  t.table.expire(at(1000), 100);
  CHECK(t.table.sessions_of(kAnn) + t.table.sessions_of(kBob) == 0);
}

// --- streams -------------------------------------------------------------------------------------

TEST_CASE("session_table: streams that cannot be counted do not upset those that are") {
  Tested t;
  t.learn("s1", {.owner = 1}, at(0));
  for (int i = 0; i < 65'535; ++i) REQUIRE(t.table.stream_opened(t.key("s1")));
  CHECK_FALSE(t.table.stream_opened(t.key("s1")));
  CHECK(t.table.find_digest(0)->streams == 65'535);
  for (int i = 0; i < 65'534; ++i) t.table.stream_closed(t.key("s1"), at(1));
  CHECK(t.table.expire(at(500), 100) == 0);
  t.table.stream_closed(t.key("s1"), at(500));
  CHECK(t.table.expire(at(600), 100) == 1);
}

// --- listing -------------------------------------------------------------------------------------

TEST_CASE("session_table: a listed session has all that is known of it") {
  Tested t;
  t.learn("s1", {.owner = 7, .digest = 77, .provisional = true, .revival = 1}, at(10));
  t.use("s1", Time(milliseconds(12'345)));
  t.table.stream_opened(t.key("s1"));
  const auto page = t.table.list({});
  REQUIRE(page.size() == 1);
  CHECK(page[0].digest == 77);
  CHECK(page[0].owner == 7);
  CHECK(page[0].client == kAnn.with_port(0));
  CHECK(page[0].created == at(10));
  CHECK(page[0].last_used == Time(milliseconds(12'345)));
  CHECK(page[0].streams == 1);
  CHECK(page[0].provisional);
  CHECK(page[0].revived);
  CHECK(t.table.find_digest(77)->owner == 7);
  CHECK_FALSE(t.table.find_digest(78).has_value());
}

TEST_CASE("session_table: pages of a list are in order, without gaps, and may be of one owner") {
  Tested t(5000);
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    t.learn("s" + std::to_string(i),
            {.owner = static_cast<OwnerId>(i % 2), .digest = i * 7919 % 1009}, at(0));
  }
  t.nobody("x", at(0), at(50));  // tombstones are not listed
  std::vector<std::uint64_t> all;
  for (std::uint64_t after = 0;;) {
    const auto page = digests(t.table.list({.after_digest = after, .limit = 64}));
    if (page.empty()) break;
    all.insert(all.end(), page.begin(), page.end());
    after = page.back();
  }
  CHECK(all.size() == 1000);
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  CHECK(t.table.list({.owner = 1, .limit = 5000}).size() == 500);
  CHECK(t.table.list({.owner = 9}).empty());
  CHECK(t.table.list({.limit = 0}).empty());
  CHECK(t.table.list({}).size() == 100);
}

TEST_CASE("session_table: a session is forgotten and moved by its digest") {
  Tested t;
  t.learn("s1", {.owner = 1, .digest = 11, .provisional = true}, at(0));
  t.learn("s2", {.owner = 1, .digest = 12}, at(0));
  CHECK(t.table.move_digest(11, 2, at(1)));
  CHECK(t.table.use(t.key("s1"), at(1)).binding.owner == 2);
  CHECK_FALSE(t.table.use(t.key("s1"), at(1)).binding.provisional);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 1}, {2, 1}});
  CHECK(t.table.move_digest(11, 2, at(1)));
  CHECK_FALSE(t.table.move_digest(99, 2, at(1)));
  CHECK(t.table.forget_digest(11, at(2), at(20)));
  CHECK(t.use("s1", at(3)) == Standing::deleted);
  CHECK_FALSE(t.table.forget_digest(11, at(3), at(20)));
  CHECK_FALSE(t.table.move_digest(11, 1, at(3)));
  CHECK(t.table.forget_digest(12, at(3), at(3)));
  CHECK(t.use("s2", at(3)) == Standing::unknown);
  CHECK(t.owners == std::map<OwnerId, int>{{1, 0}, {2, 0}});
}

// --- saving and restoring ------------------------------------------------------------------------

TEST_CASE("session_table: bindings and deleted sessions are given out, and nothing else") {
  Tested t;
  t.learn("s1", {.owner = 1, .path_hash = 2, .digest = 3, .provisional = true}, at(10));
  t.learn("s2", {.owner = 1}, at(10));
  t.learn("s3", {.owner = 1}, at(10));
  t.table.forget(t.key("s2"), 1, Standing::deleted, at(11), at(90));
  t.table.forget(t.key("s3"), 1, Standing::lost, at(11), at(90));
  t.nobody("x", at(11), at(90));
  auto records = t.records(at(20));
  REQUIRE(records.size() == 2);
  if (records[0].standing != Standing::bound) std::swap(records[0], records[1]);
  CHECK(records[0].key == t.key("s1"));
  CHECK(records[0].binding.owner == 1);
  CHECK(records[0].binding.path_hash == 2);
  CHECK(records[0].binding.digest == 3);
  CHECK(records[0].binding.provisional);
  CHECK(records[0].when == at(10));
  CHECK(records[0].created == at(10));
  CHECK(records[0].client == kAnn.with_port(0));
  CHECK(records[1].key == t.key("s2"));
  CHECK(records[1].standing == Standing::deleted);
  CHECK(records[1].when == at(90));
}

TEST_CASE("session_table: a session with an open stream is given out as used now") {
  Tested t;
  t.learn("s1", {.owner = 1}, at(10));
  t.table.stream_opened(t.key("s1"));
  CHECK(t.records(at(95))[0].when == at(95));
  CHECK(t.records(at(5))[0].when == at(10));
}

TEST_CASE("session_table: what one table gives out another of the same seed takes") {
  Tested a;
  for (int i = 0; i < 600; ++i) {
    a.learn("s" + std::to_string(i), {.owner = static_cast<OwnerId>(i % 3), .digest = 1},
            at(i / 10), i % 2 == 0 ? kAnn : kBob);
  }
  a.table.forget(a.key("s0"), 0, Standing::deleted, at(60), at(150));
  auto records = a.records(at(60));
  std::sort(records.begin(), records.end(),
            [](const Table::Record& x, const Table::Record& y) { return x.when < y.when; });
  Tested b;
  CHECK(a.table.seed() == b.table.seed());
  std::size_t restored = 0;
  for (const Table::Record& record : records) restored += b.table.restore(record, at(60));
  CHECK(restored == 600);
  CHECK(b.table.bindings() == 599);
  CHECK(b.owners == std::map<OwnerId, int>{{0, 199}, {1, 200}, {2, 200}});
  CHECK(b.table.sessions_of(kAnn) == 299);
  CHECK(b.table.sessions_of(kBob) == 300);
  CHECK(b.use("s0", at(61)) == Standing::deleted);
  CHECK(b.table.find_digest(1)->created <= at(59));
  CHECK(b.table.expire(at(130), 10'000) == 310 - 1);  // each lapses when it would have
  CHECK(b.use("s309", at(130)) == Standing::unknown);
  CHECK(b.use("s310", at(130)) == Standing::bound);
}

TEST_CASE("session_table: a record that has lapsed or is here already is not restored") {
  Tested t;
  Table::Record record{.key = t.key("s1"), .binding = {.owner = 1}, .when = at(0)};
  CHECK_FALSE(t.table.restore(record, at(100)));
  record.when = at(1);
  CHECK(t.table.restore(record, at(100)));
  CHECK_FALSE(t.table.restore(record, at(100)));
  CHECK(t.owners[1] == 1);
  record = {.key = t.key("s2"), .standing = Standing::deleted, .when = at(100)};
  CHECK_FALSE(t.table.restore(record, at(100)));
  CHECK(t.table.bindings() == 1);
}

TEST_CASE("session_table: a record from the future lives no longer than a new session") {
  Tested t;
  CHECK(
      t.table.restore({.key = t.key("s1"), .binding = {.owner = 1}, .when = at(1'000'000)}, at(0)));
  CHECK(t.table.restore({.key = t.key("s2"), .standing = Standing::deleted, .when = at(1'000'000)},
                        at(0)));
  CHECK(t.use("s2", at(99)) == Standing::deleted);
  CHECK(t.use("s2", at(100)) == Standing::unknown);
  CHECK(t.use("s1", at(100)) == Standing::unknown);
}

TEST_CASE("session_table: a smaller table keeps the latest of what it is given") {
  Tested t(10);
  for (int i = 0; i < 50; ++i) {
    t.table.restore({.key = t.key("s" + std::to_string(i)), .binding = {.owner = 1}, .when = at(i)},
                    at(50));
  }
  CHECK(t.table.bindings() == 10);
  CHECK(t.owners[1] == 10);
  for (int i = 40; i < 50; ++i) CHECK(t.use("s" + std::to_string(i), at(50)) == Standing::bound);
}

// --- threads -------------------------------------------------------------------------------------

TEST_CASE("session_table: threads that also list, save, move and make ids up lose no count") {
  constexpr std::uint32_t kMax = 64;
  std::array<std::atomic<int>, 3> owners{};
  Table table(
      {.idle_ttl = kTtl, .max_sessions = kMax},
      [&](OwnerId owner, int change) { owners[owner].fetch_add(change); }, 7);
  std::atomic<bool> bound_held = true;
  std::atomic<bool> is_full = false;  // it was worth testing
  const auto work = [&](std::uint64_t seed) {
    Random random(seed);
    for (int step = 0; step < 5000; ++step) {
      const Time now = at(step / 50);
      const std::uint32_t number = random.below(200);
      const Key key = table.key_of(std::to_string(number));
      const OwnerId owner = random.below(3);
      std::size_t records = 0;
      switch (random.below(10)) {
        case 0:
          table.forget(key, owner, Standing::deleted, now, now + seconds(random.below(3)));
          break;
        case 1:
          table.expire(now, 8);
          break;
        case 2:
          table.remember_nobody(key, {.digest = number}, now, now + seconds(2));
          break;
        case 3:
          table.move_digest(number, owner, now);
          break;
        case 4:
          if (table.list({.limit = 20}).size() > 20) bound_held = false;
          break;
        case 5:
          table.for_each(now, [&](const Table::Record&) { ++records; });
          is_full = is_full || records >= kMax / 2;
          break;
        case 6:
          table.restore({.key = key, .binding = {.owner = owner, .digest = number}, .when = now},
                        now);
          break;
        default:
          table.learn(key, {.owner = owner, .digest = number, .provisional = number % 2 == 0},
                      number % 3 == 0 ? kAnn : kBob, now, random.below(2) == 0 ? lives : gone);
      }
      if (table.bindings() > kMax) bound_held = false;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  CHECK(bound_held);
  CHECK(is_full);
  CHECK(owners[0] + owners[1] + owners[2] == static_cast<int>(table.bindings()));
  table.expire(at(100'000), 1'000'000);
  CHECK(table.bindings() == 0);
  for (const auto& owner : owners) CHECK(owner == 0);
  CHECK(table.sessions_of(kAnn) == 0);
  CHECK(table.sessions_of(kBob) == 0);
}

}  // namespace
}  // namespace ringside::session
