// Events of the socket become events of the user.
#include "relay/upstream_connection.h"

#include "relay/worker.h"

namespace ringside::relay {

UpstreamConnection::UpstreamConnection(Worker& worker, const upstream::Endpoint& endpoint)
    : endpoint_(endpoint),
      user_(nullptr),
      stream_(worker.loop, *this),
      parser_(worker.response_scratch, worker.shared.limits.header_bytes) {
  endpoint_.load().connections.fetch_add(1, std::memory_order_relaxed);
}

UpstreamConnection::~UpstreamConnection() {
  endpoint_.load().connections.fetch_sub(1, std::memory_order_relaxed);
}

int UpstreamConnection::connect(UpstreamUser& user) {
  user_ = &user;
  state_ = State::connecting;
  return stream_.connect(endpoint_.address());
}

void UpstreamConnection::reuse(UpstreamUser& user) {
  user_ = &user;
  state_ = State::in_use;
  reused_ = true;
}

void UpstreamConnection::become_idle(UpstreamPool& pool) {
  pool_ = &pool;
  state_ = State::idle;
}

void UpstreamConnection::abandon() {
  disarm();
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
  if (state_ == State::idle) return pool_->drop(*this);  // nobody asked: not to be trusted again
  if (state_ == State::tunnel) return user_->on_tunnel_bytes(bytes);
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
        return user_->on_response_message_end(bytes.empty());
      case http::Fed::Status::stopped:
        return user_->on_response_refused();
      case http::Fed::Status::fault:
        return user_->on_upstream_lost(Failure::bad_response);
    }
  }
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
