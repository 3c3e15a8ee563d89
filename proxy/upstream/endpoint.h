// One pod's address, and what the process knows of it: its load, and whether it refuses
// connections.
//
// Threads  Identity is fixed after construction. The counters and the refusal are atomics, shared
//          by all workers and the control thread.
// Time     Now is an argument.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "upstream/slots.h"

namespace ringside::upstream {

using EndpointId = std::uint32_t;

struct Load {
  std::atomic<std::uint32_t> sessions{0};    // live bindings; see placed()
  std::atomic<std::uint32_t> placements{0};  // placed requests whose answer's head has not come yet
  std::atomic<std::uint32_t> requests{0};    // exchanges under way
  std::atomic<std::uint32_t> streams{0};     // open event streams
  std::atomic<std::uint32_t> tunnels{0};     // open WebSocket tunnels
  std::atomic<std::uint32_t> connections{0};  // open or being opened, idle ones included

  // What placement weighs: live sessions and those about to be. Workers tell of one session's
  // coming and going in either order, so the sum is read as a signed number and never below zero.
  std::uint32_t placed() const {
    const auto sum = static_cast<std::int32_t>(sessions.load(std::memory_order_relaxed) +
                                               placements.load(std::memory_order_relaxed));
    return sum > 0 ? static_cast<std::uint32_t>(sum) : 0;
  }
};

// An unbroken run of refused connections. A refusal means that the process is dead; silence proves
// nothing and breaks the run, as an answer does. A single refusal is a run of no length.
class Refusal {
 public:
  void refused(Time now);
  void broken();  // an answer or silence
  bool refusing() const;
  // True once refusals, and nothing else, have come for at least `grace`: from the first to the
  // latest of them.
  bool outlasted(milliseconds grace) const;

 private:
  std::atomic<std::int64_t> first_ms_{0};  // 0: not refusing
  std::atomic<std::int64_t> last_ms_{0};
};

class Endpoint {
 public:
  Endpoint(EndpointId id, std::string name, Address address, std::uint32_t weight);

  EndpointId id() const { return id_; }
  const std::string& name() const { return name_; }
  const Address& address() const { return address_; }
  std::uint32_t weight() const { return weight_; }

  Load& load() const { return load_; }
  Refusal& refusal() const { return refusal_; }
  Slots& slots() const { return slots_; }  // where connections are bounded

 private:
  EndpointId id_;
  std::string name_;
  Address address_;
  std::uint32_t weight_;
  mutable Load load_;
  mutable Refusal refusal_;
  mutable Slots slots_;
};

}  // namespace ringside::upstream
