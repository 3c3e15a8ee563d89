// What an exchange's session makes of heads and bodies: ids and cookies changed on their way, and
// what the answer teaches.
#include <algorithm>
#include <chrono>

#include "base/digest.h"
#include "observe/families.h"
#include "relay/exchange_session.h"
#include "relay/worker.h"
#include "session/cookie.h"
#include "session/endpoint_event.h"
#include "session/handle.h"
#include "session/learn.h"

namespace ringside::relay {

namespace family = observe::family;
namespace cause = observe::cause;
using Standing = session::Table::Standing;
using Evidence = session::Table::Evidence;

// --- what each side sees -------------------------------------------------------------------------

void ExchangeSession::make_inward(http::RequestHead& head, std::vector<http::Field>& storage) {
  if (has_target_) head.target = worker_.changed.target;
  if (inward_.empty() && !has_cookie_) return;
  const session::Options& affinity = pool_->options().affinity;
  storage.assign(head.fields.begin(), head.fields.end());
  for (http::Field& field : storage) {
    if (!inward_.empty() && http::equals_ignoring_case(field.name, affinity.header)) {
      field.value = inward_;
    }
  }
  if (has_cookie_) drop_own_cookie(storage);
  head.fields = storage;
}

// From every Cookie field: HTTP/2 clients and the proxies that translate for them send several.
void ExchangeSession::drop_own_cookie(std::vector<http::Field>& fields) const {
  const std::string& name = pool_->options().affinity.cookie.name;
  std::string& kept = worker_.changed.cookies;
  kept.clear();
  std::size_t size = 0;
  for (const http::Field& field : fields) {
    if (field.id == http::FieldId::cookie) size += field.value.size();
  }
  kept.reserve(size);  // the fields point into it
  std::string scratch;
  for (http::Field& field : fields) {
    if (field.id != http::FieldId::cookie) continue;
    const std::size_t at = kept.size();
    kept += session::without_cookie(field.value, name, scratch);
    field.value = std::string_view(kept).substr(at);
  }
  std::erase_if(fields, [](const http::Field& field) {
    return field.id == http::FieldId::cookie && field.value.empty();
  });
}

void ExchangeSession::make_outward(http::ResponseHead& head, const upstream::Endpoint& endpoint,
                                   Row row, std::vector<http::Field>& storage) {
  if (pool_ == nullptr) return;
  const session::Options& affinity = pool_->options().affinity;
  const bool may_change = affinity.mode == session::Mode::tag ||
                          affinity.mode == session::Mode::cookie || revived_as_ != nullptr;
  if (!may_change) return;
  std::string& id = worker_.changed.id;
  id = outward_id(head, endpoint);
  const bool was_moved = row_ == Row::cookie && row == Row::placed;  // off an endpoint that refuses
  const bool sets_cookie =
      was_moved || (renews_cookie_ && (row == Row::placed || row == Row::cookie));
  if (id.empty() && !sets_cookie) return;
  storage.assign(head.fields.begin(), head.fields.end());
  for (http::Field& field : storage) {
    if (!id.empty() && http::equals_ignoring_case(field.name, affinity.header)) {
      field.value = id;
    }
  }
  if (sets_cookie) {
    const auto now = std::chrono::floor<session::seconds>(std::chrono::system_clock::now());
    worker_.changed.cookies =
        session::set_cookie(pool_->keys(), pool_->code_of(endpoint), affinity.cookie, false, now);
    storage.push_back({.name = "set-cookie", .value = worker_.changed.cookies});
  }
  head.fields = storage;
}

std::string ExchangeSession::outward_id(const http::ResponseHead& head,
                                        const upstream::Endpoint& endpoint) const {
  if (pool_ == nullptr || (pool_->options().affinity.mode != session::Mode::tag && !revived_as_)) {
    return {};
  }
  const std::string_view issued = session::issued_id(head, pool_->session_field());
  if (issued.empty() || era_ == session::Era::modern) return {};
  if (revived_as_) return issued == *revived_as_ && revived_id_ ? *revived_id_ : std::string();
  const bool is_same =
      claim_ == session::Claim::id && !issued_anew_ && pool_->sessions().key_of(issued) == key_;
  std::string outward(issued);
  if (is_same && !is_tagged_) return {};  // an id from before the mode was on stays as it is
  if (is_same) return outward.append(tag_.data(), tag_.size());
  const session::TagSuffix tag = pool_->tag_for(issued, endpoint);
  return outward.append(tag.data(), tag.size());
}

// --- what answers teach --------------------------------------------------------------------------

bool ExchangeSession::may_be_sent_again() const {
  if (pool_ == nullptr || claim_ != session::Claim::id || is_handle_) return false;
  const bool of_transport = method_ == http::Method::post || method_ == http::Method::get ||
                            method_ == http::Method::delete_;
  if (row_ == Row::unknown || row_ == Row::lost) return of_transport;
  if (row_ != Row::bound) return false;
  return is_provisional_ ? of_transport : method_ == http::Method::post && revives();
}

session::Refusal ExchangeSession::refusal_of(unsigned status) const {
  const bool bound = row_ == Row::bound;
  if (bound && !on_session_path_) return session::Refusal::no;
  return session::refusal_of(method_, status, bound);
}

bool ExchangeSession::says_unknown(std::string_view body_start) const {
  return session::says_unknown_session(body_start, pool_->options().affinity.search.unknown_forms);
}

void ExchangeSession::learn(const http::ResponseHead& head, const upstream::Endpoint& endpoint) {
  if (pool_ == nullptr) return;
  const session::Options& affinity = pool_->options().affinity;
  const std::string_view issued = session::issued_id(head, pool_->session_field());
  const session::Key issued_key =
      issued.empty() ? session::Key{} : pool_->sessions().key_of(issued);
  const bool is_same = claim_ == session::Claim::id &&
                       (issued_key == key_ || (revived_as_ && issued == *revived_as_));
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
    case session::Lesson::learn: {
      session::Binding binding = binding_to(endpoint);
      binding.digest = session_digest(issued);
      issued_anew_ = true;
      bind(issued_key, binding);
      return;
    }
    case session::Lesson::forget_ended:
      forget_deleted();
      break;
    case session::Lesson::forget_unknown:
      lose();
      if (revives() && row_ == Row::bound && method_ == http::Method::delete_) bury(owner_);
      break;
    case session::Lesson::ask_body:
      if (row_ == Row::bound) refusal_peek_ = std::make_unique<std::string>();
      break;
  }
  if (row_ == Row::unknown || is_provisional_) learn_by_search(head.status, endpoint);
  if (row_ == Row::handle && head.status < 300) bind(key_, binding_to(endpoint));
  if (may_learn_task_ && head.status == 200) task_ = std::make_unique<session::TaskIdFinder>();
  if (may_learn_stream_ && head.status == 200 && issued.empty() && http::is_event_stream(head) &&
      !http::is_encoded(head)) {
    rewrites_first_event_ =
        affinity.mode == session::Mode::tag && head.framing.kind != http::Framing::Kind::length;
    first_event_ = std::make_unique<http::FirstEvent>();
  }
}

