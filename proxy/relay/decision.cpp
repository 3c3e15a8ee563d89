// The routing table, asked from the most certain row to the least.
#include "relay/decision.h"

#include <algorithm>
#include <string>

#include "base/digest.h"
#include "base/hash.h"
#include "relay/lookalikes.h"
#include "relay/worker.h"
#include "session/handle.h"
#include "session/tag.h"

namespace ringside::relay {
namespace {

using session::Standing;

class Decider {
 public:
  Decider(Pool& pool, http::Method method, const Look& look, Decision& into)
      : pool_(pool),
        affinity_(pool.options().affinity),
        method_(method),
        look_(look),
        decision_(into) {}

  void decide(const http::RequestHead& head, const Address& client);
  void decide_again(const Asked& asked);

 private:
  void without_session(const http::RequestHead& head, const Address& client);
  bool by_handle(const http::RequestHead& head);
  bool by_cookie(const http::RequestHead& head);
  void by_id(std::string_view id);
  void by_key(std::string_view id);
  void by_standing(const session::Table::Found& found);
  void by_binding(const session::Table::Found& found);
  bool has_all_streams(std::uint32_t streams) const;
  void lost(Because because, Failure failure);
  void go(Row row, Because because) {
    decision_.routing.row = row;
    decision_.because = because;
  }
  void refuse(Failure failure, Because because) {
    decision_.refused = failure;
    decision_.because = because;
  }
  session::Table::Found find(session::Key key) {
    return look_.counts_as_use ? pool_.sessions().use(key, look_.now)
                               : pool_.sessions().peek(key, look_.now);
  }

