// The rules of ExchangeSession::route(), asked of a table that does not notice.
#include "relay/explain.h"

#include <algorithm>
#include <string>

#include "base/digest.h"
#include "base/hash.h"
#include "http/parser.h"
#include "session/client_identity.h"
#include "session/endpoint_event.h"
#include "session/handle.h"
#include "session/identify.h"
#include "session/tag.h"

namespace ringside::relay {
namespace {

using session::Standing;

struct Rule {
  unsigned row;
  std::string_view name;
};

constexpr Rule kBound{1, "a session with a binding"};
constexpr Rule kTagged{2, "a session id whose tag names the endpoint"};
constexpr Rule kUnknown{3, "a session id that nobody here knows"};
constexpr Rule kModern{4, "the era without sessions"};
constexpr Rule kHandle{5, "a handle that the configuration names"};
constexpr Rule kPlaced{6, "no session id: placement"};
constexpr Rule kCookie{0, "mode cookie: the cookie names the endpoint"};
constexpr Rule kByClient{0, "mode client: the client's identity alone"};
constexpr Rule kBalanced{0, "mode none: every request by itself"};
constexpr Rule kLost{0, "the loss policy: on_owner_lost"};
constexpr Rule kEnded{0, "a session that has ended"};

constexpr std::string_view kAlongTheRing = "the client's identity names the endpoint on the ring";

// One request, from its head on.
class Explainer final : public http::RequestSink {
 public:
  Explainer(Shared& shared, const Question& question, Time now, session::sys_seconds wall_now)
      : shared_(shared), question_(question), now_(now), wall_now_(wall_now) {}

  Explanation run() {
    http::ParseScratch scratch;
    http::RequestParser parser(scratch, shared_.limits.header_bytes);
    const http::Fed fed = parser.feed(question_.head, *this);
    if (fed.status == http::Fed::Status::fault) {
      refuse(failure_of(parser.fault()));
    } else if (!has_head_) {
      refuse(Failure::bad_request);
    }
    if (told_.refused == Failure::none) list_endpoints();
    return std::move(told_);
  }

 private:
  bool on_request_head(const http::RequestHead& head) override {
    has_head_ = true;
    const auto& trusted = shared_.listeners[question_.listener].trusted_proxies;
    told_.client = session::client_address(question_.peer, head, trusted).with_port(0);
    const auto routed =
        question_.pool ? question_.pool
                       : shared_.routers[question_.listener].pool_for(head.authority, head.path());
    if (routed) told_.pool = pool_ = &shared_.pools[*routed];
    if (head.too_large) {
      refuse(Failure::head_too_large);
    } else if (pool_ == nullptr) {
      refuse(Failure::no_route);
    } else if (!origin_is_allowed(head)) {
      refuse(Failure::origin_refused);
    } else if (const std::uint64_t most = shared_.limits.body_bytes;
               most != 0 && head.framing.length > most) {
      refuse(Failure::body_too_large);
    } else {
      decide(head);
    }
    return false;
  }
  bool on_request_body(std::string_view) override { return false; }
  void on_request_trailers(std::span<const http::Field>) override {}

  bool origin_is_allowed(const http::RequestHead& head) const {
    const auto& allowed = shared_.listeners[question_.listener].allowed_origins;
    if (allowed.empty()) return true;
    return std::ranges::all_of(head.fields, [&](const http::Field& field) {
      return !http::equals_ignoring_case(field.name, "origin") ||
             std::ranges::any_of(allowed, [&](const std::string& each) {
               return http::equals_ignoring_case(each, field.value);
             });
    });
  }

