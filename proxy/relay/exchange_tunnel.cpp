// The part of an exchange that begins with a 101: bytes of another protocol, both ways, as they
// come.
//
// Bounds   As of bodies: what one side does not take stops the reading from the other. A tunnel
//          without a byte for PoolTimeouts::tunnel ends; so does one of which one side has ended,
//          after a minute.
// Source   RFC 9110, 7.8; RFC 6455, 4.
#include "observe/families.h"
#include "relay/client_connection.h"
#include "relay/exchange.h"
#include "relay/worker.h"

namespace ringside::relay {

// The head is written here, and leaves when it has been parsed: on_tunnel_open().
void Exchange::open_tunnel(const http::ResponseHead& head) {
  counts_as_tunnel_ = true;
  endpoint_->load().tunnels.fetch_add(1, std::memory_order_relaxed);
  worker_.metrics.count_endpoint(observe::family::kTunnelsTotal, pool_->pool, *endpoint_);
  session_.hold_for_stream();
  write_response_head(head);
  response_state_ = ResponseState::tunnel;
}

// What the client sent behind its request was not for a parser after all.
void Exchange::on_tunnel_open(std::string_view bytes) {
  response_bytes_ += bytes.size();
  worker_.to_client.append(bytes);
  client_.write(worker_.to_client);
  worker_.to_client.clear();
  const auto waiting = client_.take_backlog();
  await_tunnel();
  if (waiting) on_client_bytes(*waiting);
  client_.settle();
}

// A side that has ended for good without the other noticing must not hold the tunnel for long.
void Exchange::await_tunnel() {
  if (end_ != End::none) return;
  const milliseconds whole = pool_->pool.options().timeouts.tunnel;
  const milliseconds half = worker_.shared.listeners[client_.listener()].timeouts.response_read;
  const bool is_half = client_ended_ || upstream_ended_;
  const bool by_half = is_half && (whole.count() == 0 || half < whole);
  (by_half ? worker_.listeners[client_.listener()].unread : pool_->tunnel).arm(*upstream_);
}

void Exchange::on_tunnel_bytes(std::string_view bytes) {
  response_bytes_ += bytes.size();
  await_tunnel();
  client_.write(bytes);
  if (end_ == End::none && client_.stream().congested()) upstream_->stream().stop_reading();
  client_.settle();
}

void Exchange::on_client_bytes(std::string_view bytes) {
  if (end_ != End::none || upstream_takes_no_more_) return;
  request_bytes_ += bytes.size();
  await_tunnel();
  if (upstream_->stream().write(bytes) == net::Stream::Written::broken) {
    // it may have spoken before it closed: reading tells, unless it has ended
    upstream_takes_no_more_ = true;
    if (upstream_ended_) end_tunnel(Failure::none);
  } else if (upstream_->stream().congested()) {
    client_.pause(Pause::upstream_full);
  }
}

// An end that comes twice is that of a write which failed.
void Exchange::on_tunnel_end() {
  if (upstream_ended_) {
    end_tunnel(Failure::none);
  } else {
    upstream_ended_ = true;
    client_.stream().finish_writing();
    await_tunnel();
    end_half_tunnel();
  }
  client_.settle();
}

void Exchange::on_client_end() {
  if (!is_tunnel() || client_ended_) return on_client_gone();
  if (end_ != End::none) return;
  client_ended_ = true;
  upstream_->stream().finish_writing();
  await_tunnel();
  end_half_tunnel();
}

// Both have ended, and the endpoint has taken all; the client is given time for the rest after the
// exchange.
void Exchange::end_half_tunnel() {
  if (!client_ended_ || !upstream_ended_ || end_ != End::none) return;
  if (upstream_->stream().queued_bytes() == 0) end_tunnel(Failure::none);
}

void Exchange::end_tunnel(Failure failure) {
  if (end_ != End::none) return;
  const bool was_over = upstream_ended_ && failure == Failure::client_left;
  if (!was_over) failure_ = failure;
  end_ = End::cut;
  release_upstream(false);
}

}  // namespace ringside::relay
