// Tickets become connections.
#include "relay/upstream_queue.h"

#include <algorithm>

#include "observe/families.h"
#include "relay/upstream_connection.h"
#include "relay/worker.h"

namespace ringside::relay {

namespace family = observe::family;
using upstream::Slots;

// --- a slot --------------------------------------------------------------------------------------

UpstreamSlot::~UpstreamSlot() {
  give_back();
  if (state_ == kGivenBack) pool_.all_upstreams.fetch_sub(1, std::memory_order_relaxed);
}

Slots::Answer UpstreamSlot::ask(UpstreamConnection& connection) {
  UpstreamQueue* const queue = pool_.queue.get();
  if (queue == nullptr) {
    granted();
    return Slots::Answer::taken;
  }
  const std::uint64_t ticket = queue->next_ticket();
  const Slots::Answer answer = queue->ask(connection, ticket);
  if (answer == Slots::Answer::taken) granted();
  if (answer == Slots::Answer::waits) state_ = ticket;
  return answer;
}

void UpstreamSlot::granted() {
  state_ = kTaken;
  endpoint_.load().connections.fetch_add(1, std::memory_order_relaxed);
  pool_.all_upstreams.fetch_add(1, std::memory_order_relaxed);
}

void UpstreamSlot::count_unasked() const {
  pool_.metrics.count_endpoint(observe::family::kUpstreamUnasked, pool_.pool, endpoint_);
}

void UpstreamSlot::give_back() {
  if (waits()) return pool_.queue->leave(endpoint_, std::exchange(state_, kNone));
  if (state_ != kTaken) return;
  state_ = kGivenBack;
  endpoint_.load().connections.fetch_sub(1, std::memory_order_relaxed);
  if (pool_.queue) pool_.queue->give_back(endpoint_);
}

// --- the line ------------------------------------------------------------------------------------

UpstreamQueue::UpstreamQueue(Worker& worker, WorkerPool& pool)
    : worker_(worker),
      pool_(pool),
      timeout_(worker.deadlines, pool.pool.options().limits.queue_timeout) {}

UpstreamQueue::~UpstreamQueue() = default;

Slots::Answer UpstreamQueue::ask(UpstreamConnection& connection, std::uint64_t ticket) {
  const PoolLimits& limits = pool_.pool.options().limits;
  const upstream::Endpoint& endpoint = connection.endpoint();
  const Slots::Answer answer =
      endpoint.slots().ask({.connections = limits.connections, .waiting = limits.queue},
                           {worker_.index, ticket}, worker_.loop.now());
  if (answer != Slots::Answer::waits) return answer;
  waiting_.emplace(ticket, &connection);
  timeout_.arm(connection);
  worker_.metrics.count_endpoint(family::kUpstreamQueued, pool_.pool, endpoint);
  if (endpoint.slots().idle() > 0) {  // none of this worker's: it would have been used
    tell_other_workers({.kind = SlotNews::Kind::idle_wanted,
                        .pool = pool_.pool.index(),
                        .endpoint = endpoint.id()});
  }
  return answer;
}

void UpstreamQueue::leave(const upstream::Endpoint& endpoint, std::uint64_t ticket) {
  waiting_.erase(ticket);
  // who has a slot without knowing it yet passes it on; that news will find nobody
  if (!endpoint.slots().leave({worker_.index, ticket})) give_back(endpoint);
}

void UpstreamQueue::give_back(const upstream::Endpoint& endpoint) {
  if (const auto ticket = endpoint.slots().give_back()) grant(*ticket);
}

void UpstreamQueue::grant(Slots::Ticket ticket) {
  worker_.shared.mailboxes[ticket.worker].post(SlotNews{
      .kind = SlotNews::Kind::granted, .pool = pool_.pool.index(), .ticket = ticket.number});
}

void UpstreamQueue::tell_other_workers(const SlotNews& news) {
  for (std::size_t i = 0; i < worker_.shared.mailboxes.size(); ++i) {
    if (i != worker_.index) worker_.shared.mailboxes[i].post(news);
  }
}

void UpstreamQueue::on_news(const SlotNews& news) {
  if (news.kind == SlotNews::Kind::idle_wanted) return pool_.idle.drop_oldest(news.endpoint);
  const auto found = waiting_.find(news.ticket);
  if (found == waiting_.end()) return;  // left, and has passed it on
  UpstreamConnection* const connection = found->second;
  waiting_.erase(found);
  connection->on_slot(pool_.connect);
}

// --- connections that have nothing to do ---------------------------------------------------------

// Its next user is told later, not within the end of the one before.
bool UpstreamQueue::take_over(std::unique_ptr<UpstreamConnection>& connection) {
  if (connection->endpoint().slots().begin_idle()) return false;
  connection->become_idle(pool_.idle);
  spares_.push_back(std::move(connection));
  worker_.mail.wake();
  return true;
}

void UpstreamQueue::hand_over_spares() {
  for (auto& spare : std::exchange(spares_, {})) {
    Slots& slots = spare->endpoint().slots();
    const auto ticket = slots.next_of(worker_.index);
    if (ticket) {
      const auto found = waiting_.find(ticket->number);
      UpstreamConnection* const connection = found->second;
      waiting_.erase(found);
      connection->on_connection(std::move(spare));
    } else if (slots.waiting() > 0) {
      worker_.loop.retire(std::move(spare));  // another worker's turn
    } else {
      pool_.idle.put(std::move(spare));
    }
  }
}

void UpstreamQueue::drop(UpstreamConnection& connection) {
  const auto found = std::find_if(spares_.begin(), spares_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == spares_.end()) return;
  worker_.loop.retire(std::move(*found));
  spares_.erase(found);
}

void UpstreamQueue::close_all() {
  for (auto& spare : std::exchange(spares_, {})) worker_.loop.retire(std::move(spare));
}

}  // namespace ringside::relay