  void refuse(Failure failure) {
    told_.refused = failure;
    told_.why = row_of(failure).message;
  }
  void refuse(Failure failure, const Rule& rule, std::string_view why) {
    told_.refused = failure;
    told_.picked_by = observe::PickedBy::none;
    say(rule, why);
  }
  void say(const Rule& rule, std::string_view why) {
    told_.row = rule.row;
    told_.rule = rule.name;
    told_.why = why;
  }
  void go(Row row, observe::PickedBy picked_by, const Rule& rule, std::string_view why) {
    routing_.row = row;
    told_.picked_by = picked_by;
    say(rule, why);
  }
  void go_by_client(Row row, const Rule& rule, std::string_view why) {
    routing_.ring_hash = client_hash();
    go(row, observe::PickedBy::ring, rule, why);
  }

  bool revives() const {
    return affinity().on_owner_lost == session::OnOwnerLost::reinitialize && !is_stream_;
  }
  // Another endpoint may have the request of a binding: a handle's, or one that proved little.
  bool may_move() const {
    return told_.row == kHandle.row || (told_.is_provisional && method_ == http::Method::post);
  }
  const session::Options& affinity() const { return pool_->options().affinity; }
  const upstream::Endpoint* endpoint(session::OwnerId id) const {
    return pool_->snapshot().find(id);
  }
  std::uint64_t client_hash() const {
    return pool_->snapshot().ring().hash_of(session::ring_key(told_.client, shared_.host_identity));
  }

  void decide(const http::RequestHead& head);
  void without_session(const http::RequestHead& head);
  bool by_handle(const http::RequestHead& head);
  bool by_cookie(const http::RequestHead& head);
  void by_id(std::string_view id);
  void by_tag(const session::TaggedId& tagged);
  void by_key(std::string_view id);
  void bound(const session::Binding& binding);
  void bound_to(const upstream::Endpoint& owner, observe::PickedBy picked_by, const Rule& rule,
                std::string_view why);
  void lost(Failure failure, std::string_view why);
  session::Key key_of(std::string_view id) const;
  void list_endpoints();

