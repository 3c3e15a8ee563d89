// Finding the owner of a session that nobody here knows, and reviving one that is lost.
//
// A request whose endpoint may not know its session is kept (Recovery), and an answer that says so
// is held back. A search asks endpoint after endpoint along the ring; a revival opens the session
// anew on one that is placed. One request of a session does either, others of the same session wait
// for what it finds.
#include <algorithm>

#include "base/digest.h"
#include "http/head_text.h"
#include "observe/families.h"
#include "relay/client_connection.h"
#include "relay/exchange.h"
#include "relay/worker.h"
#include "session/learn.h"
#include "session/rpc_message.h"

namespace ringside::relay {

namespace family = observe::family;
namespace recovery_result = observe::recovery_result;
using session::SearchOutcome;
using State = Recovery::State;

namespace {

// Of several answers to a DELETE that went to every endpoint, the one that tells the client most.
// What is no refusal may be the owner's word.
enum class Rank : std::uint8_t { nothing, refusal, other, not_allowed, success };

Rank rank(const Recovery::Answer& answer) {
  if (answer.status >= 200 && answer.status < 300) return Rank::success;
  if (answer.status == 405) return Rank::not_allowed;
  if (answer.status == 404 || answer.status == 400) return Rank::refusal;
  return answer.status != 0 ? Rank::other : Rank::nothing;
}

}  // namespace

// --- keeping the request -------------------------------------------------------------------------

bool Exchange::records_handshake() const {
  return routing_.row == Row::placed && method_ == http::Method::post &&
         pool_->pool.options().affinity.on_owner_lost == session::OnOwnerLost::reinitialize;
}

void Exchange::begin_recovery() {
  const session::Options& affinity = pool_->pool.options().affinity;
  recovery_ = std::make_unique<Recovery>();
  recovery_->key = session_.key();
  recovery_->head_size = worker_.to_upstream.size();
  recovery_->body_max = affinity.search.body_bytes;
  recovery_->client_hash = client_hash(session_.client());
  recovery_->reads_body =
      method_ == http::Method::post && affinity.on_owner_lost == session::OnOwnerLost::reinitialize;
  if (routing_.row == Row::lost) {
    recovery_->state = State::collecting;
  } else if (routing_.row == Row::unknown) {
    search();
  } else {
    attach();
  }
}

// Keeps what is about to go out; false when it does not go out now.
bool Exchange::keep_request() {
  recovery_->keep(worker_.to_upstream);
  const bool goes_out = recovery_->state == State::asking || recovery_->state == State::standing_by;
  if (goes_out) return true;
  worker_.to_upstream.clear();
  if (recovery_->too_large && end_ == End::none) {
    recovery_->state == State::collecting ? decide_revival() : fail(Failure::owner_not_found);
  }
  return false;
}

// A session that was opened here may have to be opened again: what its client said is kept.
void Exchange::record_handshake() {
  if (!recovery_ || !recovery_->reads_body || !session_.known()) return;
  session::Handshakes& handshakes = pool_->pool.handshakes();
  const session::RpcKind kind = session::rpc_kind(recovery_->body);
  if (kind == session::RpcKind::initialize) {
    handshakes.record_initialize(session_.key(), recovery_->body);
  } else if (kind == session::RpcKind::initialized) {
    handshakes.record_initialized(session_.key(), recovery_->body);
  }
}

// The request goes to an endpoint chosen anew, as if none had been asked.
void Exchange::ask_again() {
  response_state_ = ResponseState::waiting;
  status_ = 0;
  response_bytes_ = 0;
  interim_responses_ = 0;
  bytes_were_sent_ = false;
  upstream_takes_no_more_ = false;
  recovery_->held = {};
  recovery_->peek.clear();
  if (const std::string* id = session_.revived_as()) {
    http::replace_field(recovery_->request, recovery_->head_size,
                        pool_->pool.options().affinity.header, *id);
  }
  if (session_.may_be_sent_again()) {
    unsent_ = std::make_unique<std::string>(recovery_->request);
  } else {
    unsent_ = std::make_unique<std::string>(std::move(recovery_->request));
    recovery_.reset();
  }
  attach();
  if (upstream_ && upstream_->connected()) send_unsent();
}

// --- one searches, others wait -------------------------------------------------------------------

void Exchange::search() {
  const session::Searches::Join join = pool_->pool.searches().join(
      recovery_->key, worker_.index, session_.client(), worker_.loop.now());
  switch (join) {
    case session::Searches::Join::leads:
      recovery_->leads = true;
      recovery_->state = State::asking;
      if (session_.nobody_knows()) {  // so another search found since this request was routed
        finish_search(Failure::session_ended, SearchOutcome::undecided);
        return fail(Failure::session_ended);
      }
      if (recovery_->request.empty()) return attach();  // its head is only being written
      return ask_again();
    case session::Searches::Join::waits:
      recovery_->state = State::waiting;
      return park();
    case session::Searches::Join::refused_client:
      return fail(Failure::too_many_searches);
    case session::Searches::Join::refused_all:
      return fail(Failure::search_busy);
  }
}

void Exchange::park() { worker_.parked.emplace(recovery_->key, this); }

std::size_t Exchange::pool_index() const { return pool_->pool.index(); }

void Exchange::unpark() {
  const auto [first, last] = worker_.parked.equal_range(recovery_->key);
  const auto found = std::find_if(first, last, [this](const auto& p) { return p.second == this; });
  if (found != last) worker_.parked.erase(found);
}

// What the session's other request found is in the table, or is this failure.
void Exchange::on_search_over(Failure failure) {
  if (failure == Failure::none) failure = session_.reroute(routing_);
  if (failure != Failure::none) {
    fail(failure);
  } else if (routing_.row == Row::unknown) {
    search();
  } else if (routing_.row == Row::lost) {
    recovery_->state = State::collecting;
    if (request_complete()) decide_revival();
  } else {
    recovery_->state = State::standing_by;
    tried_.clear();
    ask_again();
  }
  client_.settle();
}

void Exchange::finish_search(Failure failure, session::SearchOutcome outcome) {
  if (!recovery_ || !recovery_->leads) return;
  recovery_->leads = false;
  session::Searches& searches = pool_->pool.searches();
  if (outcome == SearchOutcome::found) searches.found(recovery_->key);
  if (outcome == SearchOutcome::undecided) searches.undecided(recovery_->key);
  for (const unsigned worker : searches.finish(recovery_->key)) {
    worker_.shared.mailboxes[worker].post({pool_->pool.index(), recovery_->key, failure});
  }
}

// --- answers -------------------------------------------------------------------------------------

// True when this head may be that of a refusal: it is kept from the client until that is known.
bool Exchange::hold_refusal(const http::ResponseHead& head) {
  if (!recovery_ || !session_.may_be_sent_again()) return false;
  const bool asks_all = recovery_->state == State::asking && method_ == http::Method::delete_;
  const session::Refusal refusal =
      asks_all ? session::Refusal::yes : session_.refusal_of(head.status);
  if (refusal == session::Refusal::no) return false;
  send_response();  // interim responses are not held
  recovery_->asks_body = refusal == session::Refusal::ask_body;
  recovery_->client_kept = client_keeps_alive_;
  recovery_->held.status = head.status;
  write_response_head(head);
  response_state_ = ResponseState::held;
  pool_->search_silence.arm(*upstream_);  // for all of it, so that nobody waits for its end
  return true;
}

void Exchange::hold_response() {
  Recovery::Answer& held = recovery_->held;
  const bool may_be_released =
      recovery_->asks_body && recovery_->peek.size() < session::kUnknownSessionPeekBytes;
  if (!may_be_released && held.bytes.size() + worker_.to_client.size() > Recovery::kHeldBytes) {
    held.too_large = true;
    held.bytes = {};
  }
  if (!held.too_large) held.bytes.append(worker_.to_client);
  worker_.to_client.clear();
}

// A piece of the body of what may be a refusal; when it is none, the response is released.
void Exchange::peek(std::string_view bytes) {
  Recovery& recovery = *recovery_;
  if (!recovery.asks_body) return;
  const std::size_t room = session::kUnknownSessionPeekBytes - recovery.peek.size();
  recovery.peek.append(bytes.substr(0, room));
  if (recovery.peek.size() < session::kUnknownSessionPeekBytes) return;
  if (!session_.says_unknown(recovery.peek)) release_response();
}

// The response is for the client after all.
void Exchange::release_response() {
  response_state_ = ResponseState::streaming;
  worker_.to_client.insert(0, recovery_->held.bytes);
  if (recovery_->leads) {
    worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                               recovery_result::kOther);
  }
  end_recovery(SearchOutcome::undecided);
}

