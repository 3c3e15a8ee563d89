#include "upstream/endpoint.h"

#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

namespace ringside::upstream {
namespace {

using std::chrono::seconds;

Time at(std::int64_t second) { return Time(seconds(second)); }

TEST_CASE("endpoint: it keeps the identity it was made with") {
  const Address address = Address::parse("10.0.0.1:80").value();
  const Endpoint endpoint(3, "pod-3", address, 2);
  CHECK(endpoint.id() == 3);
  CHECK(endpoint.name() == "pod-3");
  CHECK(endpoint.address() == address);
  CHECK(endpoint.weight() == 2);
  CHECK(endpoint.load().placed() == 0);
  CHECK_FALSE(endpoint.refusal().refusing());
}

TEST_CASE("load: what counts for placement is sessions and placements, never below zero") {
  Load load;
  load.sessions = 3;
  load.placements = 2;
  load.requests = 7;
  load.streams = 9;
  CHECK(load.placed() == 5);
  load.placements = 0;
  load.sessions = 0;
  --load.sessions;  // a session's end told before its beginning
  CHECK(load.placed() == 0);
  load.placements = 2;
  CHECK(load.placed() == 1);
}

TEST_CASE("refusal: nothing has been outlasted before the first refusal") {
  Refusal refusal;
  CHECK_FALSE(refusal.refusing());
  CHECK_FALSE(refusal.outlasted(seconds(0)));
}

TEST_CASE("refusal: grace runs from the first refusal to the latest, not to now") {
  Refusal refusal;
  refusal.refused(at(100));
  CHECK(refusal.refusing());
  CHECK_FALSE(refusal.outlasted(seconds(10)));
  refusal.refused(at(109));
  CHECK_FALSE(refusal.outlasted(seconds(10)));
  refusal.refused(at(110));
  CHECK(refusal.outlasted(seconds(10)));
  CHECK_FALSE(refusal.outlasted(seconds(11)));
}

TEST_CASE("refusal: an answer or silence between two refusals starts the run anew") {
  Refusal refusal;
  refusal.refused(at(100));
  refusal.broken();
  CHECK_FALSE(refusal.refusing());
  CHECK_FALSE(refusal.outlasted(seconds(0)));
  refusal.refused(at(110));
  CHECK(refusal.refusing());
  CHECK_FALSE(refusal.outlasted(seconds(10)));
  refusal.refused(at(120));
  CHECK(refusal.outlasted(seconds(10)));
}

TEST_CASE("refusal: a refusal in the clock's first millisecond counts") {
  Refusal refusal;
  refusal.refused(at(0));
  CHECK(refusal.refusing());
  refusal.refused(at(10));
  CHECK(refusal.outlasted(milliseconds(9999)));
}

TEST_CASE(
    "refusal: threads that report at once never make a run longer than the time that passed") {
  Refusal refusal;
  const auto work = [&](unsigned kind) {
    for (std::int64_t i = 0; i < 20'000; ++i) {
      if ((static_cast<unsigned>(i) + kind) % 3 == 0) {
        refusal.broken();
      } else {
        refusal.refused(Time(milliseconds(1000 + i)));
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned kind = 0; kind < 3; ++kind) threads.emplace_back(work, kind);
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(refusal.outlasted(seconds(21)));
  refusal.broken();
  refusal.refused(at(100));
  CHECK_FALSE(refusal.outlasted(milliseconds(1)));
}

}  // namespace
}  // namespace ringside::upstream
