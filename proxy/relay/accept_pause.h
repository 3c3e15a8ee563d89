// Stops a worker's accepting while the process runs out of descriptors.
//
// Why      Without a descriptor a connection can neither be taken nor refused, and trying again and
//          again is all that a loop would do. So accepting stops while some are left: for the
//          connections to endpoints of the clients that are here, for probes and for files. Clients
//          wait in the kernel's backlog meanwhile.
// Bounds   Shared::sockets_max, for clients, those that are being turned away, and connections to
//          endpoints together.
// Time     Looks again every kLookAgain while it is paused; says so once in kQuiet.
// Threads  On its worker's loop only; what is counted is the process's.
#pragma once

#include <cstdint>
#include <functional>

#include "net/timer.h"

namespace ringside::relay {

struct Worker;

// How many sockets may be open beside the `open` descriptors that are at the start, when `limit` is
// the most, so that a reserve is left. `held`: clients that are accepted by libuv but not by us,
// one a listener.
std::uint64_t sockets_within(std::uint64_t limit, std::uint64_t open, std::uint64_t held);

class AcceptPause {
 public:
  AcceptPause(Worker& worker, std::function<void()> on_resume);
  ~AcceptPause();

  bool paused() const { return paused_; }
  // A client was accepted: pauses where it was the last that there is room for.
  void look();
  void begin();
  void end();

 private:
  static constexpr milliseconds kLookAgain{100};
  static constexpr milliseconds kQuiet = std::chrono::seconds(10);

  void look_again();

  Worker& worker_;
  std::function<void()> on_resume_;
  net::Timer timer_;
  Time quiet_until_ = Time::min();
  bool paused_ = false;
};

}  // namespace ringside::relay
