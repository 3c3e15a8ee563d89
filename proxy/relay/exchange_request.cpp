// The request on its way: choose the endpoint, connect, forward.
#include <algorithm>
#include <cerrno>

#include "base/limits.h"
#include "observe/families.h"
#include "relay/client_connection.h"
#include "relay/exchange.h"
#include "relay/exchange_trace.h"
#include "relay/worker.h"

namespace ringside::relay {

namespace connect_result = observe::connect_result;

// --- choose the endpoint and connect -------------------------------------------------------------

// Ends with a connection (open, under way, or waiting for its turn) or with a failure.
void Exchange::attach() {
  for (;;) {
    const upstream::Endpoint* endpoint = pool_->pool.pick(routing_, worker_.random, tried_);
    if (endpoint == nullptr) return nobody_left();
    choose(*endpoint);
    if ((upstream_ = pool_->idle.take(endpoint->id()))) {
      upstream_->reuse(*this);
      upstream_->expect_response_to(method_, asks_websocket_);
      return;
    }
    upstream_ = std::make_unique<UpstreamConnection>(worker_, *pool_, *endpoint);
    upstream_->expect_response_to(method_, asks_websocket_);
    const int error = upstream_->connect(*this, pool_->connect);
    const bool is_full = error == UpstreamConnection::kQueueFull ||
                         (upstream_->waits() && is_asking() && recovery_->has_waited);
    if (is_full) {
      if (!is_asking()) return fail(Failure::queue_full);
      leave_out();
      continue;
    }
    if (error == 0) return;
    // no descriptor, no route: said at once, but like any other failed connect
    worker_.metrics.count_connect(pool_->pool, *endpoint, connect_result::kError);
    release_upstream(false);
    if (!may_go_elsewhere(Failure::owner_silent)) return;
  }
}

void Exchange::nobody_left() { is_asking() ? conclude_search() : fail(Failure::no_endpoint); }

void Exchange::choose(const upstream::Endpoint& endpoint) {
  endpoint_ = &endpoint;
  endpoint.load().requests.fetch_add(1, std::memory_order_relaxed);
  counts_as_request_ = true;
  if (!recovery_ || !recovery_->leads) pool_->earned.add_one(pool_->pool.searches().budget());
  if (routing_.row == Row::placed) {
    endpoint.load().placements.fetch_add(1, std::memory_order_relaxed);
    counts_as_placement_ = true;
  }
}

void Exchange::on_upstream_connected() {
  upstream_->disarm();
  if (endpoint_->refusal().refusing()) endpoint_->refusal().broken();
  worker_.metrics.count_connect(pool_->pool, *endpoint_, connect_result::kOk);
  if (trace_) trace_->connected_us = net::Loop::precise_us();
  send_unsent();
  client_.settle();
}

// Another request has ended on this connection: it took the place of the one that waited.
void Exchange::on_upstream_given(std::unique_ptr<UpstreamConnection> connection) {
  worker_.loop.retire(std::exchange(upstream_, std::move(connection)));
  upstream_->reuse(*this);
  upstream_->expect_response_to(method_, asks_websocket_);
  if (trace_) trace_->connected_us = net::Loop::precise_us();
  send_unsent();
  client_.settle();
}

void Exchange::on_connect_failed(int error) {
  if (error == ECONNREFUSED) {
    endpoint_->refusal().refused(worker_.loop.now());
    worker_.shared.on_refusal();
    connect_failed(Failure::owner_refused, connect_result::kRefused);
  } else {
    endpoint_->refusal().broken();
    connect_failed(Failure::owner_silent, connect_result::kError);
  }
  client_.settle();
}

void Exchange::connect_timed_out() {
  endpoint_->refusal().broken();  // silence proves nothing
  connect_failed(Failure::owner_silent, connect_result::kTimeout);
}

// Nothing of the request was sent, so another endpoint may have it, unless the session belongs to
// this one.
void Exchange::connect_failed(Failure failure, std::string_view result) {
  worker_.metrics.count_connect(pool_->pool, *endpoint_, result);
  release_upstream(false);
  if (!may_go_elsewhere(failure)) return;
  attach();
  if (upstream_ && upstream_->connected()) send_unsent();
}

// In the line of an endpoint's connections. A search asks the others, and waits for no other.
void Exchange::waited_too_long() {
  if (!is_asking()) return fail(Failure::queue_timeout);
  recovery_->has_waited = true;
  leave_out();
  attach();
  if (upstream_ && upstream_->connected()) send_unsent();
}

// False when what becomes of the request has been decided.
bool Exchange::may_go_elsewhere(Failure failure) {
  if (routing_.row == Row::bound && !session_.is_handle()) {
    owner_is_unreachable(failure);
    return false;
  }
  if (routing_.row == Row::bound) {
    session_.leave_handle();
    routing_.row = Row::handle;
  }
  if (routing_.row == Row::cookie) routing_.row = Row::placed;
  pass_over();
  tried_.push_back(endpoint_->id());
  return true;
}

// What waited for a connection goes out on it.
void Exchange::send_unsent() {
  if (unsent_) {
    worker_.to_upstream.swap(*unsent_);
    unsent_.reset();
  }
  transmit();
  if (!upstream_ || !upstream_->connected()) return;
  if (!upstream_->stream().congested()) client_.resume(Pause::upstream_full);
  if (request_complete()) await_answer();
}

// --- forward the request -------------------------------------------------------------------------

bool Exchange::on_request_body(std::string_view bytes) {
  request_bytes_ += bytes.size();
  request_left_ -= std::min<std::uint64_t>(request_left_, bytes.size());
  if (response_state_ == ResponseState::complete) return true;  // answered already: dropped
  const std::uint64_t body_max = worker_.shared.limits.body_bytes;
  if (body_max != 0 && request_bytes_ > body_max) {
    client_keeps_alive_ = false;
    fail(Failure::body_too_large);
    return false;
  }
  if (recovery_ && recovery_->reads_body && !recovery_->too_large) recovery_->body.append(bytes);
  if (request_framing_ == http::Framing::Kind::chunked) {
    http::write_chunk_size(worker_.to_upstream, bytes.size());
    worker_.to_upstream.append(bytes).append(http::kChunkEnd);
  } else {
    worker_.to_upstream.append(bytes);
  }
  return true;
}

void Exchange::on_request_trailers(std::span<const http::Field> trailers) {
  if (response_state_ == ResponseState::complete) return;
  http::write_last_chunk(worker_.to_upstream, trailers, pool_->pool.routing_fields());
  request_framing_ = http::Framing::Kind::none;  // the last chunk is written
}

void Exchange::on_request_part() {
  if (body_rate_.too_slow(worker_.loop.now(), request_bytes_, worker_.shared.limits.body_rate)) {
    return on_request_fault(Failure::body_too_slow);
  }
  send_request();
}

void Exchange::on_request_complete() {
  request_state_ = RequestState::complete;
  if (response_state_ == ResponseState::complete) {  // answered by the proxy before its end
    worker_.to_upstream.clear();
    if (end_ == End::none) end_ = End::keep_alive;
    return;
  }
  if (request_framing_ == http::Framing::Kind::chunked) {
    http::write_last_chunk(worker_.to_upstream, {});
  }
  send_request();
  if (recovery_ && recovery_->state == Recovery::State::collecting && end_ == End::none) {
    return decide_revival();
  }
  await_answer();
}

// What was parsed goes out, and is kept where it may have to go out again.
void Exchange::send_request() {
  if (recovery_ && !keep_request()) return;
  transmit();
}

// Hands over to the connection, or keeps until there is one.
void Exchange::transmit() {
  while (!worker_.to_upstream.empty()) {
    if (!upstream_ || upstream_takes_no_more_) break;
    if (!upstream_->connected()) {
      if (!unsent_) unsent_ = std::make_unique<std::string>();
      unsent_->append(worker_.to_upstream);
      if (unsent_->size() >= kRelayWatermarks.high_bytes) client_.pause(Pause::upstream_full);
      break;
    }
    if (upstream_->stream().write(worker_.to_upstream) != net::Stream::Written::broken) {
      bytes_were_sent_ = true;
      if (upstream_->stream().congested() && !request_complete()) {
        client_.pause(Pause::upstream_full);
        client_.await_more();
        await_answer();
      }
      break;
    }
    if (bytes_were_sent_ || !upstream_->reused()) {
      // it may have answered before it closed: reading tells
      upstream_takes_no_more_ = true;
      break;
    }
    release_upstream(false);
    attach();  // the endpoint closed an idle connection under us, and nothing was sent: again
  }
  worker_.to_upstream.clear();
}

// Arms the time that the endpoint has for what it owes now.
void Exchange::await_answer() {
  if (!upstream_ || !upstream_->connected()) return;
  const bool must_read_on = !request_complete() && upstream_->stream().congested();
  if (response_state_ == ResponseState::waiting) {
    if (must_read_on) return pool_->response_head.arm(*upstream_);
    if (!request_complete()) return upstream_->disarm();
    if (recovery_ && recovery_->leads) return pool_->search_silence.arm(*upstream_);
    // a stream may have nothing to say for long, and some servers send no head before the first
    // event
    accepts_stream_ ? upstream_->disarm() : pool_->response_head.arm(*upstream_);
  } else if (response_state_ == ResponseState::streaming) {
    if (client_.stream().congested()) return upstream_->disarm();  // it is the client that is slow
    (must_read_on ? pool_->response_head : pool_->stream_idle).arm(*upstream_);
  }
}

void Exchange::on_upstream_drained() {
  if (is_tunnel()) end_half_tunnel();
  if (!request_complete() || response_state_ == ResponseState::streaming) await_answer();
  client_.resume(Pause::upstream_full);
  client_.settle();
}

}  // namespace ringside::relay
