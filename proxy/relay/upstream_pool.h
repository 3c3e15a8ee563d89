// The idle connections of one worker to the endpoints of one pool.
//
// Why      A request on a connection that is open already costs no handshake.
// Owns     The idle connections; a connection in use belongs to its exchange.
// Bounds   kIdleUpstreamsMax for each endpoint; the connection idle for the longest is closed
//          first. None stays idle for longer than kIdleTime: Node and uvicorn close after 5 s, and
//          a request that meets their close is lost.
// Threads  On its loop only.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "net/deadlines.h"
#include "net/loop.h"
#include "upstream/endpoint.h"

namespace ringside::relay {

class UpstreamConnection;
class UpstreamQueue;

class UpstreamPool {
 public:
  // `queue`: who waits for a connection, nullptr where connections are not bounded.
  UpstreamPool(net::Loop& loop, net::Deadlines& deadlines, UpstreamQueue* queue);
  ~UpstreamPool();

  // The most recently used idle connection to this endpoint, or nullptr.
  std::unique_ptr<UpstreamConnection> take(upstream::EndpointId endpoint);
  void put(std::unique_ptr<UpstreamConnection> connection);
  // The connection is closed or silent for too long: destroyed at the end of the turn.
  void drop(UpstreamConnection& connection);
  // Makes room for somebody who waits for this endpoint.
  void drop_oldest(upstream::EndpointId endpoint);
  void close_all();

 private:
  using Idle = std::vector<std::unique_ptr<UpstreamConnection>>;  // oldest first
  Idle& idle_of(upstream::EndpointId endpoint);

  net::Loop& loop_;
  UpstreamQueue* queue_;
  net::DeadlineList idle_timeout_;
  std::vector<Idle> idle_;  // by endpoint id
};

}  // namespace ringside::relay
