// Events of the socket become events of the user.
#include "relay/upstream_connection.h"

#include "relay/worker.h"

namespace ringside::relay {

UpstreamConnection::UpstreamConnection(Worker& worker, WorkerPool& pool,
                                       const upstream::Endpoint& endpoint)
    : slot_(pool, endpoint),
      user_(nullptr),
      stream_(worker.loop, *this),
      parser_(worker.response_scratch, worker.shared.limits.header_bytes) {}

int UpstreamConnection::connect(UpstreamUser& user, net::DeadlineList& timeout) {
  user_ = &user;
  switch (slot_.ask(*this)) {
    case upstream::Slots::Answer::taken:
      return open(timeout);
    case upstream::Slots::Answer::waits:
      return 0;
    case upstream::Slots::Answer::full:
      break;
  }
  return kQueueFull;
}

int UpstreamConnection::open(net::DeadlineList& timeout) {
  state_ = State::connecting;
  const int error = stream_.connect(endpoint().address());
  if (error == 0) timeout.arm(*this);
  return error;
}

void UpstreamConnection::on_slot(net::DeadlineList& timeout) {
  disarm();
  slot_.granted();
  if (const int error = open(timeout); error != 0) user_->on_connect_failed(error);
}

void UpstreamConnection::on_connection(std::unique_ptr<UpstreamConnection> connection) {
  UpstreamUser* const user = user_;
  slot_.superseded();
  abandon();
  user->on_upstream_given(std::move(connection));
}

void UpstreamConnection::reuse(UpstreamUser& user) {
  user_ = &user;
  state_ = State::in_use;
  reused_ = true;
  const auto now = stream_.loop().poll();
  awaits_event_ = poll_ != now;
  poll_ = now;
}

// An event of the poll in which this connection was taken: it was there before the request was
// sent, so it is no answer to it. Unless it is the same event again, as libuv reads on when a read
// has filled the buffer.
bool UpstreamConnection::spoke_before_it_was_asked() {
  const auto now = stream_.loop().poll();
  const bool is_same = awaits_event_ && now && poll_ == now;
  awaits_event_ = false;
  poll_ = now;
  return is_same;
}

void UpstreamConnection::become_idle(UpstreamPool& pool) {
  pool_ = &pool;
  state_ = State::idle;
}

void UpstreamConnection::abandon() {
  disarm();
  slot_.give_back();  // now: who asks in this turn still is not to wait for the next
  state_ = State::abandoned;
}

void UpstreamConnection::on_deadline() {
  if (state_ == State::idle) {
    pool_->drop(*this);
  } else if (state_ != State::abandoned) {
    user_->on_upstream_deadline();
  }
}

void UpstreamConnection::on_connected() {
  if (state_ != State::connecting) return;
  state_ = State::in_use;
  stream_.start_reading();
  user_->on_upstream_connected();
}

void UpstreamConnection::on_connect_failed(int error) {
  if (state_ == State::connecting) user_->on_connect_failed(error);
}

void UpstreamConnection::on_data(std::string_view bytes) {
  if (state_ == State::idle) {  // nobody asked: not to be trusted again
    slot_.count_unasked();
    return pool_->drop(*this);
  }
  if (state_ == State::tunnel) return user_->on_tunnel_bytes(bytes);
  if (spoke_before_it_was_asked()) return said_too_much();
  while (state_ == State::in_use) {
    const http::Fed fed = parser_.feed(bytes, *user_);
    bytes.remove_prefix(fed.consumed);
    switch (fed.status) {
      case http::Fed::Status::more:
        return user_->on_response_part();
      case http::Fed::Status::complete:
        if (user_->opens_tunnel()) {
          state_ = State::tunnel;
          return user_->on_tunnel_open(bytes);
        }
        if (user_->awaits_final_response() && !bytes.empty()) continue;  // that was a 1xx
        if (!bytes.empty()) return said_too_much();
        return user_->on_response_message_end(true);
      case http::Fed::Status::stopped:
        return user_->on_response_refused();
      case http::Fed::Status::fault:
        return user_->on_upstream_lost(Failure::bad_response);
    }
  }
}

// A second response, or anything else that no request has asked for: who says too much is not
// believed in the rest.
void UpstreamConnection::said_too_much() {
  slot_.count_unasked();
  user_->on_upstream_lost(Failure::bad_response);
}

void UpstreamConnection::on_end() {
  if (state_ == State::idle) return pool_->drop(*this);
  if (state_ == State::tunnel) return user_->on_tunnel_end();
  if (state_ != State::in_use) return;
  if (parser_.finish()) {
    user_->on_response_message_end(false);
  } else {
    user_->on_upstream_lost(Failure::connection_lost);
  }
}

void UpstreamConnection::on_broken(int) {
  if (state_ == State::idle) return pool_->drop(*this);
  if (state_ == State::in_use || state_ == State::tunnel) {
    user_->on_upstream_lost(Failure::connection_lost);
  }
}

void UpstreamConnection::on_drained() {
  if (state_ == State::in_use || state_ == State::tunnel) user_->on_upstream_drained();
}

void UpstreamConnection::on_flushed() {
  if (state_ == State::tunnel) user_->on_upstream_drained();
}

}  // namespace ringside::relay
