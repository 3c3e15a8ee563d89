// Identify, learn, forget.
#include "relay/exchange_session.h"

#include "base/digest.h"
#include "observe/families.h"
#include "relay/worker.h"
#include "session/learn.h"

namespace ringside::relay {

namespace family = observe::family;
namespace cause = observe::cause;

ExchangeSession::~ExchangeSession() {
  if (pool_ == nullptr) return;
  worker_.metrics.count(*pool_, outcome_);
  if (holds_stream_) pool_->sessions().stream_closed(key_, worker_.loop.now());
}

Failure ExchangeSession::route(Pool& pool, const http::RequestHead& head, Routing& routing) {
  const session::Options& affinity = pool.options().affinity;
  if (affinity.mode != session::Mode::learn) {
    routing.row = affinity.mode == session::Mode::client ? Row::by_client : Row::balanced;
    return Failure::none;
  }
  const session::RequestIdentity identity = session::identify(head, affinity.header);
  pool_ = &pool;
  method_ = head.method;
  claim_ = identity.claim;
  era_ = identity.era;
  may_learn_ = identity.may_learn;
  path_hash_ = static_cast<std::uint32_t>(hash64(head.path(), 0));
  if (claim_ == session::Claim::duplicate) {
    outcome_ = Outcome::refused_duplicate;
    return Failure::duplicate_session_id;
  }
  if (claim_ == session::Claim::malformed) {
    outcome_ = Outcome::refused_malformed;
    return Failure::malformed_session_id;
  }
  if (era_ == session::Era::modern) {
    outcome_ = Outcome::modern;
    row_ = routing.row = Row::modern;
    return Failure::none;
  }
  if (claim_ == session::Claim::id) return route_by_id(identity.id, routing);
  outcome_ = Outcome::none;
  row_ = routing.row = Row::placed;
  return Failure::none;
}

Failure ExchangeSession::route_by_id(std::string_view id, Routing& routing) {
  key_ = pool_->sessions().key_of(id);
  has_key_ = true;
  const session::Table::Found found = pool_->sessions().use(key_, worker_.loop.now());
  if (found.standing != session::Table::Standing::bound) {
    digest_ = session_digest(id);
    if (found.standing == session::Table::Standing::ended) {
      outcome_ = Outcome::ended;
      return Failure::session_ended;
    }
    outcome_ = Outcome::unknown;
    row_ = routing.row = Row::unknown;
    routing.ring_hash = pool_->snapshot().ring().hash_of(id);
    return Failure::none;
  }
  digest_ = found.binding.digest;
  on_session_path_ = found.binding.path_hash == path_hash_;
  row_ = routing.row = Row::bound;
  owner_ = routing.owner = found.binding.owner;
  const upstream::Endpoint* owner = pool_->snapshot().find(owner_);
  if (pool_->has_lost_sessions(owner)) return owner_failure(owner, Failure::owner_refused);
  outcome_ = Outcome::bound;
  return Failure::none;
}

// Refusing for long enough, or gone from the pool, an owner has lost its sessions.
Failure ExchangeSession::owner_failure(const upstream::Endpoint* owner, Failure reason) {
  if (pool_->has_lost_sessions(owner)) {
    outcome_ = Outcome::owner_lost;
    pool_->forget_lost(key_, owner_, worker_.loop.now());
    return Failure::owner_lost;
  }
  outcome_ = Outcome::owner_refused;
  return reason;
}

void ExchangeSession::learn(const http::ResponseHead& head, const upstream::Endpoint& endpoint) {
  if (pool_ == nullptr) return;
  const session::Options& affinity = pool_->options().affinity;
  const std::string_view issued = session::issued_id(head, affinity.header);
  const session::Key issued_key =
      issued.empty() ? session::Key{} : pool_->sessions().key_of(issued);
  const bool is_same = claim_ == session::Claim::id && issued_key == key_;
  const session::Lesson lesson =
      session::lesson_of({.method = method_,
                          .claim = claim_,
                          .era = era_,
                          .may_learn = may_learn_,
                          .on_session_path = on_session_path_,
                          .status = head.status,
                          .issues_other_id = !issued.empty() && !is_same});
  switch (lesson) {
    case session::Lesson::nothing:
      break;
    case session::Lesson::learn:
      bind(issued_key, session_digest(issued), endpoint);
      break;
    case session::Lesson::forget_ended:
      forget(cause::kDeleted, affinity.idle_ttl);
      break;
    case session::Lesson::forget_unknown:
      forget(cause::kUnknownToOwner, kTombstoneTime);
      break;
    case session::Lesson::ask_body:
      if (row_ == Row::bound) refusal_peek_ = std::make_unique<std::string>();
      break;
  }
  if (lesson != session::Lesson::learn && unknown_session_was_accepted(head.status)) {
    bind(key_, digest_, endpoint);
  }
}

// An id that nobody here knew, and the ring owner served it: it lives there. GETs and notifications
// prove nothing, since some servers accept those for any id.
bool ExchangeSession::unknown_session_was_accepted(unsigned status) const {
  return row_ == Row::unknown && method_ == http::Method::post && status >= 200 && status < 300 &&
         status != 202;
}

void ExchangeSession::bind(session::Key key, std::uint64_t digest,
                           const upstream::Endpoint& endpoint) {
  const auto owner_lives = [this](session::OwnerId owner) {
    return !pool_->has_lost_sessions(pool_->snapshot().find(owner));
  };
  const session::Binding binding{endpoint.id(), path_hash_, digest};
  switch (pool_->sessions().learn(key, binding, worker_.loop.now(), owner_lives)) {
    case session::Table::Learned::bound:
      worker_.metrics.count_pool(family::kSessionsLearned, *pool_);
      break;
    case session::Table::Learned::renewed:
      break;
    case session::Table::Learned::conflict:
      worker_.metrics.count_pool(family::kSessionConflicts, *pool_);
      return;
    case session::Table::Learned::full:
      return;  // the table counts it
  }
  key_ = key;
  digest_ = digest;
  has_key_ = true;
}

void ExchangeSession::forget(std::string_view cause, milliseconds remember) {
  if (row_ != Row::bound) return;
  const Time now = worker_.loop.now();
  if (pool_->sessions().forget(key_, owner_, now, now + remember)) {
    worker_.metrics.count_pool(family::kSessionsLost, *pool_, "cause", cause);
  }
}

// A refusal may be the owner's way to say "unknown session": its body tells.
void ExchangeSession::peek_refusal(std::string_view bytes) {
  refusal_peek_->append(bytes.substr(0, session::kUnknownSessionPeekBytes - refusal_peek_->size()));
  const bool is_unknown = session::says_unknown_session(*refusal_peek_);
  if (is_unknown) forget(cause::kUnknownToOwner, kTombstoneTime);
  if (is_unknown || refusal_peek_->size() == session::kUnknownSessionPeekBytes) {
    refusal_peek_.reset();
  }
}

void ExchangeSession::hold_for_stream() {
  if (pool_ == nullptr || !has_key_ || holds_stream_) return;
  holds_stream_ = pool_->sessions().stream_opened(key_);
}

}  // namespace ringside::relay
