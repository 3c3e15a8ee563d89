// Between the binding tables of the pools and their saved form.
//
// Why      A table knows owners as numbers of this process and times of this machine's uptime; what
//          is saved has endpoints' names and the wall clock.
// Threads  Safe from any thread: the tables are, and endpoints' names are fixed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "relay/pool.h"
#include "session/state_codec.h"

namespace ringside::app {

// Translates between Time and the wall clock.
class WallClock {
 public:
  // Reads both clocks anew. Steps of up to a second are left out, so that one moment keeps its wall
  // time while nothing happens.
  void set(Time now, std::chrono::system_clock::time_point wall);
  std::uint64_t to_wall_ms(Time time) const;
  Time from_wall_ms(std::uint64_t wall_ms) const;

 private:
  milliseconds offset_{0};
};

// All bindings and deleted sessions of a pool but the revived: those are revived anew.
session::SavedPool save_sessions(relay::Pool& pool, const WallClock& clock, Time now);

// Puts back what still holds, and returns how many bindings that were. Sessions of endpoints that
// are not in the pool any more are left out, not marked as lost: an endpoint may have got another
// name, and a search finds out. Requires: the pool's table has the saved seed, and is empty.
std::size_t restore_sessions(relay::Pool& pool, const session::SavedPool& saved,
                             const WallClock& clock, Time now);

}  // namespace ringside::app
