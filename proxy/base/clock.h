// Points in time and durations, as every floor writes them.
//
// Time     Milliseconds of the monotonic clock of the machine, the same for all threads. Only
//          net/loop.h reads the clock; everything else is handed a Time, so a test can hand it any.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringside {

using std::chrono::milliseconds;

struct LoopClock {
  using duration = milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<LoopClock>;
  static constexpr bool is_steady = true;
};

using Time = LoopClock::time_point;

}  // namespace ringside