// An id that nobody here knew, and this endpoint served it: it lives there.
void ExchangeSession::learn_by_search(unsigned status, const upstream::Endpoint& endpoint) {
  const session::Acceptance acceptance = session::acceptance_of(method_, status);
  if (acceptance == session::Acceptance::nothing) return;
  session::Binding binding = binding_to(endpoint);
  binding.provisional = acceptance == session::Acceptance::provisional;
  bind(key_, binding, Evidence::served);
}

void ExchangeSession::bind_provisionally(const upstream::Endpoint& endpoint) {
  session::Binding binding = binding_to(endpoint);
  binding.provisional = true;
  bind(key_, binding, Evidence::served);
  row_ = Row::bound;
  owner_ = endpoint.id();
  revival_ = 0;
  is_provisional_ = true;
}

bool ExchangeSession::bind_revived(const upstream::Endpoint& endpoint, std::string_view inward) {
  session::Binding binding = binding_to(endpoint);
  binding.revival = pool_->next_revival();
  pool_->revivals().set(key_, {.id = std::string(inward), .key = pool_->sessions().key_of(inward)});
  if (!bind(key_, binding, Evidence::served)) {
    pool_->revivals().erase(key_);
    return false;
  }
  worker_.metrics.count_pool(family::kSessionsRevived, *pool_);
  return true;
}

session::Binding ExchangeSession::binding_to(const upstream::Endpoint& endpoint) const {
  return {.owner = endpoint.id(), .path_hash = path_hash_, .digest = digest_};
}

bool ExchangeSession::bind(session::Key key, session::Binding binding, Evidence evidence) {
  const auto owner_lives = [this](session::OwnerId owner) {
    return !pool_->has_lost_sessions(pool_->snapshot().find(owner));
  };
  switch (
      pool_->sessions().learn(key, binding, client_, worker_.loop.now(), owner_lives, evidence)) {
    case session::Table::Learned::bound:
      worker_.metrics.count_pool(family::kSessionsLearned, *pool_);
      break;
    case session::Table::Learned::renewed:
    case session::Table::Learned::moved:
      break;
    case session::Table::Learned::conflict:
      worker_.metrics.count_pool(family::kSessionConflicts, *pool_);
      return false;
    case session::Table::Learned::full:  // the table counts it
    case session::Table::Learned::deleted:
      return false;
  }
  key_ = key;
  digest_ = binding.digest;
  has_key_ = true;
  return true;
}

// What an endpoint says about the session that it was is of no account once it has been revived.
void ExchangeSession::lose() {
  if (row_ != Row::bound) return;
  const Time now = worker_.loop.now();
  if (pool_->sessions().lose(key_, decided_by(), now, now + kTombstoneTime)) {
    worker_.metrics.count_pool(family::kSessionsLost, *pool_, "cause", cause::kUnknownToOwner);
  }
}

