// From what a request claims to its row of the routing table. exchange_session_answers.cpp has what
// the answer teaches.
#include "relay/exchange_session.h"

#include <algorithm>
#include <chrono>

#include "base/digest.h"
#include "observe/families.h"
#include "relay/worker.h"
#include "session/cookie.h"
#include "session/endpoint_event.h"
#include "session/handle.h"

namespace ringside::relay {
namespace {

// A tag has no byte that must be escaped, but a client may escape any: what it wrote before the dot
// stays as it wrote it.
std::string_view raw_without_tag(std::string_view raw) {
  std::size_t end = raw.size();
  for (std::size_t left = std::tuple_size_v<session::TagSuffix>; left > 0 && end > 0; --left) {
    const bool is_escape = end >= 3 && raw[end - 3] == '%';
    end -= is_escape ? 3 : 1;
  }
  return raw.substr(0, end);
}

bool learns_tasks(const session::Options& affinity) {
  return std::ranges::any_of(affinity.handles, [](const session::HandleOptions& handle) {
    return handle.kind == session::HandleKind::tasks;
  });
}

}  // namespace

namespace family = observe::family;
using Standing = session::Table::Standing;

ExchangeSession::~ExchangeSession() {
  if (pool_ == nullptr) return;
  worker_.metrics.count(*pool_, outcome_);
  const Time now = worker_.loop.now();
  if (holds_stream_) pool_->sessions().stream_closed(key_, now);
  if (opened_stream_) {  // a session of HTTP+SSE lives as long as its stream
    pool_->sessions().forget(key_, owner_, Standing::deleted, now, now + kTombstoneTime);
  }
}

// --- where to ------------------------------------------------------------------------------------

Failure ExchangeSession::route(Pool& pool, const http::RequestHead& head, const Address& client,
                               Routing& routing) {
  const session::Options& affinity = pool.options().affinity;
  if (affinity.mode == session::Mode::client || affinity.mode == session::Mode::none) {
    routing.row = affinity.mode == session::Mode::client ? Row::by_client : Row::balanced;
    return Failure::none;
  }
  const session::RequestIdentity identity = session::identify(head, affinity.header);
  pool_ = &pool;
  client_ = client;
  method_ = head.method;
  claim_ = identity.claim;
  era_ = identity.era;
  may_learn_ = identity.may_learn;
  path_hash_ = static_cast<std::uint32_t>(hash64(head.path(), 0));
  has_cookie_ = affinity.mode == session::Mode::cookie &&
                session::find_cookie(head, affinity.cookie.name).has_value();
  if (claim_ == session::Claim::duplicate) {
    outcome_ = Outcome::refused_duplicate;
    return Failure::duplicate_session_id;
  }
  if (claim_ == session::Claim::malformed) {
    outcome_ = Outcome::refused_malformed;
    return Failure::malformed_session_id;
  }
  if (claim_ == session::Claim::lookalike) {
    outcome_ = Outcome::refused_malformed;
    return Failure::lookalike_session_id;
  }
  if (claim_ == session::Claim::id) {
    return affinity.mode == session::Mode::tag ? route_by_tag(identity.id, routing)
                                               : route_by_id(identity.id, routing);
  }
  return route_without_session(head, routing);
}

Failure ExchangeSession::route_without_session(const http::RequestHead& head, Routing& routing) {
  const session::Options& affinity = pool_->options().affinity;
  may_learn_task_ = method_ == http::Method::post && learns_tasks(affinity);
  if (!affinity.handles.empty() && route_by_handle(head, routing)) return Failure::none;
  const bool is_legacy = era_ != session::Era::modern;
  if (is_legacy && method_ == http::Method::post &&
      head.target.find('?') != std::string_view::npos) {
    if (const auto parameter = session::session_parameter(head.target)) {
      return route_by_parameter(*parameter, head, routing);
    }
  }
  const std::uint32_t most = affinity.max_sessions_per_client;
  const bool may_begin_session = is_legacy ? method_ != http::Method::options : may_learn_;
  if (most != 0 && may_begin_session && pool_->sessions().sessions_of(client_) >= most) {
    return Failure::too_many_sessions;
  }
  may_learn_stream_ = is_legacy && method_ == http::Method::get;
  if (affinity.mode == session::Mode::cookie && route_by_cookie(head, routing)) {
    return Failure::none;
  }
  if (!is_legacy) {
    outcome_ = Outcome::modern;
    row_ = routing.row =
        affinity.stateless == session::Stateless::client ? Row::by_client : Row::modern;
    return Failure::none;
  }
  outcome_ = Outcome::none;
  row_ = routing.row = Row::placed;
  return Failure::none;
}

// HTTP+SSE, 2024-11-05: the server's `endpoint` event named the session in the URL.
Failure ExchangeSession::route_by_parameter(const session::SessionParameter& parameter,
                                            const http::RequestHead& head, Routing& routing) {
  is_stream_ = true;
  claim_ = session::Claim::id;
  may_learn_ = false;
  std::string_view id = parameter.id();
  if (pool_->options().affinity.mode == session::Mode::tag) {
    const session::TaggedId read = session::read_tag(pool_->keys(), id);
    if (read.tag == session::Tag::forged) {
      outcome_ = Outcome::refused_forged;
      return Failure::forged_session_id;
    }
    if (read.tag == session::Tag::valid) {
      is_tagged_ = true;
      has_target_ = true;
      worker_.changed.target = head.target;
      worker_.changed.target.replace(parameter.raw_at, parameter.raw.size(),
                                     raw_without_tag(parameter.raw));
      id = read.id;
      if (const upstream::Endpoint* owner = pool_->endpoint_of(read.code, read.key)) {
        learn_tagged(key_of_stream(id), session_digest(id), *owner);
      }
    }
  }
  key_ = key_of_stream(id);
  return route_by_key(id, routing);
}

// State that a server can make anew: where its endpoint is lost, the next along the ring has it.
bool ExchangeSession::route_by_handle(const http::RequestHead& head, Routing& routing) {
  const auto handle = session::find_handle(head, pool_->options().affinity.handles);
  if (!handle) return false;
  is_handle_ = true;
  has_key_ = true;
  outcome_ = Outcome::handle;
  key_ = pool_->sessions().key_of(handle->key);
  digest_ = session_digest(handle->value());
  routing.ring_hash = pool_->snapshot().ring().hash_of(handle->key);
  row_ = routing.row = Row::handle;
  const session::Table::Found found = pool_->sessions().use(key_, worker_.loop.now());
  if (found.standing != Standing::bound) return true;
  if (pool_->has_lost_sessions(pool_->snapshot().find(found.binding.owner))) {
    pool_->forget_lost(key_, found.binding.owner, worker_.loop.now());
    return true;
  }
  owner_ = routing.owner = found.binding.owner;
  row_ = routing.row = Row::bound;
  return true;
}

bool ExchangeSession::route_by_cookie(const http::RequestHead& head, Routing& routing) {
  const session::CookieOptions& options = pool_->options().affinity.cookie;
  const auto now = std::chrono::floor<session::seconds>(std::chrono::system_clock::now());
  const session::CookieRead cookie = session::read_cookie(pool_->keys(), head, options.name, now);
  renews_cookie_ = true;
  if (cookie.state != session::CookieState::valid) return false;
  const upstream::Endpoint* endpoint = pool_->endpoint_of(cookie.code, cookie.key);
  if (pool_->has_lost_sessions(endpoint)) return false;
  renews_cookie_ = cookie.key != 0 || session::should_renew(cookie.left, options.ttl);
  outcome_ = Outcome::none;
  row_ = routing.row = Row::cookie;
  routing.owner = endpoint->id();
  return true;
}

// A good tag makes the table a cache that is never missed; an id without one came before the mode
// was on, or from a proxy without it.
Failure ExchangeSession::route_by_tag(std::string_view outward, Routing& routing) {
  const session::TaggedId read = session::read_tag(pool_->keys(), outward);
  if (read.tag == session::Tag::untagged) return route_by_id(outward, routing);
  if (read.tag == session::Tag::forged) {
    outcome_ = Outcome::refused_forged;
    return Failure::forged_session_id;
  }
  is_tagged_ = true;
  inward_ = read.id;
  outward.substr(read.id.size()).copy(tag_.data(), tag_.size());
  const upstream::Endpoint* owner = pool_->endpoint_of(read.code, read.key);
  key_ = pool_->sessions().key_of(read.id);
  if (owner != nullptr) {
    learn_tagged(key_, session_digest(read.id), *owner);
    return route_by_key(read.id, routing);
  }
  has_key_ = true;
  digest_ = session_digest(read.id);
  outcome_ = Outcome::owner_lost;
  return Failure::owner_lost;
}

// What a tag says counts before what the table says of another owner: servers may issue the same
// ids, and an id without its tag can be claimed by anybody.
void ExchangeSession::learn_tagged(session::Key key, std::uint64_t digest,
                                   const upstream::Endpoint& owner) {
  const Time now = worker_.loop.now();
  const session::Table::Found found = pool_->sessions().use(key, now);
  if (found.standing != Standing::unknown && found.binding.owner == owner.id()) return;
  session::Binding binding = binding_to(owner);
  binding.digest = digest;
  const auto gives_way = [](session::OwnerId) { return false; };
  if (pool_->sessions().learn(key, binding, client_, now, gives_way) ==
      session::Table::Learned::bound) {
    worker_.metrics.count_pool(family::kSessionsLearned, *pool_);
  }
}

Failure ExchangeSession::route_by_id(std::string_view id, Routing& routing) {
  key_ = pool_->sessions().key_of(id);
  return route_by_key(id, routing);
}

Failure ExchangeSession::route_by_key(std::string_view id, Routing& routing) {
  has_key_ = true;
  if (revives()) revived_id_ = std::make_unique<std::string>(id);
  const session::Table::Found found = pool_->sessions().use(key_, worker_.loop.now());
  if (found.standing == Standing::bound) return route_bound(found, routing);
  digest_ = session_digest(id);
  routing.ring_hash = pool_->snapshot().ring().hash_of(id);
  switch (found.standing) {
    case Standing::lost:
      owner_ = found.binding.owner;
      return lost(routing, Failure::session_ended);
    case Standing::nobody:  // on that path: another path's 404s said nothing about sessions
      if (found.binding.path_hash != path_hash_) break;
      if (may_revive_unknown()) return lost(routing, Failure::session_ended);
      [[fallthrough]];
    case Standing::deleted:
      outcome_ = Outcome::ended;
      return Failure::session_ended;
    case Standing::bound:
    case Standing::unknown:
      break;
  }
  outcome_ = Outcome::unknown;
  row_ = routing.row = Row::unknown;
  return Failure::none;
}

Failure ExchangeSession::route_bound(const session::Table::Found& found, Routing& routing) {
  digest_ = found.binding.digest;
  on_session_path_ = found.binding.path_hash == path_hash_;
  is_provisional_ = found.binding.provisional;
  row_ = routing.row = Row::bound;
  owner_ = routing.owner = found.binding.owner;
  if (found.binding.revived) {
    if (auto inward = pool_->revivals().find(key_)) {
      revived_as_ = std::make_unique<std::string>(std::move(inward->id));
      inward_ = *revived_as_;
    }
  }
  if (is_provisional_ && method_ == http::Method::delete_) {  // some take it for any id: ask all
    unbind_provisional();
    outcome_ = Outcome::unknown;
    routing.row = Row::unknown;
    return Failure::none;
  }
  const upstream::Endpoint* owner = pool_->snapshot().find(owner_);
  // a tag's word is newer than what is known of its endpoint, which may be back: it is tried
  const bool is_listed_by_tag = is_tagged_ && owner != nullptr;
  if (!is_listed_by_tag && pool_->has_lost_sessions(owner)) {
    const Failure failure = owner_failure(owner, Failure::owner_refused);
    return lost(routing, failure);
  }
  outcome_ = Outcome::bound;
  return Failure::none;
}

Failure ExchangeSession::reroute(Routing& routing) {
  const session::Table::Found found = pool_->sessions().use(key_, worker_.loop.now());
  switch (found.standing) {
    case Standing::bound:
      return route_bound(found, routing);
    case Standing::lost:
      return lost(routing, Failure::session_ended);
    case Standing::unknown:
      row_ = routing.row = Row::unknown;
      return Failure::none;
    case Standing::nobody:
    case Standing::deleted:
      break;
  }
  outcome_ = Outcome::ended;
  return Failure::session_ended;
}

// The loss policy: a failure, unless the pool revives. Only a POST can revive: what else there is
// cannot be repeated on a session that is empty.
Failure ExchangeSession::lost(Routing& routing, Failure failure) {
  if (!revives() || method_ != http::Method::post || is_tagged_) {
    if (revives() && method_ == http::Method::delete_) end_lost();
    if (failure == Failure::session_ended) outcome_ = Outcome::ended;
    return failure;
  }
  outcome_ = Outcome::owner_lost;
  row_ = routing.row = Row::lost;
  return Failure::none;
}

bool ExchangeSession::revives() const {
  return pool_->options().affinity.on_owner_lost == session::OnOwnerLost::reinitialize &&
         !is_stream_;
}

// What an endpoint says about the session that it was is of no account then.
bool ExchangeSession::was_revived_since() const {
  if (!revives()) return false;
  const session::Table::Found found = pool_->sessions().use(key_, worker_.loop.now());
  if (found.standing != Standing::bound || !found.binding.revived) return false;
  const auto inward = pool_->revivals().find(key_);
  return inward && (!revived_as_ || inward->id != *revived_as_);
}

// Its client has done with a session that is lost: it is not to be revived.
void ExchangeSession::end_lost() {
  const Time now = worker_.loop.now();
  const session::Binding was{.owner = owner_, .path_hash = path_hash_, .digest = digest_};
  const auto nobody_lives = [](session::OwnerId) { return false; };
  pool_->sessions().learn(key_, was, client_, now, nobody_lives);
  pool_->sessions().forget(key_, owner_, Standing::deleted, now,
                           now + pool_->options().affinity.idle_ttl);
  pool_->handshakes().forget(key_);
}

bool ExchangeSession::may_revive_unknown() const {
  return revives() &&
         (pool_->options().affinity.revive.unknown || pool_->handshakes().find(key_).has_value());
}

// Refusing for long enough, or gone from the pool, an owner has lost its sessions.
Failure ExchangeSession::owner_failure(const upstream::Endpoint* owner, Failure reason) {
  if (pool_->has_lost_sessions(owner)) {
    outcome_ = Outcome::owner_lost;
    pool_->forget_lost(key_, owner_, worker_.loop.now());
    if (revives() && method_ == http::Method::delete_) end_lost();
    return Failure::owner_lost;
  }
  outcome_ = Outcome::owner_refused;
  return reason;
}

}  // namespace ringside::relay
