// Builds a worker's share of the configuration.
#include "relay/worker.h"

#include "relay/exchange.h"
#include "session/identify.h"

namespace ringside::relay {
namespace {

// How long a connection that is done waits for its peer to close: long enough for a last response
// to arrive.
constexpr milliseconds kLinger = std::chrono::seconds(2);
// How often a client that is not read from is looked after.
constexpr milliseconds kPresence = std::chrono::seconds(3);

// Servers refuse an unknown session within milliseconds.
constexpr milliseconds kSearchSilence = std::chrono::seconds(1);
constexpr milliseconds kHandshakeTime = std::chrono::seconds(10);

std::vector<std::string> names_of(const std::vector<ListenerOptions>& listeners) {
  std::vector<std::string> names;
  for (const ListenerOptions& listener : listeners) names.push_back(listener.name);
  return names;
}

}  // namespace

WorkerPool::WorkerPool(Pool& shared_pool, Worker& worker)
    : pool(shared_pool),
      queue(shared_pool.options().limits.connections != 0
                ? std::make_unique<UpstreamQueue>(worker, *this)
                : nullptr),
      metrics(worker.metrics),
      all_upstreams(worker.shared.all_upstreams),
      idle(worker.loop, worker.deadlines, queue.get()),
      connect(worker.deadlines, shared_pool.options().timeouts.connect),
      response_head(worker.deadlines, shared_pool.options().timeouts.response_head),
      search_silence(worker.deadlines, kSearchSilence),
      handshake(worker.deadlines, kHandshakeTime),
      stream_idle(worker.deadlines, shared_pool.options().timeouts.stream_idle),
      stream_keep_alive(worker.deadlines, shared_pool.options().timeouts.stream_keep_alive),
      tunnel(worker.deadlines, shared_pool.options().timeouts.tunnel) {}

WorkerListener::WorkerListener(const ListenerOptions& options, net::Deadlines& deadlines)
    : request_head(deadlines, options.timeouts.request_head),
      request_body(deadlines, options.timeouts.request_body),
      keep_alive(deadlines, options.timeouts.keep_alive),
      unread(deadlines, options.timeouts.response_read) {}

Worker::Worker(net::Loop& worker_loop, Shared& shared_state)
    : loop(worker_loop),
      shared(shared_state),
      index(static_cast<unsigned>(shared.mailboxes.size())),
      random(system_random()),
      metrics(shared.registry, names_of(shared.listeners), shared.pools),
      deadlines(loop),
      presence(deadlines, kPresence),
      linger(deadlines, kLinger),
      mail(loop, [this] { on_mail(); }) {
  request_scratch.fields_max = shared.limits.header_fields;
  request_scratch.first_max = shared.limits.target_bytes;
  shared.mailboxes.emplace_back().set_wakeup(&mail);
  for (Pool& pool : shared.pools) pools.emplace_back(pool, *this);
  for (const ListenerOptions& listener : shared.listeners) {
    listeners.emplace_back(listener, deadlines);
  }
}

Worker::~Worker() { shared.mailboxes[index].set_wakeup(nullptr); }

// An exchange that is told may park again, end, or end others: one at a time.
void Worker::on_mail() {
  for (const SearchOver& message : shared.mailboxes[index].take()) {
    const auto [first, last] = parked.equal_range(message.key);
    std::vector<Exchange*> waiting;
    for (auto each = first; each != last; ++each) {
      if (each->second->pool_index() == message.pool) waiting.push_back(each->second);
    }
    for (Exchange* exchange : waiting) exchange->unpark();
    for (Exchange* exchange : waiting) exchange->on_search_over(message.failure);
  }
  for (const SlotNews& news : shared.mailboxes[index].take_news()) {
    pools[news.pool].queue->on_news(news);
  }
  for (WorkerPool& pool : pools) {
    if (pool.queue) pool.queue->hand_over_spares();
  }
}

void Mailbox::post(const SearchOver& message) {
  const std::lock_guard lock(mutex_);
  if (wakeup_ == nullptr) return;
  messages_.push_back(message);
  wakeup_->wake();
}

void Mailbox::post(const SlotNews& news) {
  const std::lock_guard lock(mutex_);
  if (wakeup_ == nullptr) return;
  news_.push_back(news);
  wakeup_->wake();
}

std::vector<SlotNews> Mailbox::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

std::vector<SearchOver> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

void Mailbox::set_wakeup(net::Wakeup* wakeup) {
  const std::lock_guard lock(mutex_);
  wakeup_ = wakeup;
}

}  // namespace ringside::relay
