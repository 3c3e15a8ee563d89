// The decision of decision.h, asked of a table that does not notice, in words.
#include "relay/explain.h"

#include "http/parser.h"
#include "relay/decision.h"
#include "session/client_identity.h"

namespace ringside::relay {
namespace {

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
constexpr std::string_view kOfTwo = "the less busy of two endpoints drawn at random";
constexpr std::string_view kNobody = "every endpoint was asked a moment ago, and none knows it";

// Requires: not Because::duplicate_id or malformed_id, which precede all rules.
Rule rule_of(Because because) {
  switch (because) {
    case Because::client_mode:
      return kByClient;
    case Because::balanced_mode:
      return kBalanced;
    case Because::handle_bound:
    case Because::handle_free:
      return kHandle;
    case Because::cookie:
      return kCookie;
    case Because::modern:
    case Because::modern_by_client:
      return kModern;
    case Because::too_many_sessions:
    case Because::placement:
      return kPlaced;
    case Because::binding:
    case Because::provisional_binding:
    case Because::too_many_streams:
      return kBound;
    case Because::forged_tag:
    case Because::tag:
    case Because::tag_of_nobody:
      return kTagged;
    case Because::unknown:
      return kUnknown;
    case Because::owner_lost:
    case Because::lost:
    case Because::nobody_but_revives:
      return kLost;
    case Because::deleted:
    case Because::nobody:
      return kEnded;
    case Because::duplicate_id:
    case Because::malformed_id:
      break;
  }
  return {0, ""};
}

std::string_view why(const Decision& decision, const Pool& pool, http::Method method) {
  switch (decision.because) {
    case Because::balanced_mode:
    case Because::modern:
      return kOfTwo;
    case Because::client_mode:
    case Because::modern_by_client:
      return kAlongTheRing;
    case Because::duplicate_id:
    case Because::malformed_id:
      return row_of(decision.refused).message;
    case Because::forged_tag:
      return "the id ends in a tag that none of the keys made";
    case Because::handle_bound:
      return "the handle's value is bound to that endpoint";
    case Because::handle_free:
      return "no binding: the endpoint that the handle's value names on the ring";
    case Because::cookie:
      return "the cookie is valid and has not lapsed";
    case Because::too_many_sessions:
      return "the client has max_sessions_per_client sessions already";
    case Because::placement:
      return pool.options().placement.by == upstream::PlacementBy::least_sessions
                 ? "the endpoint with the fewest sessions for its weight"
                 : "the endpoint that the client's identity names on the ring, past those that "
                   "hold balance_factor times their share of sessions";
    case Because::binding:
      return "the session is bound to that endpoint; no other is asked";
    case Because::provisional_binding:
      return "that endpoint opened a stream for it, which proves little: if it does not know the "
             "session the others are asked";
    case Because::too_many_streams:
      return "the session has max_streams_per_session event streams open already";
    case Because::tag:
      return "the tag is good and names that endpoint; no other is asked";
    case Because::tag_of_nobody:
      return "the tag is good, but its endpoint is not in the pool any more";
    case Because::unknown:
      return method == http::Method::delete_
                 ? "no binding: a DELETE goes to every endpoint, since some answer it for any id"
                 : "no binding: the endpoint that the id names on the ring, then the next along "
                   "the ring until one knows the session";
    case Because::owner_lost:
      return decision.owner == nullptr ? "its owner is not in the pool any more"
                                       : "its owner has refused for owner_grace";
    case Because::lost:
      return "its owner is gone, or said that it does not know it";
    case Because::deleted:
      return "its client or an operator has ended it";
    case Because::nobody:
    case Because::nobody_but_revives:
      return kNobody;
  }
  return {};
}

observe::PickedBy picked_by(const Decision& decision) {
  switch (decision.routing.row) {
    case Row::bound:
      if (decision.is_handle) return observe::PickedBy::handle;
      return decision.is_tagged ? observe::PickedBy::tag : observe::PickedBy::binding;
    case Row::cookie:
      return observe::PickedBy::cookie;
    case Row::handle:
      return observe::PickedBy::handle;
    case Row::lost:
      return observe::PickedBy::revival;
    case Row::unknown:
    case Row::placed:
    case Row::by_client:
      return observe::PickedBy::ring;
    case Row::modern:
    case Row::balanced:
      return observe::PickedBy::balanced;
  }
  return observe::PickedBy::none;
}

// Another endpoint may have the request of a binding: a handle's, or one that proved little.
bool may_move(const Decision& decision, http::Method method) {
  return decision.is_handle ||
         (decision.because == Because::provisional_binding && method == http::Method::post);
}

// One request, from its head on.
class Explainer final : public http::RequestSink {
 public:
  Explainer(Shared& shared, const Question& question, const Look& look)
      : shared_(shared), question_(question), look_(look) {}

