// The life of a request: identified and routed here, then exchange_request.cpp and
// exchange_response.cpp; and how it ends.
#include "relay/exchange.h"

#include <algorithm>

#include "base/limits.h"
#include "relay/client_connection.h"
#include "relay/exchange_trace.h"
#include "relay/lookalikes.h"
#include "relay/worker.h"
#include "session/client_identity.h"

namespace ringside::relay {
namespace {

// A request body that the proxy answers without forwarding is read to its end only when it is this
// short.
constexpr std::uint64_t kDiscardBytes = 64 * kKiB;

struct Accepted {
  bool json = true;
  bool event_stream = false;  // of a GET
};

Accepted accepted_by(const http::RequestHead& head) {
  bool is_said = false;
  Accepted accepted{.json = false};
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::accept || field.value.empty()) continue;
    is_said = true;
    accepted.json = accepted.json || http::accepts_json(field.value);
    accepted.event_stream |=
        head.method == http::Method::get && http::names_event_stream(field.value);
  }
  return is_said ? accepted : Accepted{};
}

}  // namespace

Exchange::Exchange(ClientConnection& client, Worker& worker)
    : client_(client), worker_(worker), session_(worker) {}

Exchange::~Exchange() {
  leave_recovery();
  release_upstream(false);
  drop_unsent();
  record();
}

// All exchanges of the loop share these buffers, which are empty between two events.
void Exchange::drop_unsent() {
  worker_.to_upstream.clear();
  worker_.to_client.clear();
}

// --- identify and route --------------------------------------------------------------------------

bool Exchange::on_request_head(const http::RequestHead& head) {
  method_ = head.method;
  client_is_1_1_ = head.version_minor > 0;
  client_keeps_alive_ = head.keep_alive && !client_.at_last_request();
  expects_continue_ = head.expects_continue;
  request_framing_ = head.framing.kind;
  request_left_ = head.framing.length;
  const Accepted accepted = accepted_by(head);
  accepts_stream_ = accepted.event_stream;
  refuses_json_ = !accepted.json;
  const auto& trusted = worker_.shared.listeners[client_.listener()].trusted_proxies;
  const Address client = session::client_address(client_.peer(), head, trusted);
  if (worker_.shared.access_log != nullptr) {
    trace_ = std::make_unique<Trace>();
    trace_->client = client;
    trace_->method = head.method_text;
    trace_->path = head.path();
    trace_->started_us = client_.head_started_us();
  }

  if (ends_here(head)) return end_ == End::none;
  const Failure failure = route(head, client);
  if (trace_) trace_->routed_us = net::Loop::precise_us();
  if (failure != Failure::none) {
    fail(failure);
    return end_ == End::none;
  }
  asks_websocket_ = head.asks_websocket && pool_->pool.options().websocket;
  write_request_head(head);
  if (session_.may_be_sent_again() || records_handshake()) {
    begin_recovery();
  } else {
    attach();
  }
  return end_ == End::none;
}

// Requests that go to no endpoint: TRACE, and an OPTIONS that has passed as many proxies as it may,
// or asks about the server as a whole where no route has all of it.
bool Exchange::ends_here(const http::RequestHead& head) {
  if (head.method == http::Method::trace) {
    fail(Failure::trace_refused);
    return true;
  }
  if (head.method != http::Method::options) return false;
  const http::MaxForwards forwards = http::max_forwards(head.fields);
  if (!forwards.is_valid) {
    fail(Failure::bad_max_forwards);
    return true;
  }
  const auto& router = worker_.shared.routers[client_.listener()];
  const bool may_go_on = !forwards.is_set || forwards.left > 0;
  const bool is_for_all = head.target == "*";  // and for the proxy, where no route takes it
  if (may_go_on && (!is_for_all || router.pool_for(head.authority, head.path()))) return false;
  const bool keep = may_keep_after_reply();
  write_own_options(worker_.to_client, !keep);
  reply_with(204, keep);
  return true;
}

// The endpoint of a tagged or a revived session knows it by another id than the client, and cookies
// of the proxy are none of its business.
void Exchange::write_request_head(const http::RequestHead& head) {
  const http::ForwardedBy forwarded{.peer = client_.peer_text(),
                                    .protocol = "http",
                                    .peer_is_trusted = client_.peer_is_trusted(),
                                    .routed_by = pool_->pool.routing_fields()};
  http::RequestHead inward = head;
  std::vector<http::Field> kept;
  if (head.has_underscores && underscores() == Underscores::drop) {
    inward.fields = without_lookalikes(head, pool_->pool, kept);
  }
  inward.asks_websocket = asks_websocket_;
  session_.make_inward(inward, worker_.changed_fields);
  http::write_request_head(worker_.to_upstream, inward, forwarded);
}

