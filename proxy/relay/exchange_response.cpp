// The endpoint's answer: its head teaches, then it is forwarded as it comes.
#include <algorithm>

#include "base/limits.h"
#include "relay/client_connection.h"
#include "relay/exchange.h"
#include "relay/exchange_trace.h"
#include "relay/worker.h"

namespace ringside::relay {

// --- the response head: learn, then release ------------------------------------------------------

bool Exchange::on_response_head(const http::ResponseHead& head) {
  if (head.status < 200 && head.status != 101) return on_interim_head(head);
  status_ = static_cast<std::uint16_t>(head.status);
  upstream_keeps_alive_ = head.keep_alive;
  upstream_->disarm();
  if (trace_) trace_->head_us = net::Loop::precise_us();
  if (hold_refusal(head)) return end_ == End::none;
  session_.learn(head, *endpoint_);
  if (recovery_) owner_found(head);
  if (counts_as_placement_) {  // from here on a session that was issued counts itself
    counts_as_placement_ = false;
    endpoint_->load().placements.fetch_sub(1, std::memory_order_relaxed);
  }
  if (head.status == 101) {
    open_tunnel(head);
    return true;
  }
  if (http::is_event_stream(head)) {
    open_stream();
    may_write_comments_ = !http::is_encoded(head);
  }
  write_response_head(head);
  response_state_ = ResponseState::streaming;
  return true;
}

void Exchange::write_response_head(const http::ResponseHead& head) {
  const http::ResponseShape shape = shape_of(head);
  http::ResponseHead outward = head;
  session_.make_outward(outward, *endpoint_, routing_.row, worker_.changed_fields);
  http::write_response_head(worker_.to_client, outward, shape);
}

bool Exchange::on_interim_head(const http::ResponseHead& head) {
  if (++interim_responses_ > kInterimResponsesMax) return false;
  if (head.status == 100) {
    was_continued_ = true;
    body_rate_.restart();
  }
  if (client_is_1_1_) http::write_response_head(worker_.to_client, head, {});
  return true;
}

// The framing towards the client: a length stays, everything else is chunked, or ends with the
// connection for 1.0.
http::ResponseShape Exchange::shape_of(const http::ResponseHead& head) {
  http::ResponseShape shape;
  shape.framing = head.framing;
  shape.websocket = head.status == 101;
  if (shape.websocket) return shape;
  const bool length_is_known = head.framing.kind == http::Framing::Kind::length ||
                               head.framing.kind == http::Framing::Kind::none;
  if (!length_is_known) {
    shape.framing.kind =
        client_is_1_1_ ? http::Framing::Kind::chunked : http::Framing::Kind::until_close;
    client_keeps_alive_ &= client_is_1_1_;
  }
  // a request that is not complete yet may never be: its connection carries no other
  client_keeps_alive_ &= request_complete() && !worker_.draining;
  shape.close = !client_keeps_alive_;
  shape.keep_alive = client_keeps_alive_ && !client_is_1_1_;
  // a length tells of the body that is not sent, which a 204 never has (RFC 9110, 8.6)
  shape.bodiless = (method_ == http::Method::head && head.status != 204) || head.status == 304;
  response_framing_ = shape.framing.kind;
  return shape;
}

void Exchange::open_stream() {
  counts_as_stream_ = true;
  endpoint_->load().streams.fetch_add(1, std::memory_order_relaxed);
  session_.hold_for_stream();
}

// The client owes nothing while it listens, so its deadline is free for this.
void Exchange::await_silence() {
  const bool is_wanted = pool_->pool.options().timeouts.stream_keep_alive.count() != 0;
  if (is_wanted && request_complete() && end_ == End::none) {
    client_.await_silence(pool_->stream_keep_alive);
  }
}

// A comment is no event, and readers drop it; what is between keeps the connection for it.
void Exchange::on_stream_silent() {
  constexpr std::string_view kComment = ": keep-alive\n\n";
  const bool may_write = may_write_comments_ && boundary_.at_boundary() &&
                         !client_.stream().congested() &&
                         response_state_ == ResponseState::streaming &&
                         response_framing_ != http::Framing::Kind::length;
  if (may_write) {
    append_body(kComment);
    send_response();
  }
  await_silence();
}

// --- its body ------------------------------------------------------------------------------------

bool Exchange::on_response_body(std::string_view bytes) {
  response_bytes_ += bytes.size();
  session_.see_body(bytes, *endpoint_);
  if (session_.awaits_first_event()) bytes = session_.pass_first_event(bytes, *endpoint_);
  append_body(bytes);
  if (response_state_ == ResponseState::held) peek(bytes);
  return true;
}

void Exchange::append_body(std::string_view bytes) {
  if (bytes.empty()) return;
  if (counts_as_stream_) boundary_.feed(bytes);
  if (response_framing_ == http::Framing::Kind::chunked) {
    http::write_chunk_size(worker_.to_client, bytes.size());
    worker_.to_client.append(bytes).append(http::kChunkEnd);
  } else {
    worker_.to_client.append(bytes);
  }
}

void Exchange::on_response_trailers(std::span<const http::Field> trailers) {
  if (response_framing_ != http::Framing::Kind::chunked) return;
  http::write_last_chunk(worker_.to_client, trailers);
  response_framing_ = http::Framing::Kind::none;  // the last chunk is written
}

void Exchange::on_response_part() {
  if (response_state_ == ResponseState::streaming) await_answer();
  if (upstream_ && response_state_ == ResponseState::held && recovery_->held.too_large) {
    on_refused(false);  // it need not be read to its end
    return client_.settle();
  }
  if (counts_as_stream_) await_silence();
  send_response();
  client_.settle();
}

void Exchange::send_response() {
  if (worker_.to_client.empty()) return;
  if (response_state_ == ResponseState::held) return hold_response();
  response_has_left_ |= response_state_ != ResponseState::waiting;  // else it is interim
  client_.write(worker_.to_client);
  worker_.to_client.clear();
  if (upstream_ && response_state_ == ResponseState::streaming && client_.stream().congested()) {
    upstream_->stream().stop_reading();
    await_answer();
    if (waits_for_reader()) client_.await_reader();
  }
}

void Exchange::on_client_drained() {
  if (upstream_ && upstream_->connected() && !upstream_ended_) upstream_->stream().start_reading();
  if (response_state_ == ResponseState::streaming) await_answer();
  if (request_complete() || client_.is_paused()) client_.await_more();  // it has read
  if (counts_as_stream_) await_silence();
}

// It may owe the rest of its request, too, which its endpoint does not take: many read on only when
// their answer is read.
bool Exchange::waits_for_reader() const {
  return response_state_ == ResponseState::streaming && client_.stream().congested() &&
         (request_complete() || client_.is_paused());
}

void Exchange::on_response_message_end(bool connection_is_clean) {
  if (response_state_ == ResponseState::waiting)
    return on_response_part();  // a 1xx, and no more yet
  if (session_.awaits_first_event()) append_body(session_.first_event_never_came());
  if (response_framing_ == http::Framing::Kind::chunked)
    http::write_last_chunk(worker_.to_client, {});
  if (response_state_ == ResponseState::held) {
    if (is_refusal()) {
      recovery_->held.is_whole = true;
      on_refused(connection_is_clean);
      return client_.settle();
    }
    release_response();
  }
  response_state_ = ResponseState::complete;
  send_response();
  if (end_ == End::none) {
    end_ = client_keeps_alive_ && request_complete() ? End::keep_alive : End::close;
  }
  release_upstream(connection_is_clean && upstream_keeps_alive_ && request_complete());
  client_.settle();
}

void Exchange::on_response_refused() { on_upstream_lost(Failure::bad_response); }

}  // namespace ringside::relay