  Explanation run() {
    http::ParseScratch scratch;
    http::RequestParser parser(scratch, shared_.limits.header_bytes);
    const http::Fed fed = parser.feed(question_.head, *this);
    if (fed.status == http::Fed::Status::fault) {
      refuse(failure_of(parser.fault()));
    } else if (!has_head_) {
      refuse(Failure::bad_request);
    }
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
    Pool* pool = routed ? &shared_.pools[*routed] : nullptr;
    told_.pool = pool;
    refuse(refusal_before_routing(shared_, question_.listener, pool, head));
    if (told_.refused == Failure::none) explain(*pool, head);
    return false;
  }
  bool on_request_body(std::string_view) override { return false; }
  void on_request_trailers(std::span<const http::Field>) override {}

  void refuse(Failure failure) {
    told_.refused = failure;
    told_.why = row_of(failure).message;
  }
  void explain(Pool& pool, const http::RequestHead& head);
  void list_endpoints(Pool& pool, const Decision& decision, http::Method method);

  Shared& shared_;
  const Question& question_;
  const Look& look_;
  Explanation told_;
  bool has_head_ = false;
};

void Explainer::explain(Pool& pool, const http::RequestHead& head) {
  const Decision decision = decide(pool, head, told_.client, look_);
  const Rule rule = rule_of(decision.because);
  told_.refused = decision.refused;
  told_.row = rule.row;
  told_.rule = rule.name;
  told_.why = why(decision, pool, head.method);
  told_.owner = decision.owner;
  if (decision.has_key || decision.because == Because::forged_tag) told_.digest = decision.digest;
  const bool is_bound = decision.because == Because::handle_bound || decision.owner_is_lost ||
                        (decision.routing.row == Row::bound && !decision.learns_tag);
  told_.is_bound = is_bound && !(decision.is_handle && decision.owner_is_lost);
  told_.is_provisional = told_.is_bound && decision.binding.provisional;
  told_.is_revived = told_.is_bound && decision.binding.revival != 0;
  if (decision.refused != Failure::none) return;
  told_.picked_by = picked_by(decision);
  const bool is_session = decision.routing.row == Row::bound && !decision.is_handle;
  if (is_session && decision.owner->refusal().refusing()) {
    told_.why =
        "the session lives on that endpoint, which refuses connections: 503 while it does, "
        "and the loss policy after owner_grace";
  }
  list_endpoints(pool, decision, head.method);
}

// A placement that is asked again and again, as an exchange does that finds nobody.
void Explainer::list_endpoints(Pool& pool, const Decision& decision, http::Method method) {
  Routing routing = decision.routing;
  if (routing.row == Row::modern || routing.row == Row::balanced) return;
  const std::uint64_t by_client =
      pool.snapshot().ring().hash_of(session::ring_key(told_.client, shared_.host_identity));
  const auto place = [&] { routing = {.row = Row::placed, .ring_hash = by_client}; };
  if (routing.row == Row::lost || routing.row == Row::placed) place();
  if (routing.row == Row::by_client) routing.ring_hash = by_client;
  Random random(0);  // for the rows above alone
  upstream::Tried tried;
  while (const upstream::Endpoint* next = pool.pick(routing, random, tried)) {
    told_.endpoints.push_back(next);
    tried.push_back(next->id());
    if (routing.row == Row::bound && may_move(decision, method)) routing.row = Row::unknown;
    if (routing.row == Row::cookie) place();
  }
}

}  // namespace

Explanation explain(Shared& shared, const Question& question, Time now,
                    session::sys_seconds wall_now) {
  const Look look{.now = now, .wall_now = wall_now};
  return Explainer(shared, question, look).run();
}

}  // namespace ringside::relay