// The search is over, or was never needed: nothing is kept for it any more.
void Exchange::end_recovery(session::SearchOutcome outcome) {
  finish_search(Failure::none, outcome);
  recovery_.reset();
}

// The exchange ends, however far it came: others look for themselves.
void Exchange::leave_recovery() {
  if (!recovery_) return;
  if (recovery_->state == State::waiting) unpark();
  if (revival_) {
    revival_->abandon();
    worker_.loop.retire(std::move(revival_));
  }
  if (recovery_->leads && recovery_->state == State::asking && bytes_were_sent_) {
    worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                               recovery_result::kOther);  // it was asked, and did not answer
  }
  const bool client_failed = row_of(failure_).side == observe::ErrorSide::client;
  end_recovery(client_failed ? SearchOutcome::nobody : SearchOutcome::undecided);
}

bool Exchange::is_refusal() const {
  return !recovery_->asks_body || session_.says_unknown(recovery_->peek);
}

// An endpoint has said that it does not know the session; or has begun to say something, does not
// end it, and nothing of that is known.
void Exchange::on_refused(bool connection_is_clean) {
  if (!is_refusal()) {
    release_response();
    return send_response();
  }
  Recovery& recovery = *recovery_;
  hold_response();
  recovery.held.body_bytes = response_bytes_;
  recovery.held.keeps_client = client_keeps_alive_;
  client_keeps_alive_ = recovery.client_kept;
  release_upstream(connection_is_clean && upstream_keeps_alive_ && request_complete());
  if (recovery.state == State::asking) return search_on();
  if (session_.is_provisional()) {
    session_.unbind_provisional();
    routing_.row = Row::unknown;
    if (recovery.too_large) return fail(Failure::owner_not_found);
    note_refusal();
    return search();
  }
  session_.lose();
  recovery.state = State::collecting;
  client_.resume(Pause::upstream_full);
  if (request_complete() || recovery.too_large) decide_revival();
}

