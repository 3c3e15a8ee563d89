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

session::sys_seconds wall_time() {
  return std::chrono::floor<session::seconds>(std::chrono::system_clock::now());
}

// What is counted of a request that was decided so, unless it ends in another way.
Outcome outcome_of(Because because) {
  switch (because) {
    case Because::duplicate_id:
      return Outcome::refused_duplicate;
    case Because::malformed_id:
      return Outcome::refused_malformed;
    case Because::forged_tag:
      return Outcome::refused_forged;
    case Because::handle_bound:
    case Because::handle_free:
      return Outcome::handle;
    case Because::modern:
    case Because::modern_by_client:
      return Outcome::modern;
    case Because::binding:
    case Because::provisional_binding:
    case Because::tag:
    case Because::too_many_streams:
      return Outcome::bound;
    case Because::unknown:
      return Outcome::unknown;
    case Because::tag_of_nobody:
    case Because::owner_lost:
      return Outcome::owner_lost;
    case Because::lost:
    case Because::deleted:
    case Because::nobody:
    case Because::nobody_but_revives:
      return Outcome::ended;
    case Because::client_mode:
    case Because::balanced_mode:
    case Because::cookie:
    case Because::too_many_sessions:
    case Because::placement:
      break;
  }
  return Outcome::none;
}

bool learns_tasks(const session::Options& affinity) {
  return std::ranges::any_of(affinity.handles, [](const session::HandleOptions& handle) {
    return handle.kind == session::HandleKind::tasks;
  });
}

}  // namespace

namespace cause = observe::cause;
namespace family = observe::family;
using Standing = session::Table::Standing;

ExchangeSession::~ExchangeSession() {
  if (pool_ == nullptr) return;
  worker_.metrics.count(*pool_, outcome_);
  const Time now = worker_.loop.now();
  if (holds_stream_) pool_->sessions().stream_closed(key_, now);
  if (opened_stream_ &&  // a session of HTTP+SSE lives as long as its stream
      pool_->sessions().forget(key_, owner_, Standing::deleted, now, now + kTombstoneTime)) {
    worker_.metrics.count_pool(family::kSessionsLost, *pool_, "cause", cause::kStreamEnded);
  }
}

// --- where to ------------------------------------------------------------------------------------

Failure ExchangeSession::route(Pool& pool, const http::RequestHead& head, const Address& client,
                               Routing& routing) {
  const session::Options& affinity = pool.options().affinity;
  const bool has_cookies = affinity.mode == session::Mode::cookie;
  const Look look{.now = worker_.loop.now(),
                  .wall_now = has_cookies ? wall_time() : session::sys_seconds{},
                  .counts_as_use = true};
  const Decision decision = decide(pool, head, client, look);
  routing = decision.routing;
  if (affinity.mode == session::Mode::client || affinity.mode == session::Mode::none) {
    return Failure::none;
  }
  pool_ = &pool;
  client_ = client;
  method_ = head.method;
  era_ = decision.era;
  may_learn_ = decision.may_learn;
  path_hash_ = decision.path_hash;
  has_cookie_ = has_cookies && session::find_cookie(head, affinity.cookie.name).has_value();
  renews_cookie_ = decision.renews_cookie;
  const bool has_no_session = decision.claim == session::Claim::none;
  may_learn_task_ = method_ == http::Method::post && (has_no_session || decision.is_stream) &&
                    learns_tasks(affinity);
  may_learn_stream_ = has_no_session && !decision.is_handle && method_ == http::Method::get &&
                      era_ != session::Era::modern;
  claim_ = decision.claim;
  is_tagged_ = decision.is_tagged;
  is_handle_ = decision.is_handle;
  is_stream_ = decision.is_stream;
  if (is_tagged_) take_tag(decision, head);
  if (decision.has_key && !is_handle_ && revives()) {
    revived_id_ = std::make_unique<std::string>(decision.id);
  }
  return carry_out(decision);
}

Failure ExchangeSession::reroute(Routing& routing) {
  if (routing.ring_hash == 0 && revived_id_) {  // it was bound
    routing.ring_hash = pool_->snapshot().ring().hash_of(*revived_id_);
  }
  const Look look{.now = worker_.loop.now(), .wall_now = {}, .counts_as_use = true};
  const Decision decision = decide_again(*pool_,
                                         {.key = key_,
                                          .digest = digest_,
                                          .path_hash = path_hash_,
                                          .ring_hash = routing.ring_hash,
                                          .method = method_,
                                          .is_tagged = is_tagged_,
                                          .is_stream = is_stream_},
                                         look);
  routing = decision.routing;
  return carry_out(decision);
}