void ExchangeSession::remember_nobody() {
  const milliseconds remember = pool_->options().affinity.search.remember;
  const Time now = worker_.loop.now();
  if (remember.count() == 0) return;
  pool_->sessions().remember_nobody(key_, {.path_hash = path_hash_, .digest = digest_}, now,
                                    now + remember);
}

// As long as a session that was bound when its DELETE came.
void ExchangeSession::remember_deleted(const upstream::Endpoint& endpoint) { bury(endpoint.id()); }

// Its client has done with the session: it is not to come back.
void ExchangeSession::bury(session::OwnerId owner) {
  const Time now = worker_.loop.now();
  const Time until = now + pool_->options().affinity.idle_ttl;
  const session::Binding was{.owner = owner, .path_hash = path_hash_, .digest = digest_};
  if (pool_->sessions().bury(key_, was, client_, now, until)) {
    worker_.metrics.count_pool(family::kSessionsLost, *pool_, "cause", cause::kDeleted);
  }
  pool_->handshakes().forget(key_);
}

void ExchangeSession::unbind_provisional() {
  pool_->sessions().unbind_provisional(key_, owner_, worker_.loop.now());
  row_ = Row::unknown;
  is_provisional_ = false;
}

void ExchangeSession::leave_handle() {
  pool_->forget_lost(key_, decided_by(), worker_.loop.now());
  row_ = Row::handle;
}

void ExchangeSession::forget_deleted() {
  if (row_ != Row::bound) return;
  const Time now = worker_.loop.now();
  const Time until = now + pool_->options().affinity.idle_ttl;
  if (pool_->sessions().forget(key_, owner_, Standing::deleted, now, until)) {
    worker_.metrics.count_pool(family::kSessionsLost, *pool_, "cause", cause::kDeleted);
    if (revived_as_) pool_->revivals().erase(key_);
  }
  if (revives()) pool_->handshakes().forget(key_);
}

// A refusal may be the owner's way to say "unknown session": its body tells.
void ExchangeSession::peek_refusal(std::string_view bytes) {
  refusal_peek_->append(bytes.substr(0, session::kUnknownSessionPeekBytes - refusal_peek_->size()));
  const bool is_unknown = says_unknown(*refusal_peek_);
  if (is_unknown) {
    lose();
    if (revives() && method_ == http::Method::delete_) bury(owner_);
  }
  if (is_unknown || refusal_peek_->size() == session::kUnknownSessionPeekBytes) {
    refusal_peek_.reset();
  }
}

// --- sessions and tasks that a body names --------------------------------------------------------

void ExchangeSession::look_for_task(std::string_view bytes, const upstream::Endpoint& endpoint) {
  const bool more = task_->feed(bytes);
  if (const auto& id = task_->found()) {
    session::Binding binding = binding_to(endpoint);
    binding.digest = session_digest(*id);
    const session::Key kept = key_;
    const std::uint64_t digest = digest_;
    const bool had_key = has_key_;
    bind(pool_->sessions().key_of(session::task_key(*id)), binding);
    key_ = kept;  // the task is not this request's session
    digest_ = digest;
    has_key_ = had_key;
  }
  if (!more) task_.reset();
}

std::string_view ExchangeSession::pass_first_event(std::string_view bytes,
                                                   const upstream::Endpoint& endpoint) {
  const http::FirstEvent::State state = first_event_->feed(bytes);
  if (state == http::FirstEvent::State::more)
    return worker_.changed.event = first_event_->take_passed();
  if (state == http::FirstEvent::State::event) {
    learn_first_event(endpoint);
  } else {
    worker_.changed.event = first_event_->take_raw();
  }
  first_event_.reset();
  return worker_.changed.event;
}

std::string_view ExchangeSession::first_event_never_came() {
  worker_.changed.event = first_event_->take_raw();
  first_event_.reset();
  return worker_.changed.event;
}

// The session is bound before its client can know of it.
void ExchangeSession::learn_first_event(const upstream::Endpoint& endpoint) {
  const auto event = session::read_endpoint_event(first_event_->data());
  const std::size_t data_at = first_event_->data_at();
  std::size_t tag_at = 0;
  std::string tag;
  if (event) {
    const std::string_view id = event->session.id();
    session::Binding binding = binding_to(endpoint);
    binding.digest = session_digest(id);
    is_stream_ = true;
    bind(key_of_session(*pool_, id, true), binding);
    owner_ = endpoint.id();
    opened_stream_ = has_key_;
    hold_for_stream();
    if (rewrites_first_event_) {
      const session::TagSuffix suffix = pool_->tag_for(id, endpoint);
      tag.assign(suffix.data(), suffix.size());
      tag_at = data_at + event->session.raw_at + event->session.raw.size();
    }
  }
  worker_.changed.event = first_event_->take_raw();
  worker_.changed.event.insert(tag_at, tag);
}

void ExchangeSession::hold_for_stream() {
  if (pool_ == nullptr || !has_key_ || holds_stream_) return;
  holds_stream_ = pool_->sessions().stream_opened(key_);
}

}  // namespace ringside::relay
