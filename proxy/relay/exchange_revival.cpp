// Reviving a session that is lost: it is opened anew on an endpoint that is placed, and the request
// goes there. Revival (revival.h) has the handshake.
#include "base/digest.h"
#include "http/head_text.h"
#include "relay/client_connection.h"
#include "relay/exchange.h"
#include "relay/worker.h"
#include "session/rpc_message.h"

namespace ringside::relay {

using session::SearchOutcome;
using State = Recovery::State;

// The session is lost: its whole request tells whether it may be revived. A client that holds the
// body back until it is asked is asked here, for no endpoint will.
void Exchange::collect() {
  recovery_->state = State::collecting;
  client_.resume(Pause::upstream_full);
  if (request_complete() || recovery_->too_large) return decide_revival();
  if (!expects_continue_ || was_continued_ || !recovery_->reads_body) return;
  was_continued_ = true;
  body_rate_.restart();
  client_.write("HTTP/1.1 100 Continue\r\n\r\n");
}

// The whole request is here. Only one whose sender waits for an answer revives its session.
void Exchange::decide_revival() {
  Recovery& recovery = *recovery_;
  if (!recovery.too_large && session_.is_bound_again()) return follow_revival();
  const bool is_request = !was_revived_ && !recovery.too_large &&
                          session::rpc_kind(recovery.body) == session::RpcKind::request;
  if (!is_request) {
    if (recovery.held.status != 0) return deliver(recovery.held);
    finish_search(Failure::none, SearchOutcome::nobody);
    return fail(Failure::owner_lost);
  }
  if (recovery.leads) return revive();
  switch (pool_->pool.searches().join(recovery.key, worker_.index, session_.client(),
                                      worker_.loop.now())) {
    case session::Searches::Join::leads:
      recovery.leads = true;
      return revive();
    case session::Searches::Join::waits:
      recovery.state = State::waiting;
      return park();
    case session::Searches::Join::refused_client:
      return fail(Failure::too_many_searches);
    case session::Searches::Join::refused_all:
      return fail(Failure::search_busy);
  }
}

void Exchange::revive() {
  Pool& pool = pool_->pool;
  if (session_.is_bound_again()) return follow_revival();  // before this one came to lead
  if (!pool.may_revive(worker_.loop.now())) {
    finish_search(Failure::revival_busy, SearchOutcome::undecided);
    return fail(Failure::revival_busy);
  }
  recovery_->state = State::reviving;
  const std::string_view head =
      std::string_view(recovery_->request).substr(0, recovery_->head_size);
  auto handshake = pool.handshakes().find(session_.key());
  if (!handshake) {
    handshake = session::minimal_handshake(http::field_value(head, "mcp-protocol-version"));
  }
  revival_ = std::make_unique<Revival>(*this, worker_, *pool_, head, std::move(*handshake),
                                       recovery_->client_hash);
  if (const Failure failure = revival_->start(); failure != Failure::none) {
    not_revived(failure, {});
  }
}

void Exchange::on_revived(const upstream::Endpoint& endpoint, std::string_view id) {
  const bool is_bound = session_.bind_revived(endpoint, id);
  worker_.loop.retire(std::move(revival_));
  if (is_bound) {
    worker_.shared.log.info("session revived", {{"pool", pool_->pool.options().name},
                                                {"session", digest_text(session_.digest())},
                                                {"endpoint", endpoint.name()}});
  }
  was_revived_ = true;
  follow_revival();
  client_.settle();
}

// The session was revived or found, for this request or for another: the table says where it is.
void Exchange::follow_revival() {
  finish_search(Failure::none, SearchOutcome::found);
  follow();
}

void Exchange::on_not_revived(Failure failure, std::string_view challenge) {
  not_revived(failure, challenge);
  client_.settle();
}

// Refused credentials are this request's. Others that wait bring their own, which may hold, so they
// try for themselves: who knows a session's id must not be able to get its client refused.
void Exchange::not_revived(Failure failure, std::string_view challenge) {
  worker_.loop.retire(std::move(revival_));
  const bool is_denied =
      failure == Failure::handshake_unauthorized || failure == Failure::handshake_forbidden;
  const bool is_paid = is_denied || failure == Failure::handshake_refused;
  finish_search(is_denied ? Failure::none : failure,
                is_paid ? SearchOutcome::nobody : SearchOutcome::undecided);
  fail(failure, challenge);
}

}  // namespace ringside::relay