// The endpoint is not to see the tag: it stands in the field, or in the target of HTTP+SSE.
void ExchangeSession::take_tag(const Decision& decision, const http::RequestHead& head) {
  if (is_stream_) {
    const session::SessionParameter& parameter = *decision.parameter;
    has_target_ = true;
    worker_.changed.target = head.target;
    worker_.changed.target.replace(parameter.raw_at, parameter.raw.size(),
                                   raw_without_tag(parameter.raw));
  } else {
    inward_ = decision.id;
    decision.tag.copy(tag_.data(), tag_.size());
  }
}

// What a decision means for the table, and for what the answer will teach.
Failure ExchangeSession::carry_out(const Decision& decision) {
  row_ = decision.routing.row;
  owner_ = decision.binding.owner;
  key_ = decision.key;
  digest_ = decision.digest;
  has_key_ = decision.has_key;
  outcome_ = row_ == Row::lost ? Outcome::owner_lost : outcome_of(decision.because);
  if (row_ == Row::bound && !is_handle_) {
    on_session_path_ = decision.binding.path_hash == path_hash_;
    is_provisional_ = decision.binding.provisional;
  }
  revival_ = decision.binding.revival;
  if (revived_as_) inward_ = {};
  revived_as_.reset();
  const bool was_bound = row_ == Row::bound || decision.owner_is_lost;
  if (was_bound && revival_ != 0) {
    if (auto inward = pool_->revivals().find(key_)) {
      revived_as_ = std::make_unique<std::string>(std::move(inward->id));
      inward_ = *revived_as_;
    }
  }
  if (decision.learns_tag) learn_tagged(decision.binding);
  if (decision.unbinds) unbind_provisional();
  if (decision.owner_is_lost) pool_->forget_lost(key_, decided_by(), worker_.loop.now());
  const bool is_lost = decision.because == Because::owner_lost ||
                       decision.because == Because::lost ||
                       decision.because == Because::nobody_but_revives;
  if (is_lost && method_ == http::Method::delete_ && revives()) bury(owner_);
  return decision.refused;
}

void ExchangeSession::learn_tagged(const session::Binding& binding) {
  const auto gives_way = [](session::OwnerId) { return false; };
  if (pool_->sessions().learn(key_, binding, client_, worker_.loop.now(), gives_way) ==
      session::Table::Learned::bound) {
    worker_.metrics.count_pool(family::kSessionsLearned, *pool_);
  }
}

bool ExchangeSession::revives() const { return relay::revives(*pool_, is_stream_); }

bool ExchangeSession::nobody_knows() const {
  const session::Table::Found found = pool_->sessions().peek(key_, worker_.loop.now());
  return found.standing == Standing::nobody && found.binding.path_hash == path_hash_ &&
         !may_revive_unknown();
}

bool ExchangeSession::may_revive_unknown() const {
  return relay::may_revive_unknown(*pool_, key_, is_stream_);
}

bool ExchangeSession::is_bound_again() const {
  if (!revives()) return false;
  const session::Table::Found found = pool_->sessions().use(key_, worker_.loop.now());
  return found.standing == Standing::bound;
}

bool ExchangeSession::is_known_again(const upstream::Tried& tried) const {
  const session::Table::Found found = pool_->sessions().peek(key_, worker_.loop.now());
  if (found.standing == Standing::lost || found.standing == Standing::deleted) return true;
  if (found.standing != Standing::bound) return false;
  if (found.binding.provisional && method_ == http::Method::delete_) return false;
  return found.binding.revival != revival_ ||
         std::ranges::find(tried, found.binding.owner) == tried.end();
}

// Refusing for long enough, or gone from the pool, an owner has lost its sessions.
Failure ExchangeSession::owner_failure(const upstream::Endpoint* owner, Failure reason) {
  if (pool_->has_lost_sessions(owner)) {
    outcome_ = Outcome::owner_lost;
    pool_->forget_lost(key_, decided_by(), worker_.loop.now());
    if (revives() && method_ == http::Method::delete_) bury(owner_);
    return Failure::owner_lost;
  }
  outcome_ = Outcome::owner_refused;
  return reason;
}

}  // namespace ringside::relay
