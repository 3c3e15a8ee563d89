// Finding the owner of a session that nobody here knows: endpoint after endpoint is asked along the
// ring. One request of a session searches, others of the same session wait for what it finds.
#include <algorithm>
#include <utility>

#include "observe/families.h"
#include "relay/client_connection.h"
#include "relay/exchange.h"
#include "relay/worker.h"
#include "session/learn.h"

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
      if (session_.is_known_again(tried_)) {
        finish_search(Failure::none, SearchOutcome::found);
        keep_head();
        return follow();
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

// Of a request whose head is only being written: it goes out later.
void Exchange::keep_head() {
  if (!recovery_->request.empty()) return;
  recovery_->keep(worker_.to_upstream);
  worker_.to_upstream.clear();
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
  failure == Failure::none ? follow() : fail(failure);
  client_.settle();
}

// Where the session is now, says the table; it may have been lost again since it was written there.
void Exchange::follow() {
  const Failure failure = session_.reroute(routing_);
  if (failure != Failure::none) return fail(failure);
  if (routing_.row == Row::unknown) return search();
  if (routing_.row == Row::lost) return collect();
  recovery_->state = State::standing_by;
  tried_.clear();
  ask_again();
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

// --- asking one after the other ------------------------------------------------------------------

bool Exchange::is_asking() const { return recovery_ && recovery_->state == State::asking; }

void Exchange::search_on() {
  const bool is_other = method_ == http::Method::delete_ && rank(recovery_->held) > Rank::refusal;
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             is_other ? recovery_result::kOther : recovery_result::kUnknown);
  note_refusal();
  ask_next();
}

void Exchange::note_refusal() {
  Recovery& recovery = *recovery_;
  ++recovery.refusals;
  if (rank(recovery.held) >= rank(recovery.best)) recovery.best = std::exchange(recovery.held, {});
  tried_.push_back(endpoint_->id());
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

void Exchange::go_on_without_answer() {
  worker_.to_client.clear();  // interim responses that came with the end
  release_upstream(false);
  recovery_->somebody_was_not_asked = true;
  tried_.push_back(endpoint_->id());
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             recovery_result::kUnreachable);
  ask_next();
}

// An endpoint that has no connection for this request.
void Exchange::leave_out() {
  release_upstream(false);
  pass_over();
  tried_.push_back(endpoint_->id());
}

// An endpoint that was to be asked cannot be reached. One that is dead counts as asked.
void Exchange::pass_over() {
  if (!is_asking()) return;
  if (!pool_->pool.has_lost_sessions(endpoint_)) recovery_->somebody_was_not_asked = true;
  worker_.metrics.count_pool(family::kRecoveryAttempts, pool_->pool, "result",
                             recovery_result::kUnreachable);
}

// --- what came of it -----------------------------------------------------------------------------

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
  await_answer();
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
    if (recovery_->too_large) return fail(Failure::owner_not_found);  // it was not kept
    return search();
  }
  failure = session_.owner_failure(endpoint_, failure);
  const bool may_revive =
      failure == Failure::owner_lost && recovery_ && recovery_->reads_body && !recovery_->too_large;
  if (!may_revive) return fail(failure);
  collect();
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
    return collect();
  }
  session_.remember_nobody();
  finish_search(Failure::session_unknown, SearchOutcome::nobody);
  fail(Failure::session_unknown);
}

}  // namespace ringside::relay
