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
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "http/parser.h"
#include "net/deadlines.h"
#include "net/loop.h"
#include "net/wakeup.h"
#include "observe/access_log.h"
#include "observe/log.h"
#include "relay/metrics.h"
#include "relay/options.h"
#include "relay/peer_counts.h"
#include "relay/pool.h"
#include "relay/router.h"
#include "relay/upstream_pool.h"
#include "relay/upstream_queue.h"

namespace ringside::relay {

class Exchange;

// What one worker tells another: a search or revival of a session is over.
struct SearchOver {
  std::size_t pool;
  session::Key key;
  Failure failure;  // none: the table tells
};

// Where other threads leave messages for a worker.
class Mailbox {
 public:
  // Any thread. A worker that has gone gets nothing.
  void post(const SearchOver& message);
  void post(const SlotNews& news);
  std::vector<SearchOver> take();
  std::vector<SlotNews> take_news();
  // The worker's: what wakes its loop; nullptr when it goes.
  void set_wakeup(net::Wakeup* wakeup);

 private:
  std::mutex mutex_;
  std::vector<SearchOver> messages_;
  std::vector<SlotNews> news_;
  net::Wakeup* wakeup_ = nullptr;
};

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
  std::atomic<std::uint32_t> all_surplus{0};     // clients turned away, not among those
  std::atomic<std::uint32_t> client_sockets{0};  // of both, and of those that close in this turn
  std::atomic<std::uint32_t> all_upstreams{0};   // connections to endpoints, closing ones, too
  std::uint64_t descriptors_max = UINT64_MAX;    // that the system allows
  std::uint64_t sockets_max = UINT64_MAX;        // of the last two together: see accept_pause.h
  std::atomic<std::uint32_t> workers_paused{0};
  PeerCounts peers{system_random()};  // with Limits::connections_per_client
  std::deque<Mailbox> mailboxes;      // by Worker::index
};

// A pool as one worker uses it: the shared part, this loop's connections, and its timeouts.
struct WorkerPool {
  WorkerPool(Pool& shared_pool, Worker& worker);

  Pool& pool;
  std::unique_ptr<UpstreamQueue> queue;  // nullptr: connections are not bounded
  Metrics& metrics;                      // the worker's
  std::atomic<std::uint32_t>& all_upstreams;
  UpstreamPool idle;
  net::DeadlineList connect;
  net::DeadlineList response_head;
  net::DeadlineList search_silence;  // until an endpoint that was asked counts as the owner
  net::DeadlineList handshake;       // each answer of a revival, and the rest of a refusal
  net::DeadlineList stream_idle;
  net::DeadlineList stream_keep_alive;
  net::DeadlineList tunnel;
  session::EarnedRequests earned;
};

struct WorkerListener {
  WorkerListener(const ListenerOptions& options, net::Deadlines& deadlines);

  net::DeadlineList request_head;
  net::DeadlineList request_body;
  net::DeadlineList keep_alive;
  net::DeadlineList unread;  // a client that does not read its response
};

struct Worker {
  Worker(net::Loop& worker_loop, Shared& shared_state);
  ~Worker();

  net::Loop& loop;
  Shared& shared;
  unsigned index;
  Random random;
  Metrics metrics;
  net::Deadlines deadlines;
  net::DeadlineList presence;            // whether a client that is not read from is still there
  net::DeadlineList linger;              // a connection that is done waits for its peer's end
  std::deque<WorkerPool> pools;          // by Pool::index()
  std::deque<WorkerListener> listeners;  // by index

  // Filled and emptied within one callback; shared so that an idle connection has no buffer.
  http::ParseScratch request_scratch;
  http::ParseScratch response_scratch;
  std::string to_upstream;
  std::string to_client;
  std::vector<http::Field> changed_fields;
  struct {
    std::string target;
    std::string id;
    std::string cookies;
    std::string event;
  } changed;  // what a head, or the first event of a stream, has in the place of what came

  // Exchanges that wait for the search of another, by session.
  std::unordered_multimap<session::Key, Exchange*, session::KeyHash> parked;
  void on_mail();
  net::Wakeup mail;

  bool draining = false;
};

}  // namespace ringside::relay