void Exchange::note_refusal() {
  Recovery& recovery = *recovery_;
  ++recovery.refusals;
  if (rank(recovery.held) >= rank(recovery.best)) recovery.best = std::move(recovery.held);
  tried_.push_back(endpoint_->id());
}

void Exchange::search_on() {
  const bool is_other = method_ == http::Method::delete_ && rank(recovery_->held) > Rank::refusal;
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             is_other ? recovery_result::kOther : recovery_result::kUnknown);
  note_refusal();
  ask_next();
}

void Exchange::ask_next() {
  Pool& pool = pool_->pool;
  const bool may_go_on = !recovery_->too_large &&
                         pool.searches().spend(recovery_->key, worker_.loop.now()) &&
                         recovery_->refusals < pool.options().affinity.search.attempts;
  may_go_on ? ask_again() : conclude_search();
}

// A DELETE may be repeated (RFC 9110, 9.2.2), and goes to every endpoint in any case: one that
// breaks off is one that could not be asked.
bool Exchange::asks_everybody() const {
  return is_asking() && method_ == http::Method::delete_ &&
         response_state_ != ResponseState::streaming;
}

bool Exchange::is_asking() const { return recovery_ && recovery_->state == State::asking; }

// An endpoint that has no connection for this request.
void Exchange::leave_out() {
  release_upstream(false);
  pass_over();
  tried_.push_back(endpoint_->id());
}

void Exchange::go_on_without_answer() {
  release_upstream(false);
  recovery_->somebody_was_not_asked = true;
  tried_.push_back(endpoint_->id());
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             recovery_result::kUnreachable);
  ask_next();
}

// An endpoint that was to be asked cannot be reached. One that is dead counts as asked.
void Exchange::pass_over() {
  if (!is_asking()) return;
  if (!pool_->pool.has_lost_sessions(endpoint_)) recovery_->somebody_was_not_asked = true;
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             recovery_result::kUnreachable);
}

