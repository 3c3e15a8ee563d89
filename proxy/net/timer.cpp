// uv_timer_t.
#include "net/timer.h"

namespace ringside::net {

Timer::Timer(Loop& loop, std::function<void()> on_time)
    : on_time_(std::move(on_time)), handle_(this) {
  uv_timer_init(loop.uv(), handle_.uv());
}

void Timer::start(milliseconds after) {
  uv_timer_start(
      handle_.uv(),
      [](uv_timer_t* timer) {
        if (Timer* self = Handle<uv_timer_t, Timer>::owner_of(timer)) self->on_time_();
      },
      static_cast<std::uint64_t>(after.count()), 0);
}

void Timer::stop() { uv_timer_stop(handle_.uv()); }

}  // namespace ringside::net