Failure Exchange::route(const http::RequestHead& head, const Address& client) {
  const auto pool =
      worker_.shared.routers[client_.listener()].pool_for(head.authority, head.path());
  if (pool) pool_ = &worker_.pools[*pool];
  const Failure unfit = refusal_before_routing(worker_.shared, client_.listener(),
                                               pool ? &pool_->pool : nullptr, head);
  // a peer that takes Transfer_Encoding for its like would read on elsewhere
  if (unfit == Failure::lookalike_field) client_keeps_alive_ = false;
  if (unfit != Failure::none) return unfit;

  const Failure refused = session_.route(pool_->pool, head, client, routing_);
  if (refused != Failure::none && routing_.row == Row::bound) {
    endpoint_ = pool_->pool.snapshot().find(routing_.owner);  // for the log: the owner that is lost
  }
  if (routing_.row == Row::placed || routing_.row == Row::by_client ||
      routing_.row == Row::cookie) {
    routing_.ring_hash = client_hash(client);
  }
  return refused;
}

Underscores Exchange::underscores() const {
  return worker_.shared.listeners[client_.listener()].underscores;
}

std::uint64_t Exchange::client_hash(const Address& client) const {
  return pool_->pool.snapshot().ring().hash_of(
      session::ring_key(client, worker_.shared.host_identity));
}

// --- ends ----------------------------------------------------------------------------------------

void Exchange::on_upstream_deadline() {
  if (upstream_->waits()) {
    waited_too_long();
  } else if (!upstream_->connected()) {
    connect_timed_out();
  } else if (response_state_ == ResponseState::waiting && recovery_ && recovery_->leads) {
    owner_is_silent();
  } else if (response_state_ == ResponseState::waiting) {
    fail(Failure::response_timeout);
  } else if (response_state_ == ResponseState::held) {
    on_refused(false);  // its body does not end
  } else if (is_tunnel()) {
    end_tunnel(Failure::tunnel_timeout);
  } else {
    fail(Failure::stream_timeout);
  }
  client_.settle();
}

void Exchange::on_upstream_lost(Failure failure) {
  if (end_ != End::none) {
    drop_unsent();  // the client went first
  } else if (response_state_ == ResponseState::held && is_refusal()) {
    on_refused(false);  // that much was said
  } else if (asks_everybody()) {
    go_on_without_answer();
  } else {
    fail(failure);
  }
  client_.settle();
}

// A client that waits for a 100 owes no body yet: its endpoint owes an answer, once it has the
// request.
void Exchange::on_request_timeout() {
  const bool waits = expects_continue_ && !was_continued_ && request_bytes_ == 0 &&
                     response_state_ == ResponseState::waiting;
  const bool is_under_way = upstream_ && upstream_->connected();
  if (waits && !is_under_way) return client_.await_body();
  on_request_fault(waits ? Failure::continue_timeout : Failure::body_timeout);
}

void Exchange::on_request_fault(Failure failure) {
  client_keeps_alive_ = false;
  fail(failure);
}

void Exchange::on_client_gone() {
  if (is_tunnel()) return end_tunnel(Failure::client_left);
  if (end_ != End::none) return;
  if (response_state_ != ResponseState::complete) failure_ = Failure::client_left;
  end_ = End::cut;
  drop_unsent();
  release_upstream(false);
}

void Exchange::cut_off() {
  if (end_ != End::none) return;
  failure_ = Failure::draining;
  const bool may_end = may_write_comments_ && boundary_.at_boundary() &&
                       response_framing_ == http::Framing::Kind::chunked;
  if (may_end) {
    http::write_last_chunk(worker_.to_client, {});
    response_state_ = ResponseState::complete;
    send_response();
  }
  if (end_ == End::none) end_ = may_end ? End::close : End::cut;
  release_upstream(false);
}

void Exchange::fail(Failure failure, std::string_view fields) {
  if (end_ != End::none) return drop_unsent();
  worker_.to_upstream.clear();
  if (is_tunnel()) return end_tunnel(failure);
  if (!response_has_left_ && response_state_ != ResponseState::complete) {
    return fail_with_reply(failure, fields);
  }
  if (response_state_ == ResponseState::streaming) failure_ = failure;
  // what came before the failure still reaches the client; the end of the message does not
  send_response();
  end_ = response_framing_ == http::Framing::Kind::until_close ? End::reset : End::cut;
  release_upstream(false);
}

