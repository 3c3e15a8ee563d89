// A one-shot timer, for the few things that happen once: a drain deadline, a probe.
//
// Threads  On its loop only. Timeouts of connections use deadlines.h instead.
#pragma once

#include <functional>

#include "base/clock.h"
#include "net/loop.h"

namespace ringside::net {

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_time);
  void start(milliseconds after);  // starts anew when it is running
  void stop();

 private:
  std::function<void()> on_time_;
  Handle<uv_timer_t, Timer> handle_;
};

}  // namespace ringside::net
