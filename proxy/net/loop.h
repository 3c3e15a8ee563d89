// An event loop: the clock, the read buffer that its connections share, and the safe point at which
// objects die.
//
// Owns     The libuv loop. Every handle on it must be gone before the Loop is: run_dry() tells.
// Threads  One thread a loop. Only Wakeup (wakeup.h) may be used from another.
// Time     now() stands still within a turn; it is the only clock of the hot path.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "net/handle.h"

namespace ringside::net {

// An object that may be in the middle of its own callback when it is no longer wanted.
class Retirable {
 public:
  virtual ~Retirable() = default;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Time now() const { return Time(milliseconds(static_cast<std::int64_t>(uv_now(&uv_)))); }
  // Reads the clock, for phase times in the access log; not for the plain hot path.
  static std::uint64_t precise_us() { return uv_hrtime() / 1000; }

  void run();   // until stop(), or until no handle is left
  void stop();  // from within the loop

  // Runs until every closed handle has been freed; false when an open one is left (a leak).
  bool run_dry();

  // The poll whose events are being handled: those of one poll had all happened before the first of
  // them was handled. nullopt when that cannot be told, since libuv polls again within a turn after
  // each 1,024 events.
  std::optional<std::uint32_t> poll() const {
    return polled_events_ < kEventsOfOnePoll ? std::optional(polls_) : std::nullopt;
  }
  // For the owners of handles: each event of a socket, as it comes.
  void count_event() { ++polled_events_; }

  // Destroys the object at the end of this turn.
  void retire(std::unique_ptr<Retirable> object);
  // Destroys what was retired now: for the end of whoever those objects refer to.
  void bury();

  uv_loop_t* uv() { return &uv_; }
  uv_buf_t read_buffer() { return uv_buf_init(read_buffer_.get(), kReadBufferSize); }

 private:
  static const unsigned kReadBufferSize;
  // Half of what one poll can bring: events of handles that have gone meanwhile are not counted.
  static constexpr std::uint32_t kEventsOfOnePoll = 512;

  uv_loop_t uv_{};
  std::unique_ptr<char[]> read_buffer_;
  std::optional<Handle<uv_idle_t, Loop>> end_of_turn_;  // runs only while something is retired
  std::optional<Handle<uv_prepare_t, Loop>> before_poll_;
  std::uint32_t polls_ = 0;
  std::uint32_t polled_events_ = 0;  // since the last `before_poll_`
  std::vector<std::unique_ptr<Retirable>> retired_;
  bool closed_ = false;
};

}  // namespace ringside::net
