// One worker's requests that wait for a connection to an endpoint of a pool whose connections are
// bounded. Where they are not, there is no such queue.
//
// Why      upstream::Slots knows whose turn it is; this knows who that is here, and what a worker
//          does for it: opens a connection, hands over one that has nothing to do, or closes one
//          that another worker needs the slot of.
// Owns     Connections on their way from one request to the next (spares); the pool's idle ones are
//          in its UpstreamPool, those that wait belong to their users.
// Bounds   PoolLimits::queue for each endpoint, over all workers.
// Time     PoolLimits::queue_timeout for each that waits.
// Threads  On its worker's loop only. Other workers are told through their mailboxes.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/deadlines.h"
#include "upstream/endpoint.h"

namespace ringside::relay {

class UpstreamConnection;
class UpstreamQueue;
struct Worker;
struct WorkerPool;

// What one worker tells another about connections.
struct SlotNews {
  enum class Kind : std::uint8_t {
    granted,      // the ticket has a slot now
    idle_wanted,  // somebody waits for this endpoint: close an idle connection to it
  };
  Kind kind = Kind::granted;
  std::size_t pool = 0;
  std::uint64_t ticket = 0;
  upstream::EndpointId endpoint = 0;
};

// The right to one connection to an endpoint: asked for, perhaps waited for, and given back with
// the end of this object. Counts the connections, bounded or not.
class UpstreamSlot {
 public:
  UpstreamSlot(WorkerPool& pool, const upstream::Endpoint& endpoint)
      : pool_(pool), endpoint_(endpoint) {}
  ~UpstreamSlot();
  UpstreamSlot(const UpstreamSlot&) = delete;
  UpstreamSlot& operator=(const UpstreamSlot&) = delete;

  const upstream::Endpoint& endpoint() const { return endpoint_; }
  bool waits() const { return state_ != kNone && state_ < kGivenBack; }

  // When it waits, `connection` is told by on_slot() or by on_deadline().
  upstream::Slots::Answer ask(UpstreamConnection& connection);
  void granted();
  // It waits no more, for another connection came that has a slot.
  void superseded() { state_ = kNone; }
  // Also leaves the line.
  void give_back();
  // The endpoint has said what nobody asked for.
  void count_unasked() const;

 private:
  static constexpr std::uint64_t kNone = 0;
  static constexpr std::uint64_t kTaken = UINT64_MAX;
  static constexpr std::uint64_t kGivenBack = UINT64_MAX - 1;  // the socket is still to be closed

  WorkerPool& pool_;
  const upstream::Endpoint& endpoint_;
  std::uint64_t state_ = kNone;  // or another of these, or the number of the ticket that waits
};

class UpstreamQueue {
 public:
  UpstreamQueue(Worker& worker, WorkerPool& pool);
  ~UpstreamQueue();

  // For UpstreamSlot.
  upstream::Slots::Answer ask(UpstreamConnection& connection, std::uint64_t ticket);
  std::uint64_t next_ticket() { return ++last_ticket_; }
  void leave(const upstream::Endpoint& endpoint, std::uint64_t ticket);
  void give_back(const upstream::Endpoint& endpoint);

  // For UpstreamPool. A connection that has nothing to do is taken over when somebody waits.
  bool take_over(std::unique_ptr<UpstreamConnection>& connection);
  void drop(UpstreamConnection& connection);  // a spare that is closed
  void close_all();

  // From the worker's mailbox, where nothing else is under way.
  void on_news(const SlotNews& news);
  void hand_over_spares();

 private:
  void tell_other_workers(const SlotNews& news);
  void grant(upstream::Slots::Ticket ticket);

  Worker& worker_;
  WorkerPool& pool_;
  net::DeadlineList timeout_;
  std::unordered_map<std::uint64_t, UpstreamConnection*> waiting_;  // by ticket
  std::vector<std::unique_ptr<UpstreamConnection>> spares_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace ringside::relay