  Shared& shared_;
  const Question& question_;
  Time now_;
  session::sys_seconds wall_now_;
  Pool* pool_ = nullptr;
  Explanation told_;
  Routing routing_;
  session::Key key_;
  std::uint32_t path_hash_ = 0;
  http::Method method_ = http::Method::other;
  session::Era era_ = session::Era::legacy;
  bool has_head_ = false;
  bool may_learn_ = false;
  bool is_tagged_ = false;
  bool is_stream_ = false;  // of HTTP+SSE: the URL names the session
};

void Explainer::decide(const http::RequestHead& head) {
  method_ = head.method;
  path_hash_ = static_cast<std::uint32_t>(hash64(head.path(), 0));
  if (affinity().mode == session::Mode::client) {
    return go_by_client(Row::by_client, kByClient, kAlongTheRing);
  }
  if (affinity().mode == session::Mode::none) {
    return go(Row::balanced, observe::PickedBy::balanced, kBalanced,
              "the less busy of two endpoints drawn at random");
  }
  const session::RequestIdentity identity = session::identify(head, affinity().header);
  era_ = identity.era;
  may_learn_ = identity.may_learn;
  switch (identity.claim) {
    case session::Claim::duplicate:
      return refuse(Failure::duplicate_session_id);
    case session::Claim::malformed:
      return refuse(Failure::malformed_session_id);
    case session::Claim::lookalike:
      return refuse(Failure::lookalike_session_id);
    case session::Claim::id:
      return by_id(identity.id);
    case session::Claim::none:
      return without_session(head);
  }
}

void Explainer::without_session(const http::RequestHead& head) {
  if (by_handle(head)) return;
  const bool is_legacy = era_ != session::Era::modern;
  if (is_legacy && head.method == http::Method::post) {
    if (const auto named = session::session_parameter(head.target)) {
      is_stream_ = true;
      return by_id(named->id());
    }
  }
  const std::uint32_t most = affinity().max_sessions_per_client;
  const bool may_begin_session = is_legacy ? head.method != http::Method::options : may_learn_;
  if (most != 0 && may_begin_session && pool_->sessions().sessions_of(told_.client) >= most) {
    return refuse(Failure::too_many_sessions, kPlaced,
                  "the client has max_sessions_per_client sessions already");
  }
  if (affinity().mode == session::Mode::cookie && by_cookie(head)) return;
  if (!is_legacy) {
    if (affinity().stateless == session::Stateless::client) {
      return go_by_client(Row::by_client, kModern, kAlongTheRing);
    }
    return go(Row::modern, observe::PickedBy::balanced, kModern,
              "the less busy of two endpoints drawn at random");
  }
  const bool by_sessions = pool_->options().placement.by == upstream::PlacementBy::least_sessions;
  go_by_client(Row::placed, kPlaced,
               by_sessions ? "the endpoint with the fewest sessions for its weight"
                           : "the endpoint that the client's identity names on the ring, past "
                             "those that hold balance_factor times their share of sessions");
}

bool Explainer::by_handle(const http::RequestHead& head) {
  const auto handle = session::find_handle(head, affinity().handles);
  if (!handle) return false;
  told_.digest = session_digest(handle->value());
  routing_.ring_hash = pool_->snapshot().ring().hash_of(handle->key);
  const auto found = pool_->sessions().peek(pool_->sessions().key_of(handle->key), now_);
  const upstream::Endpoint* owner =
      found.standing == Standing::bound ? endpoint(found.binding.owner) : nullptr;
  if (!pool_->has_lost_sessions(owner)) {
    told_.is_bound = true;
    bound_to(*owner, observe::PickedBy::handle, kHandle,
             "the handle's value is bound to that endpoint");
  } else {
    go(Row::handle, observe::PickedBy::handle, kHandle,
       "no binding: the endpoint that the handle's value names on the ring");
  }
  return true;
}

bool Explainer::by_cookie(const http::RequestHead& head) {
  const session::CookieRead cookie =
      session::read_cookie(pool_->keys(), head, affinity().cookie.name, wall_now_);
  if (cookie.state != session::CookieState::valid) return false;
  const upstream::Endpoint* named = pool_->endpoint_of(cookie.code, cookie.key);
  if (pool_->has_lost_sessions(named)) return false;
  routing_.owner = named->id();
  go(Row::cookie, observe::PickedBy::cookie, kCookie, "the cookie is valid and has not lapsed");
  return true;
}

void Explainer::by_id(std::string_view id) {
  if (affinity().mode == session::Mode::tag) {
    const session::TaggedId tagged = session::read_tag(pool_->keys(), id);
    if (tagged.tag == session::Tag::forged) {
      told_.digest = session_digest(id);
      return refuse(Failure::forged_session_id, kTagged,
                    "the id ends in a tag that none of the keys made");
    }
    if (tagged.tag == session::Tag::valid) return by_tag(tagged);
  }
  key_ = key_of(id);
  by_key(id);
}

void Explainer::by_tag(const session::TaggedId& tagged) {
  is_tagged_ = true;
  key_ = key_of(tagged.id);
  told_.digest = session_digest(tagged.id);
  const upstream::Endpoint* named = pool_->endpoint_of(tagged.code, tagged.key);
  if (named == nullptr && !is_stream_) {
    return refuse(Failure::owner_lost, kTagged,
                  "the tag is good, but its endpoint is not in the pool any more");
  }
  if (named == nullptr || pool_->sessions().peek(key_, now_).standing != Standing::unknown) {
    return by_key(tagged.id);
  }
  told_.owner = named;
  if (pool_->has_lost_sessions(named)) {
    return lost(Failure::owner_lost, "the tag's endpoint has refused for owner_grace");
  }
  bound_to(*named, observe::PickedBy::tag, kTagged,
           "the tag is good and names that endpoint; no other is asked");
}

void Explainer::by_key(std::string_view id) {
  told_.digest = session_digest(id);
  routing_.ring_hash = pool_->snapshot().ring().hash_of(id);
  const session::Table::Found found = pool_->sessions().peek(key_, now_);
  switch (found.standing) {
    case Standing::bound:
      return bound(found.binding);
    case Standing::lost:
      return lost(Failure::session_ended, "its owner is gone, or said that it does not know it");
    case Standing::deleted:
      return refuse(Failure::session_ended, kEnded, "its client or an operator has ended it");
    case Standing::nobody: {
      if (found.binding.path_hash != path_hash_) break;
      constexpr std::string_view kWhy = "every endpoint was asked a moment ago, and none knows it";
      const bool may_revive =
          revives() && (affinity().revive.unknown || pool_->handshakes().find(key_).has_value());
      if (may_revive) return lost(Failure::session_ended, kWhy);
      return refuse(Failure::session_ended, kEnded, kWhy);
    }
    case Standing::unknown:
      break;
  }
  go(Row::unknown, observe::PickedBy::ring, kUnknown,
     method_ == http::Method::delete_
         ? "no binding: a DELETE goes to every endpoint, since some answer it for any id"
         : "no binding: the endpoint that the id names on the ring, then the next along the ring "
           "until one knows the session");
}

void Explainer::bound(const session::Binding& binding) {
  told_.is_bound = true;
  told_.is_provisional = binding.provisional;
  told_.is_revived = binding.revived;
  told_.digest = binding.digest;
  told_.owner = endpoint(binding.owner);
  if (pool_->has_lost_sessions(told_.owner)) {
    return lost(Failure::owner_lost, told_.owner == nullptr
                                         ? "its owner is not in the pool any more"
                                         : "its owner has refused for owner_grace");
  }
  const auto picked_by = is_tagged_ ? observe::PickedBy::tag : observe::PickedBy::binding;
  bound_to(*told_.owner, picked_by, is_tagged_ ? kTagged : kBound,
           may_move() ? "that endpoint opened a stream for it, which proves little: if "
                        "it does not know the session the others are asked"
                      : "the session is bound to that endpoint; no other is asked");
}

void Explainer::bound_to(const upstream::Endpoint& owner, observe::PickedBy picked_by,
                         const Rule& rule, std::string_view why) {
  told_.owner = &owner;
  routing_.owner = owner.id();
  go(Row::bound, picked_by, rule,
     rule.row != kHandle.row && owner.refusal().refusing()
         ? "the session lives on that endpoint, which refuses connections: 503 while it does, and "
           "the loss policy after owner_grace"
         : why);
}

void Explainer::lost(Failure failure, std::string_view why) {
  if (!revives() || method_ != http::Method::post || is_tagged_) {
    return refuse(failure, kLost, why);
  }
  routing_.ring_hash = client_hash();
  go(Row::lost, observe::PickedBy::revival, kLost, why);
}

session::Key Explainer::key_of(std::string_view id) const {
  return pool_->sessions().key_of(is_stream_ ? std::string("\0s\0", 3).append(id)
                                             : std::string(id));
}

// A placement that is asked again and again, as an exchange does that finds nobody.
void Explainer::list_endpoints() {
  if (routing_.row == Row::modern || routing_.row == Row::balanced) return;
  if (routing_.row == Row::lost) routing_.row = Row::placed;
  Random random(0);  // for the rows above alone
  upstream::Tried tried;
  while (const upstream::Endpoint* next = pool_->pick(routing_, random, tried)) {
    told_.endpoints.push_back(next);
    tried.push_back(next->id());
    if (routing_.row == Row::bound && may_move()) routing_.row = Row::unknown;
    if (routing_.row == Row::cookie) {
      routing_.row = Row::placed;
      routing_.ring_hash = client_hash();
    }
  }
}

}  // namespace

Explanation explain(Shared& shared, const Question& question, Time now,
                    session::sys_seconds wall_now) {
  return Explainer(shared, question, now, wall_now).run();
}

}  // namespace ringside::relay
