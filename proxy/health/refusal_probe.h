// Connects to endpoints that refuse connections, until they stop refusing.
//
// Why      An owner that has refused without a break for owner_grace has lost its sessions.
//          Requests alone may be too rare to see that the run was unbroken, or that it ended; so
//          after a refusal somebody must keep asking.
// Owns     One timer, and at most one connection under way for each endpoint. Nothing runs while no
//          endpoint refuses.
// Time     The first probe comes probe_interval() after notify(), each next one so long after the
//          one before it ended. No answer within kProbeTimeout ends the attempt: silence breaks the
//          run, as it proves nothing.
// Threads  On the control loop; notify() from any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "net/timer.h"
#include "net/wakeup.h"
#include "upstream/pool_snapshot.h"

namespace ringside::health {

// About a second; several probes within a short grace, but never a flood.
constexpr milliseconds probe_interval(milliseconds owner_grace) {
  return std::clamp(owner_grace / 3, milliseconds(50), milliseconds(1000));
}

inline constexpr milliseconds kProbeTimeout(1000);

class RefusalProbe {
 public:
  explicit RefusalProbe(net::Loop& loop);
  ~RefusalProbe();
  RefusalProbe(const RefusalProbe&) = delete;
  RefusalProbe& operator=(const RefusalProbe&) = delete;

  // Watches the endpoints of a pool from now on.
  void watch(const upstream::PoolSnapshot& pool, milliseconds owner_grace);

  // To be called after Refusal::refused(). Safe from any thread, and cheap when repeated.
  void notify();

 private:
  class Probe;
  void review();

  net::Loop& loop_;
  std::vector<std::unique_ptr<Probe>> probes_;
  net::Timer timer_;
  net::Wakeup wakeup_;
};

}  // namespace ringside::health
