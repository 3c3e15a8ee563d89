#include "upstream/slots.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

namespace ringside::upstream {
namespace {

using Answer = Slots::Answer;

constexpr Slots::Bounds kOne{.connections = 1, .waiting = 10};

Time at(std::int64_t ms) { return Time(milliseconds(ms)); }

bool is(const std::optional<Slots::Ticket>& ticket, unsigned worker, std::uint64_t number) {
  return ticket && ticket->worker == worker && ticket->number == number;
}

TEST_CASE("slots: so many are taken, so many wait, and one more is refused") {
  constexpr Slots::Bounds kBounds{.connections = 2, .waiting = 1};
  Slots slots;
  CHECK(slots.ask(kBounds, {0, 1}, at(0)) == Answer::taken);
  CHECK(slots.ask(kBounds, {1, 1}, at(0)) == Answer::taken);
  CHECK(slots.ask(kBounds, {0, 2}, at(0)) == Answer::waits);
  CHECK(slots.ask(kBounds, {1, 2}, at(0)) == Answer::full);
  CHECK(slots.waiting() == 1);
}

TEST_CASE("slots: one that is given back goes to who has waited for the longest, in any worker") {
  Slots slots;
  slots.ask(kOne, {0, 1}, at(0));
  slots.ask(kOne, {1, 7}, at(1));
  slots.ask(kOne, {0, 2}, at(2));
  slots.ask(kOne, {1, 8}, at(3));
  CHECK(is(slots.give_back(), 1, 7));
  CHECK(is(slots.give_back(), 0, 2));
  CHECK(is(slots.give_back(), 1, 8));
  CHECK_FALSE(slots.give_back());
  CHECK(slots.ask(kOne, {0, 3}, at(4)) == Answer::taken);
}

TEST_CASE("slots: nobody overtakes those who wait") {
  Slots slots;
  slots.ask(kOne, {0, 1}, at(0));
  slots.ask(kOne, {0, 2}, at(1));
  CHECK(is(slots.give_back(), 0, 2));  // its slot, although it does not know yet
  CHECK(slots.ask(kOne, {0, 3}, at(2)) == Answer::waits);
}

TEST_CASE("slots: who leaves the line is passed over, who has a slot already is told so") {
  Slots slots;
  slots.ask(kOne, {0, 1}, at(0));
  slots.ask(kOne, {0, 2}, at(1));
  slots.ask(kOne, {0, 3}, at(2));
  CHECK(slots.leave({0, 2}));
  CHECK(slots.waiting() == 1);
  CHECK(is(slots.give_back(), 0, 3));
  CHECK_FALSE(slots.leave({0, 3}));
  CHECK_FALSE(slots.leave({5, 1}));
}

TEST_CASE("slots: a worker's own connection serves its own, unless another has waited too long") {
  constexpr std::int64_t kPatience = Slots::kPatience.count();
  Slots slots;
  slots.ask(kOne, {0, 1}, at(0));
  slots.ask(kOne, {1, 1}, at(1));
  slots.ask(kOne, {0, 2}, at(1 + kPatience));
  slots.ask(kOne, {0, 3}, at(2 + kPatience));
  CHECK(is(slots.next_of(0), 0, 2));
  CHECK_FALSE(slots.next_of(0));  // the other came more than kPatience before the third
  CHECK(slots.waiting() == 2);
  CHECK(is(slots.give_back(), 1, 1));
  CHECK(is(slots.next_of(0), 0, 3));
}

TEST_CASE("slots: a worker without anybody who waits has no claim") {
  Slots slots;
  slots.ask(kOne, {0, 1}, at(0));
  slots.ask(kOne, {1, 1}, at(1));
  CHECK_FALSE(slots.next_of(0));
  CHECK_FALSE(slots.next_of(9));
  CHECK(is(slots.next_of(1), 1, 1));
}

TEST_CASE("slots: a connection does not stay idle while somebody waits") {
  Slots slots;
  slots.ask(kOne, {0, 1}, at(0));
  CHECK(slots.begin_idle());
  CHECK(slots.idle() == 1);
  slots.end_idle();
  slots.ask(kOne, {1, 1}, at(1));
  CHECK_FALSE(slots.begin_idle());
  CHECK(slots.idle() == 0);
}

TEST_CASE("slots: a connection that has nothing to do is no reason to refuse") {
  constexpr Slots::Bounds kNoLine{.connections = 1, .waiting = 0};
  Slots slots;
  CHECK(slots.ask(kNoLine, {0, 1}, at(0)) == Answer::taken);
  CHECK(slots.begin_idle());
  CHECK(slots.ask(kNoLine, {1, 1}, at(0)) == Answer::waits);  // until it is closed
  CHECK(slots.ask(kNoLine, {1, 2}, at(0)) == Answer::full);
}

TEST_CASE("slots: threads that ask, wait, leave and give back end with none taken") {
  constexpr Slots::Bounds kBounds{.connections = 3, .waiting = 100};
  Slots slots;
  std::atomic<std::uint32_t> has{0};
  std::atomic<bool> exceeded{false};
  const auto work = [&](unsigned worker) {
    for (std::uint64_t number = 1; number <= 2'000; ++number) {
      const bool waits = slots.ask(kBounds, {worker, number}, at(0)) == Answer::waits;
      if (waits && slots.leave({worker, number})) continue;
      // taken, or granted by another thread meanwhile
      exceeded = exceeded || has.fetch_add(1) >= kBounds.connections;
      has.fetch_sub(1);
      slots.give_back();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < 4; ++worker) threads.emplace_back(work, worker);
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(exceeded);
  CHECK(slots.waiting() == 0);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    CHECK(slots.ask(kBounds, {0, 10'000 + number}, at(1)) == Answer::taken);
  }
  CHECK(slots.ask(kBounds, {0, 20'000}, at(1)) == Answer::waits);
}

}  // namespace
}  // namespace ringside::upstream
