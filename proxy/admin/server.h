// The admin listener: a small HTTP/1.1 server for the pages of pages.h.
//
// Why      Apart from the relay, so that probes and scrapes are answered when the workers are busy
//          or full.
// Owns     The listening socket and its connections; they go with it.
// Bounds   kAdminConnections connections, closed at once past that; a head of kAdminHeadBytes (of
//          one without an end, a read buffer more is taken before it is refused), a body of
//          kAdminBodyBytes (kept only where a page reads it). One request at a time: whoever sends
//          more without reading the answers is cut off.
// Time     A connection has kAdminIdle for each request, from the end of the one before to its own
//          end.
// Threads  On the control loop.
// Errors   Bytes that are no HTTP get a 400 and a close; see pages.h for the rest.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "admin/pages.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/parser.h"
#include "net/deadlines.h"
#include "net/listener.h"
#include "net/loop.h"

namespace ringside::admin {

inline constexpr std::size_t kAdminConnections = 64;
inline constexpr std::size_t kAdminHeadBytes = 16 * kKiB;
inline constexpr std::size_t kAdminBodyBytes = 64 * kKiB;
inline constexpr milliseconds kAdminIdle = std::chrono::seconds(30);

class Server {
 public:
  // Takes over the bound socket.
  Server(net::Loop& loop, const net::Bound& bound, Views views, milliseconds idle = kAdminIdle);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  class Connection;
  void on_connection();
  void remove(Connection& connection);

  net::Loop& loop_;
  const Views views_;
  http::ParseScratch scratch_;
  net::Deadlines deadlines_;
  net::DeadlineList idle_;
  std::vector<std::unique_ptr<Connection>> connections_;
  net::Listener listener_;
};

}  // namespace ringside::admin
