// Builds a worker's share of the configuration.
#include "relay/worker.h"

namespace ringside::relay {
namespace {

// How long a connection that is done waits for its peer to close: long enough for a last response
// to arrive.
constexpr milliseconds kLinger = std::chrono::seconds(2);

// How long a client may read nothing of a response whose end waits in the proxy.
constexpr milliseconds kUnread = std::chrono::seconds(60);

std::vector<std::string> names_of(const std::vector<ListenerOptions>& listeners) {
  std::vector<std::string> names;
  for (const ListenerOptions& listener : listeners) names.push_back(listener.name);
  return names;
}

}  // namespace

WorkerPool::WorkerPool(Pool& shared_pool, net::Loop& loop, net::Deadlines& deadlines)
    : pool(shared_pool),
      idle(loop, deadlines),
      connect(deadlines, shared_pool.options().timeouts.connect),
      response_head(deadlines, shared_pool.options().timeouts.response_head),
      stream_idle(deadlines, shared_pool.options().timeouts.stream_idle) {}

WorkerListener::WorkerListener(const ListenerOptions& options, net::Deadlines& deadlines)
    : request_head(deadlines, options.timeouts.request_head),
      request_body(deadlines, options.timeouts.request_body),
      keep_alive(deadlines, options.timeouts.keep_alive) {}

Worker::Worker(net::Loop& worker_loop, Shared& shared_state)
    : loop(worker_loop),
      shared(shared_state),
      random(system_random()),
      metrics(shared.registry, names_of(shared.listeners), shared.pools),
      deadlines(loop),
      linger(deadlines, kLinger),
      unread(deadlines, kUnread) {
  for (Pool& pool : shared.pools) pools.emplace_back(pool, loop, deadlines);
  for (const ListenerOptions& listener : shared.listeners) {
    listeners.emplace_back(listener, deadlines);
  }
}

}  // namespace ringside::relay
