// How many connections to one endpoint there may be, and who waits for one.
//
// Why      Each worker has connections of its own, but the endpoint has one bound for all of them.
//          What goes from worker to worker is the right to have a connection: a slot. It goes to
//          who has waited for the longest; but a worker that has a connection in its hands keeps it
//          for its own while none of the others' has waited kPatience longer, since each change of
//          hands costs a new connection.
// Bounds   Bounds::connections slots and Bounds::waiting tickets; nothing is held while nobody
//          waits. While somebody waits, all slots are taken.
// Time     Now is an argument.
// Threads  Safe from any thread. Not used at all where connections are not bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace ringside::upstream {

class Slots {
 public:
  static constexpr milliseconds kPatience{100};

  struct Bounds {
    std::uint32_t connections;
    std::uint32_t waiting;
  };
  // Who waits. A worker numbers its tickets, and no two alike.
  struct Ticket {
    unsigned worker;
    std::uint64_t number;
  };
  enum class Answer : std::uint8_t { taken, waits, full };

  Answer ask(const Bounds& bounds, Ticket ticket, Time now);
  // Does not wait any more. False when it has a slot already, which is to be given back then.
  bool leave(Ticket ticket);
  // A slot is free: whose it is now, if anybody waits.
  std::optional<Ticket> give_back();
  // A connection of this worker has nothing to do: who of this worker is to have it, slot and all.
  // Nobody when it is another's turn, or nobody waits.
  std::optional<Ticket> next_of(unsigned worker);

  // A connection may stay idle while nobody waits: false when somebody does. And it is idle no
  // more, to be used or closed.
  bool begin_idle();
  void end_idle();

  std::size_t waiting() const;
  // Connections that are idle, in any worker.
  std::size_t idle() const;

 private:
  using Line = std::map<std::uint64_t, Time>;  // by number: since when

  const Line::value_type* first_of(unsigned worker) const;
  std::optional<unsigned> longest_waiting(std::optional<unsigned> but) const;
  Ticket pop(unsigned worker);

  mutable std::mutex mutex_;
  // State below is protected by mutex_.
  std::vector<Line> lines_;  // by worker
  std::size_t waiting_ = 0;
  std::uint32_t taken_ = 0;
  std::uint32_t idle_ = 0;
};

}  // namespace ringside::upstream