// The owner takes no connection. A binding that proved little gives way to a search, a session that
// is lost with its owner to the loss policy.
void Exchange::owner_is_unreachable(Failure failure) {
  unsent_.reset();
  if (recovery_ && session_.is_provisional()) {
    recovery_->somebody_was_not_asked |= !pool_->pool.has_lost_sessions(endpoint_);
    session_.unbind_provisional();
    routing_.row = Row::unknown;
    tried_.push_back(endpoint_->id());
    return search();
  }
  failure = session_.owner_failure(endpoint_, failure);
  const bool may_revive =
      failure == Failure::owner_lost && recovery_ && recovery_->reads_body && !recovery_->too_large;
  if (!may_revive) return fail(failure);
  recovery_->state = State::collecting;
  client_.resume(Pause::upstream_full);
  if (request_complete()) decide_revival();
}

// Every endpoint was asked, or as many as may be.
void Exchange::conclude_search() {
  Recovery& recovery = *recovery_;
  if (method_ == http::Method::delete_ && rank(recovery.best) == Rank::success) {
    session_.remember_deleted(*endpoint_);
    return deliver(recovery.best);
  }
  const bool out_of_reach = recovery.somebody_was_not_asked || recovery.refusals == 0;
  if (out_of_reach || tried_.size() < pool_->pool.snapshot().endpoints().size()) {
    // what a limit has cut short is paid for: else it would cost nothing to search for ever
    finish_search(Failure::owner_not_found,
                  out_of_reach ? SearchOutcome::undecided : SearchOutcome::nobody);
    return fail(Failure::owner_not_found);
  }
  if (method_ != http::Method::post && rank(recovery.best) > Rank::refusal) {
    return deliver(recovery.best);
  }
  if (recovery.reads_body && session_.may_revive_unknown()) {
    recovery.best = {};
    recovery.state = State::collecting;
    client_.resume(Pause::upstream_full);
    if (request_complete()) decide_revival();
    return;
  }
  session_.remember_nobody();
  finish_search(Failure::session_unknown, SearchOutcome::nobody);
  fail(Failure::session_unknown);
}

// The endpoint that answered is the one, or its answer has nothing to do with the session.
void Exchange::owner_found(const http::ResponseHead& head) {
  if (head.status < 300) record_handshake();
  if (recovery_->leads) {
    const bool is_bound =
        session::acceptance_of(method_, head.status) != session::Acceptance::nothing;
    worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                               is_bound ? recovery_result::kFound : recovery_result::kOther);
    finish_search(Failure::none, is_bound ? SearchOutcome::found : SearchOutcome::undecided);
  }
  recovery_.reset();
}

// Servers refuse at once what they do not know: one that is silent is at work on the request.
void Exchange::owner_is_silent() {
  session_.bind_provisionally(*endpoint_);
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             recovery_result::kSilent);
  finish_search(Failure::none, SearchOutcome::found);
  recovery_->state = State::standing_by;
  await_response();
}

// An answer that was held is the client's.
void Exchange::deliver(Recovery::Answer& answer) {
  if (answer.too_large || answer.bytes.empty()) return fail(Failure::session_unknown);
  response_state_ = ResponseState::complete;
  status_ = static_cast<std::uint16_t>(answer.status);
  response_bytes_ = answer.body_bytes;
  client_keeps_alive_ = answer.keeps_client;
  client_.write(answer.bytes);
  if (end_ == End::none) {
    end_ = client_keeps_alive_ && request_complete() ? End::keep_alive : End::close;
  }
  end_recovery(SearchOutcome::nobody);
}

// --- revival -------------------------------------------------------------------------------------

// The whole request is here. Only one whose sender waits for an answer revives its session.
void Exchange::decide_revival() {
  Recovery& recovery = *recovery_;
  if (!recovery.too_large && session_.was_revived_since()) return follow_revival();
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
  if (session_.was_revived_since()) return follow_revival();  // before this one came to lead
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
  session_.bind_revived(endpoint, id);
  worker_.loop.retire(std::move(revival_));
  worker_.shared.log.info("session revived", {{"pool", pool_->pool.options().name},
                                              {"session", digest_text(session_.digest())},
                                              {"endpoint", endpoint.name()}});
  was_revived_ = true;
  follow_revival();
  client_.settle();
}

// The session is bound to the endpoint that it was revived on: the request goes there.
void Exchange::follow_revival() {
  finish_search(Failure::none, SearchOutcome::found);
  if (const Failure failure = session_.reroute(routing_); failure != Failure::none) {
    return fail(failure);
  }
  recovery_->state = State::standing_by;
  tried_.clear();
  ask_again();
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