void Exchange::fail_with_reply(Failure failure, std::string_view fields) {
  const bool keep = may_keep_after_reply();
  failure_ = failure;
  worker_.to_client.clear();
  leave_recovery();
  release_upstream(false);
  response_bytes_ = write_failure(worker_.to_client, failure,
                                  {.close = !keep,
                                   .head_request = method_ == http::Method::head,
                                   .form = refuses_json_ ? BodyForm::text : BodyForm::json,
                                   .fields = fields});
  reply_with(row_of(failure).status, keep);
}

// The whole response is in the buffer.
void Exchange::reply_with(unsigned status, bool keep) {
  status_ = static_cast<std::uint16_t>(status);
  response_state_ = ResponseState::complete;
  client_.write(worker_.to_client);
  worker_.to_client.clear();
  client_.resume(Pause::upstream_full);
  if (end_ != End::none) return;  // the client was gone
  if (!keep) {
    end_ = End::close;
  } else if (request_complete()) {
    end_ = End::keep_alive;
  }  // else when the rest of the request has been read
}

bool Exchange::may_keep_after_reply() const {
  if (!client_keeps_alive_ || !client_is_1_1_ || worker_.draining) return false;
  if (request_complete() || request_framing_ == http::Framing::Kind::none) return true;
  return request_framing_ == http::Framing::Kind::length && request_left_ <= kDiscardBytes &&
         !expects_continue_;
}

void Exchange::release_upstream(bool reusable) {
  release_load();
  if (!upstream_) return;
  upstream_->disarm();
  if (reusable && !worker_.draining && upstream_->stream().queued_bytes() == 0) {
    pool_->idle.put(std::move(upstream_));
    return;
  }
  upstream_->abandon();
  worker_.loop.retire(std::move(upstream_));
}

void Exchange::release_load() {
  if (counts_as_request_) endpoint_->load().requests.fetch_sub(1, std::memory_order_relaxed);
  if (counts_as_placement_) endpoint_->load().placements.fetch_sub(1, std::memory_order_relaxed);
  if (counts_as_stream_) endpoint_->load().streams.fetch_sub(1, std::memory_order_relaxed);
  if (counts_as_tunnel_) endpoint_->load().tunnels.fetch_sub(1, std::memory_order_relaxed);
  counts_as_request_ = counts_as_placement_ = counts_as_stream_ = counts_as_tunnel_ = false;
}

observe::PickedBy Exchange::picked_by() const {
  if (was_revived_) return observe::PickedBy::revival;
  switch (routing_.row) {
    case Row::bound:
      if (session_.is_handle()) return observe::PickedBy::handle;
      return session_.is_tagged() ? observe::PickedBy::tag : observe::PickedBy::binding;
    case Row::cookie:
      return observe::PickedBy::cookie;
    case Row::unknown:
      return tried_.empty() ? observe::PickedBy::ring : observe::PickedBy::recovery;
    case Row::handle:
      return observe::PickedBy::handle;
    case Row::placed:
    case Row::by_client:
      return observe::PickedBy::ring;
    case Row::modern:
    case Row::balanced:
      return observe::PickedBy::balanced;
    case Row::lost:
      break;
  }
  return observe::PickedBy::none;
}

// Exactly once for each exchange, however it ended.
void Exchange::record() {
  const Pool* pool = pool_ != nullptr ? &pool_->pool : nullptr;
  const observe::PickedBy picked = endpoint_ != nullptr ? picked_by() : observe::PickedBy::none;
  worker_.metrics.count({.listener = client_.listener(),
                         .pool = pool,
                         .endpoint = endpoint_,
                         .picked_by = picked,
                         .status = status_,
                         .failure = failure_});
  worker_.metrics.count_bodies(client_.listener(), request_bytes_, response_bytes_);
  if (!trace_) return;
  const FailureRow& row = row_of(failure_);
  const auto since = [](std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; };
  const std::uint64_t ready_us = std::max(trace_->connected_us, trace_->routed_us);
  worker_.shared.access_log->write(
      {.listener = worker_.shared.listeners[client_.listener()].name,
       .client = trace_->client,
       .method = trace_->method,
       .path = trace_->path,
       .status = status_,
       .pool = pool != nullptr ? std::string_view(pool->options().name) : std::string_view(),
       .endpoint = endpoint_ != nullptr ? std::string_view(endpoint_->name()) : std::string_view(),
       .picked_by = picked,
       .has_session = session_.known(),
       .session_digest = session_.digest(),
       .request_bytes = request_bytes_,
       .response_bytes = response_bytes_,
       .us_route = since(trace_->started_us, trace_->routed_us),
       .us_connect = since(trace_->routed_us, trace_->connected_us),
       .us_head = since(ready_us, trace_->head_us),
       .us_total = since(trace_->started_us, net::Loop::precise_us()),
       .error_side = row.side,
       .error = row.word});
}

}  // namespace ringside::relay
