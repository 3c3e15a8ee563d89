// Bytes from the client become requests, one exchange after the other.
#include "relay/client_connection.h"

#include <algorithm>
#include <cassert>

#include "base/limits.h"
#include "observe/families.h"
#include "relay/server.h"
#include "relay/worker.h"

namespace ringside::relay {

namespace family = observe::family;

ClientConnection::ClientConnection(Server& server, Worker& worker, std::size_t listener)
    : server_(server),
      worker_(worker),
      stream_(worker.loop, *this),
      parser_(worker.request_scratch, worker.shared.limits.header_bytes),
      listener_(static_cast<std::uint16_t>(listener)) {
  worker.shared.client_sockets.fetch_add(1);
}

ClientConnection::~ClientConnection() {
  if (is_surplus) worker_.shared.all_surplus.fetch_sub(1);
  worker_.shared.client_sockets.fetch_sub(1);  // its descriptor is free only now
}

bool ClientConnection::join_peers() {
  const std::uint32_t most = worker_.shared.limits.connections_per_client;
  if (most == 0 || peer_is_trusted_ || peer_.empty()) return true;
  is_counted_ = worker_.shared.peers.enter(peer_, most);
  return is_counted_;
}

bool ClientConnection::at_last_request() const {
  const std::uint32_t most = worker_.shared.limits.requests_per_connection;
  return most != 0 && requests_ >= most;
}

void ClientConnection::start() {
  peer_ = stream_.peer();
  peer_text_ = peer_.host_text();
  const auto& trusted = worker_.shared.listeners[listener_].trusted_proxies;
  peer_is_trusted_ = std::any_of(trusted.begin(), trusted.end(),
                                 [&](const Cidr& range) { return range.contains(peer_); });
  // a client that says nothing has the time of a head, not that of an idle connection
  worker_.listeners[listener_].request_head.arm(*this);
  stream_.start_reading();
}

void ClientConnection::write(std::string_view bytes) {
  if (state_ == State::open && stream_.write(bytes) == net::Stream::Written::broken) {
    if (exchange_) exchange_->on_client_gone();
  }
}

void ClientConnection::pause(Pause reason) {
  if (pauses_ == 0) stream_.stop_reading();
  pauses_ |= static_cast<std::uint8_t>(reason);
}

void ClientConnection::resume(Pause reason) {
  if (pauses_ == 0) return;
  pauses_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
  if (pauses_ != 0 || state_ == State::closed) return;
  if (exchange_) exchange_->on_client_resumed();
  stream_.start_reading();
  await_more();
}

void ClientConnection::on_data(std::string_view bytes) {
  if (state_ != State::open) return;  // lingering: dropped
  if (exchange_ && exchange_->request_complete()) {
    if (!exchange_->is_tunnel()) return keep_for_later(bytes);
    exchange_->on_client_bytes(bytes);
    return settle();
  }
  consume(bytes);
  settle();
}

// Parses requests as long as each exchange has taken its whole request and ended.
void ClientConnection::consume(std::string_view bytes) {
  consuming_ = true;
  while (!bytes.empty() && state_ == State::open) {
    if (exchange_ && exchange_->request_complete()) {
      keep_for_later(bytes);
      break;
    }
    if (owes_reading()) {
      keep_for_later(bytes);
      pause(Pause::answers_unread);
      break;
    }
    if (worker_.shared.access_log != nullptr && !exchange_ && !parser_.inside_head()) {
      head_started_us_ = net::Loop::precise_us();
    }
    const http::Fed fed = parser_.feed(bytes, *this);
    bytes.remove_prefix(std::min(fed.consumed, bytes.size()));
    if (fed.status == http::Fed::Status::complete) {
      exchange_->on_request_complete();
      disarm();
    } else if (fed.status == http::Fed::Status::more) {
      if (exchange_) exchange_->on_request_part();
    } else if (fed.status == http::Fed::Status::fault) {
      const Failure failure = failure_of(parser_.fault());
      if (exchange_) {
        exchange_->on_request_fault(failure);
      } else {
        refuse(failure);
      }
      bytes = {};
    } else {
      bytes = {};  // the exchange has said no and knows how it ends
    }
    if (exchange_ && exchange_->end() != Exchange::End::none) {
      consuming_ = false;
      settle();
      consuming_ = true;
    }
  }
  consuming_ = false;
  await_more();
}

// Between two requests. Answers would pile up that it need not even wait for: those of the proxy.
bool ClientConnection::owes_reading() const {
  return !exchange_ && !parser_.inside_head() && stream_.congested();
}

void ClientConnection::keep_for_later(std::string_view bytes) {
  if (!backlog_) backlog_ = std::make_unique<std::string>();
  backlog_->append(bytes);
  if (backlog_->size() < worker_.shared.limits.pipeline_bytes) return;
  worker_.metrics.count_listener(family::kPipelinePauses, listener_);
  pause(Pause::pipeline_full);
  if (!armed()) await_more();
}

std::unique_ptr<std::string> ClientConnection::take_backlog() {
  std::unique_ptr<std::string> waiting = std::move(backlog_);
  resume(Pause::pipeline_full);
  return waiting;
}

ClientConnection::Owes ClientConnection::owed() const {
  if (exchange_) {
    if (exchange_->waits_for_reader()) return Owes::reading;
    if (is_paused()) return exchange_->is_tunnel() ? Owes::nothing : Owes::presence;
    return exchange_->request_complete() ? Owes::nothing : Owes::body;
  }
  if (parser_.inside_head()) return Owes::rest_of_head;
  return stream_.queued_bytes() > 0 ? Owes::reading : Owes::request;
}

// A client gains no time by a part of a head, by the empty lines that may precede one, nor by
// anything that it sends while it owes reading.
void ClientConnection::await_more() {
  if (state_ != State::open) return;
  const Owes owes = owed();
  const bool has_read = owes == Owes::reading && stream_.queued_bytes() < unread_bytes_;
  const bool gains_time = owes == Owes::body || has_read;
  if (armed() && owes == owes_ && !gains_time) return;
  owes_ = owes;
  switch (owes) {
    case Owes::nothing:
      return disarm();
    case Owes::request:
      return worker_.listeners[listener_].keep_alive.arm(*this);
    case Owes::rest_of_head:
      return worker_.listeners[listener_].request_head.arm(*this);
    case Owes::body:
      return await_body();
    case Owes::reading:
      return await_reader();
    case Owes::presence:
      return worker_.presence.arm(*this);
  }
}

void ClientConnection::await_body() { worker_.listeners[listener_].request_body.arm(*this); }

void ClientConnection::await_silence(net::DeadlineList& time) {
  owes_ = Owes::nothing;
  time.arm(*this);
}

// As long as some of what is queued is read now and then, there is time.
void ClientConnection::await_reader() {
  owes_ = Owes::reading;
  unread_bytes_ = stream_.queued_bytes();
  worker_.listeners[listener_].unread.arm(*this);
}

void ClientConnection::on_flushed() {
  if (state_ == State::lingering) {
    if (peer_ended_) return close();
    worker_.linger.arm(*this);
  } else if (!exchange_) {
    await_more();
  }
}

bool ClientConnection::on_request_head(const http::RequestHead& head) {
  exchange_.emplace(*this, worker_);
  owes_ = Owes::nothing;
  ++requests_;
  if (at_last_request()) {
    worker_.metrics.count_listener(family::kConnectionsUsedUp, listener_);
  }
  return exchange_->on_request_head(head);
}

bool ClientConnection::on_request_body(std::string_view bytes) {
  return exchange_->on_request_body(bytes);
}

void ClientConnection::on_request_trailers(std::span<const http::Field> trailers) {
  exchange_->on_request_trailers(trailers);
}

// A request that never became an exchange: its head cannot be believed.
void ClientConnection::refuse(Failure failure) {
  worker_.to_client.clear();
  const std::size_t body_bytes = write_failure(worker_.to_client, failure, {});
  write(worker_.to_client);
  worker_.to_client.clear();
  server_.record_refusal(*this, failure, body_bytes);
  linger();
}

void ClientConnection::settle() {
  // What is left there would reach the next client. Nothing is, say all tests; should something be,
  // this client misses it and no other gets it.
  assert(worker_.to_client.empty());
  assert(consuming_ || worker_.to_upstream.empty());
  worker_.to_client.clear();
  if (!consuming_) worker_.to_upstream.clear();
  if (consuming_ || !exchange_ || exchange_->end() == Exchange::End::none) return;
  const Exchange::End end = exchange_->end();
  exchange_.reset();
  switch (end) {
    case Exchange::End::none:
      return;
    case Exchange::End::reset:
      stream_.reset();
      return close();
    case Exchange::End::cut:
    case Exchange::End::close:
      return linger();
    case Exchange::End::keep_alive:
      break;
  }
  if (worker_.draining) return linger();
  resume(Pause::upstream_full);
  if (const auto waiting = take_backlog()) {
    consume(*waiting);
  } else {
    await_more();
  }
}

void ClientConnection::on_end() {
  peer_ended_ = true;
  if (exchange_) {
    exchange_->on_client_end();
    settle();
  } else if (state_ == State::lingering) {
    if (stream_.queued_bytes() == 0) close();
  } else {
    linger();
  }
}

void ClientConnection::on_broken(int) {
  if (state_ == State::closed) return;
  if (exchange_) exchange_->on_client_gone();
  exchange_.reset();
  close();
}

void ClientConnection::on_drained() {
  if (exchange_) exchange_->on_client_drained();
  resume(Pause::answers_unread);
  if (!exchange_ && backlog_ && state_ == State::open) {
    consume(*take_backlog());
    settle();
  }
  if (stream_.queued_bytes() == 0) on_flushed();
}

void ClientConnection::on_deadline() {
  if (state_ == State::closed) return;
  // of a client that is not read from, nobody tells that it has gone
  if (is_paused() && stream_.peer_has_ended()) return on_end();
  const std::size_t unread = stream_.queued_bytes();
  const bool waits_for_reader =
      exchange_ ? exchange_->waits_for_reader() : owes_ == Owes::reading && unread > 0;
  if (waits_for_reader && unread < unread_bytes_) return await_reader();
  if (state_ == State::lingering) return close();
  if (exchange_ && waits_for_reader) {
    exchange_->on_request_fault(Failure::reader_timeout);
    return settle();
  }
  if (owes_ == Owes::presence) return worker_.presence.arm(*this);
  if (exchange_ && exchange_->is_streaming_events() && exchange_->request_complete()) {
    exchange_->on_stream_silent();
    settle();
  } else if (exchange_) {
    exchange_->on_request_timeout();
    settle();
  } else if (parser_.inside_head()) {
    refuse(Failure::head_timeout);
  } else {
    close();
  }
}

// Closing at once would turn unread bytes into a reset, which can destroy the response on its way
// to the client.
void ClientConnection::linger() {
  if (state_ != State::open) return;
  if (peer_ended_ && stream_.queued_bytes() == 0) return close();
  state_ = State::lingering;
  backlog_.reset();
  pauses_ = 0;
  stream_.start_reading();
  stream_.finish_writing();
  if (stream_.queued_bytes() > 0) {
    await_reader();
  } else {
    worker_.linger.arm(*this);
  }
}

void ClientConnection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  if (is_counted_) worker_.shared.peers.leave(peer_);
  disarm();
  server_.retire(*this);
}

void ClientConnection::drain() {
  if (exchange_ || parser_.inside_head()) return;
  if (stream_.queued_bytes() > 0) return linger();
  close();
}

void ClientConnection::cut_off() {
  if (exchange_) exchange_->cut_off();
  const bool is_whole = exchange_ && exchange_->end() == Exchange::End::close;
  exchange_.reset();
  if (is_whole) stream_.finish_writing();  // what is queued goes out, as far as the kernel takes it
  close();
}

}  // namespace ringside::relay
