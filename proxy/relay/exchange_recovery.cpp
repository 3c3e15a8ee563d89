// A request whose endpoint may not know its session is kept (Recovery), and an answer that says so
// is held back until it is known what becomes of it: exchange_search.cpp looks for the owner,
// exchange_revival.cpp opens the session anew.
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
    collect();
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
  worker_.to_upstream.clear();  // it is kept, and goes out again
  response_state_ = ResponseState::waiting;
  status_ = 0;
  response_bytes_ = 0;
  interim_responses_ = 0;
  bytes_were_sent_ = false;
  upstream_takes_no_more_ = false;
  recovery_->held = {};
  recovery_->peek.clear();
  if (const std::string* id = session_.inward_id()) {
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

// --- answers that are held -----------------------------------------------------------------------

// True when this head may be that of a refusal: it is kept from the client until that is known.
bool Exchange::hold_refusal(const http::ResponseHead& head) {
  if (!recovery_ || !session_.may_be_sent_again()) return false;
  const bool asks_all = recovery_->state == State::asking && method_ == http::Method::delete_;
  const session::Refusal refusal =
      asks_all ? session::Refusal::yes : session_.refusal_of(head.status);
  if (refusal == session::Refusal::no) return false;
  send_response();                     // interim responses are not held
  if (end_ != End::none) return true;  // and the client has gone
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

bool Exchange::is_refusal() const {
  return !recovery_->asks_body || session_.says_unknown(recovery_->peek);
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

// An endpoint has said that it does not know the session; or has begun to say something, does not
// end it, and nothing of that is known.
void Exchange::on_refused(bool connection_is_clean) {
  if (!is_refusal()) {
    release_response();
    send_response();
    return await_answer();
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
  collect();
}

// An answer that was held is the client's.
void Exchange::deliver(Recovery::Answer& answer) {
  if (answer.too_large || !answer.is_whole) return fail(Failure::session_unknown);
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

// --- the end -------------------------------------------------------------------------------------

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

}  // namespace ringside::relay