  Pool& pool_;
  const session::Options& affinity_;
  http::Method method_;
  const Look& look_;
  Decision& decision_;
};

void Decider::decide(const http::RequestHead& head, const Address& client) {
  if (affinity_.mode == session::Mode::client) return go(Row::by_client, Because::client_mode);
  if (affinity_.mode == session::Mode::none) return go(Row::balanced, Because::balanced_mode);
  const session::RequestIdentity identity = session::identify(head, pool_.session_field());
  decision_.claim = identity.claim;
  decision_.era = identity.era;
  decision_.may_learn = identity.may_learn;
  decision_.path_hash = static_cast<std::uint32_t>(hash64(head.path(), 0));
  switch (identity.claim) {
    case session::Claim::duplicate:
      return refuse(Failure::duplicate_session_id, Because::duplicate_id);
    case session::Claim::malformed:
      return refuse(Failure::malformed_session_id, Because::malformed_id);
    case session::Claim::id:
      return by_id(identity.id);
    case session::Claim::none:
      return without_session(head, client);
  }
}

// Another request may have found the session since, or revived it, or shown that nobody knows it.
void Decider::decide_again(const Asked& asked) {
  decision_.claim = session::Claim::id;
  decision_.key = asked.key;
  decision_.digest = asked.digest;
  decision_.path_hash = asked.path_hash;
  decision_.routing.ring_hash = asked.ring_hash;
  decision_.has_key = true;
  decision_.is_tagged = asked.is_tagged;
  decision_.is_stream = asked.is_stream;
  by_standing(find(asked.key));
}

void Decider::without_session(const http::RequestHead& head, const Address& client) {
  if (!affinity_.handles.empty() && by_handle(head)) return;
  const bool is_legacy = decision_.era != session::Era::modern;
  if (is_legacy && method_ == http::Method::post &&
      head.target.find('?') != std::string_view::npos) {
    decision_.parameter = session::session_parameter(head.target);
    if (decision_.parameter) {  // HTTP+SSE: the server's `endpoint` event named the session
      decision_.is_stream = true;
      decision_.claim = session::Claim::id;
      decision_.may_learn = false;
      return by_id(decision_.parameter->id());
    }
  }
  const std::uint32_t most = affinity_.max_sessions_per_client;
  const bool may_begin_session = is_legacy ? method_ != http::Method::options : decision_.may_learn;
  if (most != 0 && may_begin_session && pool_.sessions().sessions_of(client) >= most) {
    return refuse(Failure::too_many_sessions, Because::too_many_sessions);
  }
  if (affinity_.mode == session::Mode::cookie && by_cookie(head)) return;
  if (is_legacy) return go(Row::placed, Because::placement);
  if (affinity_.stateless == session::Stateless::client) {
    return go(Row::by_client, Because::modern_by_client);
  }
  go(Row::modern, Because::modern);
}

// State that a server can make anew: where its endpoint is lost, the next along the ring has it.
bool Decider::by_handle(const http::RequestHead& head) {
  const auto handle = session::find_handle(head, affinity_.handles);
  if (!handle) return false;
  decision_.is_handle = true;
  decision_.has_key = true;
  decision_.key = pool_.sessions().key_of(handle->key);
  decision_.digest = session_digest(handle->value());
  decision_.routing.ring_hash = pool_.snapshot().ring().hash_of(handle->key);
  go(Row::handle, Because::handle_free);
  const session::Table::Found found = find(decision_.key);
  if (found.standing != Standing::bound) return true;
  decision_.binding = found.binding;
  decision_.owner = pool_.snapshot().find(found.binding.owner);
  decision_.owner_is_lost = pool_.has_lost_sessions(decision_.owner);
  if (decision_.owner_is_lost) return true;
  decision_.routing.owner = found.binding.owner;
  go(Row::bound, Because::handle_bound);
  return true;
}

bool Decider::by_cookie(const http::RequestHead& head) {
  const session::CookieRead cookie =
      session::read_cookie(pool_.keys(), head, affinity_.cookie.name, look_.wall_now);
  decision_.renews_cookie = true;
  if (cookie.state != session::CookieState::valid) return false;
  const upstream::Endpoint* named = pool_.endpoint_of(cookie.code, cookie.key);
  if (pool_.has_lost_sessions(named)) return false;
  decision_.renews_cookie =
      cookie.key != 0 || session::should_renew(cookie.left, affinity_.cookie.ttl);
  decision_.owner = named;
  decision_.routing.owner = named->id();
  go(Row::cookie, Because::cookie);
  return true;
}

// A good tag makes the table a cache that is never missed; an id without one came before the mode
// was on, or from a proxy without it.
void Decider::by_id(std::string_view id) {
  if (affinity_.mode != session::Mode::tag) return by_key(id);
  const session::TaggedId read = session::read_tag(pool_.keys(), id);
  if (read.tag == session::Tag::untagged) return by_key(id);
  if (read.tag == session::Tag::forged) {
    decision_.digest = session_digest(id);
    return refuse(Failure::forged_session_id, Because::forged_tag);
  }
  decision_.is_tagged = true;
  decision_.tag = id.substr(read.id.size());
  decision_.owner = pool_.endpoint_of(read.code, read.key);
  if (decision_.owner != nullptr || decision_.is_stream) return by_key(read.id);
  decision_.id = read.id;
  decision_.key = key_of_session(pool_, read.id, false);
  decision_.digest = session_digest(read.id);
  decision_.has_key = true;
  refuse(Failure::owner_lost, Because::tag_of_nobody);
}

// What a tag says counts before what the table says of another owner: servers may issue the same
// ids, and an id without its tag can be claimed by anybody.
void Decider::by_key(std::string_view id) {
  decision_.id = id;
  decision_.has_key = true;
  decision_.key = key_of_session(pool_, id, decision_.is_stream);
  session::Table::Found found = find(decision_.key);
  if (const upstream::Endpoint* named = decision_.is_tagged ? decision_.owner : nullptr) {
    const bool is_known = found.standing != Standing::unknown && found.binding.owner == named->id();
    if (!is_known) {
      decision_.learns_tag = true;
      found = {.standing = Standing::bound,
               .binding = {.owner = named->id(),
                           .path_hash = decision_.path_hash,
                           .digest = session_digest(id)}};
    }
  }
  if (found.standing != Standing::bound) decision_.digest = session_digest(id);
  if (found.standing != Standing::bound || found.binding.provisional) {
    decision_.routing.ring_hash = pool_.snapshot().ring().hash_of(id);
  }
  by_standing(found);
}

void Decider::by_standing(const session::Table::Found& found) {
  decision_.binding = found.binding;
  switch (found.standing) {
    case Standing::bound:
      return by_binding(found);
    case Standing::lost:
      return lost(Because::lost, Failure::session_ended);
    case Standing::deleted:
      return refuse(Failure::session_ended, Because::deleted);
    case Standing::nobody:  // on that path: another path's 404s said nothing about sessions
      if (found.binding.path_hash != decision_.path_hash) break;
      if (may_revive_unknown(pool_, decision_.key, decision_.is_stream)) {
        return lost(Because::nobody_but_revives, Failure::session_ended);
      }
      return refuse(Failure::session_ended, Because::nobody);
    case Standing::unknown:
      break;
  }
  go(Row::unknown, Because::unknown);
}

void Decider::by_binding(const session::Table::Found& found) {
  const session::Binding& binding = found.binding;
  decision_.digest = binding.digest;
  decision_.owner = pool_.snapshot().find(binding.owner);
  decision_.routing.owner = binding.owner;
  if (binding.provisional && method_ == http::Method::delete_) {  // some take it for any id
    decision_.unbinds = true;
    return go(Row::unknown, Because::unknown);
  }
  decision_.routing.row = Row::bound;
  // a tag's word is newer than what is known of its endpoint, which may be back: it is tried
  const bool is_listed_by_tag = decision_.is_tagged && decision_.owner != nullptr;
  if (!is_listed_by_tag && pool_.has_lost_sessions(decision_.owner)) {
    decision_.owner_is_lost = true;
    return lost(Because::owner_lost, Failure::owner_lost);
  }
  if (has_all_streams(found.streams)) {
    return refuse(Failure::too_many_streams, Because::too_many_streams);
  }
  decision_.because = decision_.is_tagged   ? Because::tag
                      : binding.provisional ? Because::provisional_binding
                                            : Because::binding;
}

// Whether the answer will be a stream is not known yet, but these alone open one.
bool Decider::has_all_streams(std::uint32_t streams) const {
  const std::uint32_t most = affinity_.max_streams_per_session;
  return most != 0 && streams >= most &&
         (method_ == http::Method::get || method_ == http::Method::post);
}

// The loss policy: a failure, unless the pool revives. Only a POST can revive: what else there is
// cannot be repeated on a session that is empty.
void Decider::lost(Because because, Failure failure) {
  const bool may_revive =
      method_ == http::Method::post && !decision_.is_tagged && revives(pool_, decision_.is_stream);
  if (may_revive) return go(Row::lost, because);
  refuse(failure, because);
}

// Browsers tell where a page comes from; what has no Origin is no page.
bool origin_is_allowed(const ListenerOptions& listener, const http::RequestHead& head) {
  const auto& allowed = listener.allowed_origins;
  if (allowed.empty()) return true;
  return std::ranges::all_of(head.fields, [&](const http::Field& field) {
    if (!http::equals_ignoring_case(field.name, "origin")) return true;
    return std::ranges::any_of(allowed, [&](const std::string& each) {
      return http::equals_ignoring_case(each, field.value);
    });
  });
}

}  // namespace

Failure refusal_before_routing(const Shared& shared, std::size_t listener, const Pool* pool,
                               const http::RequestHead& head) {
  if (head.too_large) return Failure::head_too_large;
  if (pool == nullptr) return Failure::no_route;
  if (!origin_is_allowed(shared.listeners[listener], head)) return Failure::origin_refused;
  if (head.has_underscores && shared.listeners[listener].underscores == Underscores::refuse) {
    const Failure lookalike = lookalike_in(head, *pool);
    if (lookalike != Failure::none) return lookalike;
  }
  const std::uint64_t body_max = shared.limits.body_bytes;
  return body_max != 0 && head.framing.length > body_max ? Failure::body_too_large : Failure::none;
}

Decision decide(Pool& pool, const http::RequestHead& head, const Address& client,
                const Look& look) {
  Decision decision;
  Decider(pool, head.method, look, decision).decide(head, client);
  return decision;
}

Decision decide_again(Pool& pool, const Asked& asked, const Look& look) {
  Decision decision;
  Decider(pool, asked.method, look, decision).decide_again(asked);
  return decision;
}

bool revives(const Pool& pool, bool is_stream) {
  return pool.options().affinity.on_owner_lost == session::OnOwnerLost::reinitialize && !is_stream;
}

bool may_revive_unknown(Pool& pool, session::Key key, bool is_stream) {
  return revives(pool, is_stream) &&
         (pool.options().affinity.revive.unknown || pool.handshakes().find(key).has_value());
}

session::Key key_of_session(const Pool& pool, std::string_view id, bool is_stream) {
  if (!is_stream) return pool.sessions().key_of(id);
  return pool.sessions().key_of(std::string("\0s\0", 3).append(id));
}

}  // namespace ringside::relay
