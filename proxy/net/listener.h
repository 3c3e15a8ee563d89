// A listening TCP socket on a loop.
//
// Why      Each worker has a socket of its own on the same address (SO_REUSEPORT); the kernel
//          spreads connections.
// Errors   listen() fails as a value that names the address. An address that another process
//          listens on is refused, also when that process would share it.
// Bounds   Without a descriptor for a connection libuv takes a spare one to accept and close with;
//          without that, too, it would try without an end, so the listener leaves its loop and
//          comes back after kRetry. Who uses it stops earlier (relay/accept_pause.h).
// Threads  On its loop only.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/address.h"
#include "base/result.h"
#include "net/stream.h"
#include "net/timer.h"

namespace ringside::net {

// Binds and listens; returns the descriptor and the real address (port 0 has become a port).
struct Bound {
  int descriptor = -1;
  Address address;
};
// `shared`: other sockets of this process are on the address already.
Result<Bound> bind_listener(const Address& address, bool shared);

class Listener {
 public:
  // Called for each connection that waits: it must accept(). With an errno when one could not be
  // taken: there is nothing to accept then. Until accept() the listener is silent; that may be
  // later.
  using OnConnection = std::function<void(int error)>;

  // Takes over the descriptor.
  Listener(Loop& loop, const Bound& bound, OnConnection on_connection);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Accepts the waiting connection into a fresh stream; false when it is gone already.
  bool accept(Stream& into);

 private:
  static constexpr milliseconds kRetry{100};

  void open();
  void on_event(int error);

  Loop& loop_;
  int descriptor_;  // keeps the socket, and the clients in its backlog, while there is no handle
  OnConnection on_connection_;
  Timer retry_;
  std::optional<Handle<uv_tcp_t, Listener>> handle_;
};

// As many descriptors as the system lets this process have; returns that number.
std::uint64_t raise_descriptor_limit();
// Those that are open now.
std::uint64_t open_descriptors();

}  // namespace ringside::net
