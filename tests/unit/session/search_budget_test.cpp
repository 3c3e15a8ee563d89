// Numbers in names are the cases of the session rules that a test covers.
#include "session/search_budget.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ringside::session {
namespace {

using std::chrono::seconds;
using Admission = SearchBudget::Admission;

Time at(std::int64_t second) { return Time(seconds(second)); }

Address client(const std::string& host) { return Address::parse_host(host).value(); }

const Address kGuesser = client("10.0.0.1");
const Address kHonest = client("10.0.0.2");

// A search that `attempts` endpoints refuse; false when it was not admitted.
bool fails(SearchBudget& budget, const Address& address, unsigned attempts, Time now) {
  if (budget.begin(address, now) != Admission::granted) return false;
  unsigned spent = 0;
  while (spent < attempts) {
    ++spent;
    if (!budget.spend(address, now)) break;
  }
  budget.end(address, spent, SearchOutcome::nobody);
  return true;
}

bool succeeds(SearchBudget& budget, const Address& address, unsigned attempts, Time now) {
  if (budget.begin(address, now) != Admission::granted) return false;
  for (unsigned i = 0; i < attempts; ++i) budget.spend(address, now);
  budget.end(address, attempts, SearchOutcome::found);
  return true;
}

// Of single attempts, so that only the bucket of all can stop them.
unsigned attempts_left(SearchBudget& budget, Time now) {
  unsigned count = 0;
  for (unsigned host = 0; host < 5000; ++host) {
    const Address fresh =
        client("10.1." + std::to_string(host / 200) + '.' + std::to_string(host % 200));
    if (!fails(budget, fresh, 1, now)) break;
    ++count;
  }
  return count;
}

TEST_CASE("token_bucket: begins full, refills with time, and never past its burst") {
  TokenBucket bucket(2, 10);
  CHECK(bucket.take(at(100), 10));
  CHECK_FALSE(bucket.take(at(100)));
  CHECK_FALSE(bucket.take(at(100) + milliseconds(499)));
  CHECK(bucket.take(at(100) + milliseconds(500)));
  CHECK(bucket.tokens(at(10'000)) == 10);
  bucket.give(5);
  CHECK(bucket.tokens(at(10'000)) == 10);
}

TEST_CASE("token_bucket: a clock that is behind changes nothing; credit is paid back first") {
  TokenBucket bucket(1, 4);
  CHECK(bucket.take(at(10), 4));
  CHECK(bucket.tokens(at(5)) == 0);
  CHECK(bucket.tokens(at(10)) == 0);
  bucket.take_on_credit(3);
  CHECK_FALSE(bucket.take(at(13)));
  CHECK(bucket.take(at(14)));
  bucket.take_on_credit(9, 2);
  CHECK(bucket.tokens(at(14)) == -2);
  bucket.take_on_credit(9);
  bucket.take_on_credit(9, 2);
  CHECK(bucket.tokens(at(14)) == -11);
}

TEST_CASE("token_bucket: under a lock, threads together take what there is") {
  LockedTokenBucket bucket(0, 1000);
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) taken += bucket.take(at(1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(taken == 1000);
}

TEST_CASE("search_budget: a client's failing searches are limited, to ten seconds' worth at once") {
  SearchBudget budget({.per_client = 10}, 2, 1);
  unsigned admitted = 0;
  while (fails(budget, kGuesser, 1, at(0))) ++admitted;
  CHECK(admitted == 100);
  CHECK(budget.begin(kGuesser, at(0)) == Admission::refused_client);
  CHECK(succeeds(budget, kHonest, 1, at(0)));
  admitted = 0;
  while (fails(budget, kGuesser, 1, at(3))) ++admitted;
  CHECK(admitted == 30);
}

TEST_CASE("search_budget: searches that find their owner are free, thousands of them (29)") {
  SearchBudget budget({}, 2, 1);
  for (int i = 0; i < 10'000; ++i) REQUIRE(succeeds(budget, kHonest, 5, at(0)));
  CHECK(attempts_left(budget, at(0)) == 500);
}

TEST_CASE("search_budget: of the searches under way a client has half at most") {
  SearchBudget budget({.in_flight = 20, .per_client = 1}, 2, 1);
  for (const SearchOutcome outcome : {SearchOutcome::found, SearchOutcome::undecided}) {
    for (int i = 0; i < 10; ++i) CHECK(budget.begin(kHonest, at(0)) == Admission::granted);
    CHECK(budget.begin(kHonest, at(0)) == Admission::refused_client);
    CHECK(budget.begin(kGuesser, at(0)) == Admission::granted);
    budget.end(kGuesser, 0, outcome);
    for (int i = 0; i < 10; ++i) budget.end(kHonest, 0, outcome);
  }
}

TEST_CASE("search_budget: what is under way may fail together, and is paid for afterwards") {
  SearchBudget budget({.in_flight = 100, .per_client = 1}, 2, 1);
  for (int i = 0; i < 15; ++i) CHECK(budget.begin(kHonest, at(0)) == Admission::granted);
  for (int i = 0; i < 15; ++i) budget.end(kHonest, 0, SearchOutcome::nobody);
  CHECK(budget.begin(kHonest, at(5)) == Admission::refused_client);
  CHECK(budget.begin(kHonest, at(6)) == Admission::granted);
}

TEST_CASE("search_budget: five hundred stored ids at once find their owners (29)") {
  SearchBudget budget({}, 3, 1);
  for (int i = 0; i < 500; ++i) REQUIRE(budget.begin(kHonest, at(0)) == Admission::granted);
  for (int i = 0; i < 250; ++i) REQUIRE(budget.spend(kHonest, at(0)));
  for (int i = 0; i < 500; ++i) budget.end(kHonest, i % 2 == 0 ? 1 : 0, SearchOutcome::found);
  CHECK(succeeds(budget, kHonest, 2, at(0)));
}

TEST_CASE("search_budget: more endpoints share what is wasted, and may waste more") {
  SearchBudget budget({}, 8, 1);
  CHECK(attempts_left(budget, at(0)) == 2000);
  CHECK(attempts_left(budget, at(1)) == 200);
}

TEST_CASE("search_budget: attempts of undecided searches are paid for, though not by the client") {
  SearchBudget budget({.per_client = 1}, 2, 1);
  for (int i = 0; i < 50; ++i) {
    REQUIRE(budget.begin(kHonest, at(0)) == Admission::granted);
    for (int n = 0; n < 4; ++n) budget.spend(kHonest, at(0));
    budget.end(kHonest, 4, SearchOutcome::undecided);
  }
  CHECK(attempts_left(budget, at(0)) == 300);
}

TEST_CASE("search_budget: wasted attempts of all are limited by a floor and by ordinary traffic") {
  SearchBudget budget({.share = 0.2}, 2, 1);
  CHECK(attempts_left(budget, at(0)) == 500);
  CHECK(budget.begin(kHonest, at(0)) == Admission::refused_all);
  CHECK(attempts_left(budget, at(2)) == 100);
  budget.earned(1000);
  CHECK(attempts_left(budget, at(2)) == 200);
  budget.earned(1'000'000);
  CHECK(attempts_left(budget, at(2)) == 500);
}

TEST_CASE("search_budget: being refused for all costs the client nothing") {
  SearchBudget budget({.per_client = 1}, 2, 1);
  attempts_left(budget, at(0));
  for (int i = 0; i < 100; ++i) CHECK(budget.begin(kHonest, at(0)) == Admission::refused_all);
  for (int i = 0; i < 10; ++i) CHECK(budget.begin(kHonest, at(1)) == Admission::granted);
}

// What this client may waste on one search, until it is told to stop.
unsigned wastes(SearchBudget& budget, const Address& address, Time now) {
  unsigned attempts = 1;
  while (budget.spend(address, now)) ++attempts;
  return attempts;
}

TEST_CASE("search_budget: one client's searches under way may waste half, not what others need") {
  SearchBudget budget({}, 2, 1);
  REQUIRE(budget.begin(kGuesser, at(0)) == Admission::granted);
  CHECK(wastes(budget, kGuesser, at(0)) == 250);
  CHECK(budget.begin(kHonest, at(0)) == Admission::granted);
}

TEST_CASE("search_budget: searches under way go on by credit, up to a limit") {
  SearchBudget budget({}, 2, 1);
  std::vector<Address> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(client("10.2.0." + std::to_string(i)));
  for (const Address& each : clients) REQUIRE(budget.begin(each, at(0)) == Admission::granted);
  unsigned attempts = 0;
  for (const Address& each : clients) attempts += wastes(budget, each, at(0));
  CHECK(attempts == 1001);
  CHECK(budget.begin(kHonest, at(10)) == Admission::refused_all);
  CHECK(budget.begin(kHonest, at(11)) == Admission::granted);
}

TEST_CASE("search_budget: a client of bad standing waits for half, and is forgiven with time") {
  SearchBudget budget({}, 2, 1);
  CHECK(fails(budget, kGuesser, 1000, at(0)));
  CHECK(fails(budget, kGuesser, 1000, at(10)));
  attempts_left(budget, at(10));
  CHECK(budget.begin(kGuesser, at(12)) == Admission::refused_all);
  CHECK(budget.begin(kHonest, at(12)) == Admission::granted);
  attempts_left(budget, at(24));
  CHECK(budget.begin(kGuesser, at(24)) == Admission::refused_all);
  CHECK(budget.begin(kGuesser, at(26)) == Admission::granted);
}

TEST_CASE("search_budget: one client that guesses ids leaves half to the others (54)") {
  SearchBudget budget({}, 2, 1);
  constexpr unsigned kEndpoints = 64;
  unsigned wasted = 0;
  for (int ms = 0; ms < 60'000; ++ms) {
    const Time now{milliseconds(ms)};
    if (budget.begin(kGuesser, now) == Admission::granted) {
      unsigned spent = 1;
      while (budget.spend(kGuesser, now) && spent < kEndpoints) ++spent;
      budget.end(kGuesser, spent, SearchOutcome::nobody);
      wasted += spent;
    }
    if (ms > 10'000 && ms % 100 == 0) REQUIRE(succeeds(budget, kHonest, kEndpoints, now));
  }
  CHECK(wasted <= 500 + 50 * 60);
}

TEST_CASE("search_budget: an IPv6 client is its /64, an IPv4 one its address") {
  SearchBudget budget({.per_client = 1}, 2, 1);
  for (int i = 0; i < 10; ++i) {
    CHECK(fails(budget, client("2001:db8::" + std::to_string(i + 1)), 1, at(0)));
  }
  CHECK(budget.begin(client("2001:db8::ffff:1"), at(0)) == Admission::refused_client);
  CHECK(budget.begin(client("2001:db8:0:1::1"), at(0)) == Admission::granted);
  for (int i = 0; i < 10; ++i) CHECK(fails(budget, client("192.0.2.1"), 1, at(0)));
  CHECK(budget.begin(client("::ffff:192.0.2.1"), at(0)) == Admission::refused_client);
  CHECK(budget.begin(client("192.0.2.2"), at(0)) == Admission::granted);
  CHECK(budget.begin(client("::1"), at(0)) == Admission::granted);
  CHECK(budget.begin(Address(), at(0)) == Admission::granted);
}

TEST_CASE("search_budget: of too many clients the least recent is forgotten, and may come back") {
  SearchBudget budget({.per_client = 1}, 2, 1);
  REQUIRE(budget.begin(kGuesser, at(0)) == Admission::granted);
  for (std::size_t i = 0; i < SearchBudget::kClientsMax; ++i) {
    const std::string host = "10." + std::to_string(2 + i / 40'000) + '.' +
                             std::to_string(i / 200 % 200) + '.' + std::to_string(i % 200);
    succeeds(budget, client(host), 0, at(0));
  }
  budget.end(kGuesser, 1, SearchOutcome::found);  // of one that nobody remembers
  for (int i = 0; i < 10; ++i) CHECK(fails(budget, kGuesser, 1, at(0)));
  CHECK(budget.begin(kGuesser, at(0)) == Admission::refused_client);
}

TEST_CASE("search_budget: a worker tells of its requests by the batch") {
  SearchBudget budget({.share = 1}, 2, 1);
  attempts_left(budget, at(0));
  EarnedRequests requests;
  for (int i = 0; i < 63; ++i) requests.add_one(budget);
  CHECK(attempts_left(budget, at(0)) == 0);
  for (int i = 0; i < 65; ++i) requests.add_one(budget);
  CHECK(attempts_left(budget, at(0)) == 128);
}

TEST_CASE("search_budget: threads neither lose nor gain") {
  SearchBudget budget({.per_client = 1'000'000, .share = 0}, 2, 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Address address = client("10.9.0." + std::to_string(t));
      for (int i = 0; i < 2000; ++i) {
        succeeds(budget, address, 3, at(0));
        budget.earned(1);
      }
      for (int i = 0; i < 50; ++i) fails(budget, address, 1, at(0));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(attempts_left(budget, at(0)) == 300);
}

}  // namespace
}  // namespace ringside::session
