// A worker's listeners and its clients.
//
// Owns     The client connections, in a list; each leaves it when it closes.
// Bounds   Limits::connections over all workers: one more is answered 503 and closed, and counted;
//          so is one over Limits::connections_per_client.
//          Accepting pauses when descriptors run out.
// Threads  On its loop only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "net/listener.h"
#include "relay/accept_pause.h"
#include "relay/client_connection.h"
#include "relay/worker.h"

namespace ringside::relay {

class Server {
 public:
  // `bound`: one socket for each of Shared::listeners, taken over.
  Server(net::Loop& loop, Shared& shared, const std::vector<net::Bound>& bound);
  ~Server();

  // Stops accepting, closes idle connections, lets exchanges finish; `on_done` when the last client
  // is gone.
  void drain(std::function<void()> on_done);
  bool draining() const { return worker_.draining; }
  // Ends everything under way now.
  void cut_off();

  // A client connection has closed: out of the list, destroyed at the end of the turn.
  void retire(ClientConnection& client);
  // Counts and logs a request whose head could not be believed.
  void record_refusal(const ClientConnection& client, Failure failure, std::size_t body_bytes);

 private:
  void on_connection(std::size_t listener, int error);
  void warn_of_protocol(const ClientConnection& client, Failure failure);
  void accept(std::size_t listener);
  void turn_away(ClientConnection& client, Failure failure);
  void resume_accepting();
  void check_done();

  Worker worker_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  // When it was last said, by listener, that clients speak another protocol.
  struct Warned {
    std::optional<Time> of_tls;
    std::optional<Time> of_proxy_protocol;
  };
  std::vector<Warned> warned_;
  AcceptPause pause_;
  std::vector<std::size_t> held_;  // listeners with a client that waits for the end of the pause
  ClientConnection* first_ = nullptr;
  std::function<void()> on_done_;
};

}  // namespace ringside::relay
