// What the parts of one worker share: its loop, its buffers, its pools as this loop sees them, its
// counters.
//
// Why      Each part takes a Worker& instead of ten references. It is plain data: behaviour lives
//          in the parts.
// Threads  One a worker, on its loop. What is shared with other workers is behind Pool, Shared and
//          the registry.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "http/parser.h"
#include "net/deadlines.h"
#include "net/loop.h"
#include "observe/access_log.h"
#include "observe/log.h"
#include "relay/metrics.h"
#include "relay/options.h"
#include "relay/pool.h"
#include "relay/router.h"
#include "relay/upstream_pool.h"

namespace ringside::relay {

// What all workers share. Owned by app/.
struct Shared {
  Limits limits;
  std::vector<ListenerOptions> listeners;  // addresses are the real ones
  std::vector<Router> routers;             // by listener
  std::deque<Pool> pools;
  std::string host_identity;  // a loopback client's key on the ring
  observe::Registry& registry;
  observe::Log& log;
  observe::AccessLog* access_log;    // nullptr: off
  std::function<void()> on_refusal;  // an endpoint refused: wake the probe; any thread
  std::vector<std::atomic<std::uint32_t>> connections;  // open clients, by listener
  std::atomic<std::uint32_t> all_connections{0};
};

// A pool as one worker uses it: the shared part, this loop's connections, and its timeouts.
struct WorkerPool {
  WorkerPool(Pool& shared_pool, net::Loop& loop, net::Deadlines& deadlines);

  Pool& pool;
  UpstreamPool idle;
  net::DeadlineList connect;
  net::DeadlineList response_head;
  net::DeadlineList stream_idle;
};

struct WorkerListener {
  WorkerListener(const ListenerOptions& options, net::Deadlines& deadlines);

  net::DeadlineList request_head;
  net::DeadlineList request_body;
  net::DeadlineList keep_alive;
};

struct Worker {
  Worker(net::Loop& worker_loop, Shared& shared_state);

  net::Loop& loop;
  Shared& shared;
  Random random;
  Metrics metrics;
  net::Deadlines deadlines;
  net::DeadlineList linger;              // a connection that is done waits for its peer's end
  net::DeadlineList unread;              // a client that does not read its response's rest
  std::deque<WorkerPool> pools;          // by Pool::index()
  std::deque<WorkerListener> listeners;  // by index

  // Filled and emptied within one callback; shared so that an idle connection has no buffer.
  http::ParseScratch request_scratch;
  http::ParseScratch response_scratch;
  std::string to_upstream;
  std::string to_client;

  bool draining = false;
};

}  // namespace ringside::relay
