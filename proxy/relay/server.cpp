// Accepting, keeping the list of clients, draining it.
#include "relay/server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "observe/families.h"

namespace ringside::relay {

namespace family = observe::family;

namespace {
// A client that speaks the wrong protocol speaks it again and again.
constexpr milliseconds kWarnEvery = std::chrono::seconds(10);
// Clients that were turned away and have not gone yet.
constexpr std::uint64_t kSurplusMax = 64;
}  // namespace

Server::Server(net::Loop& loop, Shared& shared, const std::vector<net::Bound>& bound)
    : worker_(loop, shared),
      warned_(bound.size()),
      pause_(worker_, [this] { resume_accepting(); }) {
  for (std::size_t i = 0; i < bound.size(); ++i) {
    listeners_.push_back(std::make_unique<net::Listener>(
        loop, bound[i], [this, i](int error) { on_connection(i, error); }));
  }
}

Server::~Server() { worker_.loop.bury(); }

void Server::on_connection(std::size_t listener, int error) {
  if (error == EMFILE || error == ENFILE) return pause_.begin();
  if (error != 0) {
    worker_.metrics.count_listener(family::kConnectionsRefused, listener);
    worker_.shared.log.warn(
        "a connection could not be accepted",
        {{"listener", worker_.shared.listeners[listener].name}, {"error", std::strerror(error)}});
    return;
  }
  if (pause_.paused()) {
    held_.push_back(listener);  // the listener is silent until this one is accepted
  } else {
    accept(listener);
  }
}

void Server::resume_accepting() {
  for (const std::size_t listener : std::exchange(held_, {})) on_connection(listener, 0);
}

void Server::accept(std::size_t listener) {
  auto client = std::make_unique<ClientConnection>(*this, worker_, listener);
  if (!listeners_[listener]->accept(client->stream())) return;
  worker_.metrics.count_listener(family::kConnectionsTotal, listener);
  const std::uint32_t most = worker_.shared.limits.connections;
  worker_.shared.connections[listener].fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t open = worker_.shared.all_connections.fetch_add(1) + 1;
  ClientConnection& accepted = *client.release();  // in the list from here on; retire() deletes it
  accepted.next = first_;
  if (first_ != nullptr) first_->previous = &accepted;
  first_ = &accepted;
  accepted.start();
  if (most != 0 && open > most) {
    turn_away(accepted, Failure::too_many_connections);
  } else if (!accepted.join_peers()) {
    turn_away(accepted, Failure::too_many_connections_of_client);
  }
  pause_.look();
}

// It is told why, and lingers until it has heard; but it takes nobody else's place meanwhile, and
// of many only some are so lucky.
void Server::turn_away(ClientConnection& client, Failure failure) {
  worker_.metrics.count_listener(family::kConnectionsRefused, client.listener());
  Shared& shared = worker_.shared;
  shared.all_connections.fetch_sub(1);
  client.is_surplus = true;
  const std::uint64_t surplus = shared.all_surplus.fetch_add(1) + std::uint64_t{1};
  client.refuse(failure);
  if (surplus > std::min(kSurplusMax, 1 + shared.sockets_max / 8)) client.cut_off();
}

void Server::retire(ClientConnection& client) {
  (client.previous != nullptr ? client.previous->next : first_) = client.next;
  if (client.next != nullptr) client.next->previous = client.previous;
  worker_.shared.connections[client.listener()].fetch_sub(1, std::memory_order_relaxed);
  if (!client.is_surplus) worker_.shared.all_connections.fetch_sub(1);
  worker_.loop.retire(std::unique_ptr<net::Retirable>(&client));
  check_done();
}

void Server::record_refusal(const ClientConnection& client, Failure failure,
                            std::size_t body_bytes) {
  const FailureRow& row = row_of(failure);
  if (failure == Failure::tls_hello || failure == Failure::proxy_protocol) {
    warn_of_protocol(client, failure);
  }
  worker_.metrics.count({.listener = client.listener(),
                         .pool = nullptr,
                         .endpoint = nullptr,
                         .picked_by = observe::PickedBy::none,
                         .status = row.status,
                         .failure = failure});
  worker_.metrics.count_bodies(client.listener(), 0, body_bytes);
  if (worker_.shared.access_log == nullptr) return;
  observe::ExchangeRecord record;
  record.listener = worker_.shared.listeners[client.listener()].name;
  record.client = client.peer();
  record.method = "-";
  record.path = "-";
  record.status = row.status;
  record.response_bytes = body_bytes;
  record.error_side = row.side;
  record.error = row.word;
  worker_.shared.access_log->write(record);
}

// Whoever looks for the fault looks at the other side first, so the log names it.
void Server::warn_of_protocol(const ClientConnection& client, Failure failure) {
  Warned& warned = warned_[client.listener()];
  std::optional<Time>& last =
      failure == Failure::tls_hello ? warned.of_tls : warned.of_proxy_protocol;
  const Time now = worker_.loop.now();
  if (last && now - *last < kWarnEvery) return;
  last = now;
  const ListenerOptions& listener = worker_.shared.listeners[client.listener()];
  worker_.shared.log.warn(failure == Failure::tls_hello
                              ? "a TLS hello on the plain port of a listener"
                              : "a PROXY protocol header on a listener that takes none",
                          {{"listener", listener.name},
                           {"bind", listener.bind.text()},
                           {"client", client.peer().text()}});
}

void Server::drain(std::function<void()> on_done) {
  on_done_ = std::move(on_done);
  worker_.draining = true;
  listeners_.clear();
  held_.clear();
  pause_.end();
  for (ClientConnection* client = first_; client != nullptr;) {
    ClientConnection* next = client->next;
    client->drain();
    client = next;
  }
  check_done();
}

void Server::cut_off() {
  while (first_ != nullptr) first_->cut_off();
}

void Server::check_done() {
  if (!on_done_ || first_ != nullptr) return;
  for (WorkerPool& pool : worker_.pools) pool.idle.close_all();
  const auto done = std::move(on_done_);
  on_done_ = nullptr;
  done();
}

}  // namespace ringside::relay
