// The session side of one exchange: what its request claims, where that sends it, and what the
// answer teaches.
//
// Why      Keeps the rules of sessions in one place, apart from bytes and connections: an exchange
//          asks where to go, shows the answer's head (and the body of a refusal), and that is all.
// Owns     The hold on a binding while an event stream of the session is open.
// Threads  On its exchange's loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/event_stream.h"
#include "http/head.h"
#include "relay/decision.h"
#include "relay/failure.h"
#include "relay/metrics.h"
#include "relay/pool.h"
#include "session/endpoint_event.h"
#include "session/identify.h"
#include "session/recovery.h"
#include "session/table.h"
#include "session/task_id.h"

namespace ringside::relay {

struct Worker;

class ExchangeSession {
 public:
  explicit ExchangeSession(Worker& worker) : worker_(worker) {}
  ~ExchangeSession();
  ExchangeSession(const ExchangeSession&) = delete;
  ExchangeSession& operator=(const ExchangeSession&) = delete;

  // Reads the claim of a request and decides its row of the routing table, or refuses it. The ring
  // hash of a client is left to the caller, who knows the client.
  Failure route(Pool& pool, const http::RequestHead& head, const Address& client, Routing& routing);
  // The same once more, after another request has found or revived the session.
  Failure reroute(Routing& routing);

  // Changes a head to what the other side is to see: the session's other id, no cookie of the
  // proxy's, a new cookie. `storage` holds the fields where they differ. What is written here is
  // good as long as the head and this object.
  void make_inward(http::RequestHead& head, std::vector<http::Field>& storage);
  void make_outward(http::ResponseHead& head, const upstream::Endpoint& endpoint, Row row,
                    std::vector<http::Field>& storage);

  // The owner cannot be reached, for this reason: what the client is told. Ends the session when
  // the owner has lost it.
  Failure owner_failure(const upstream::Endpoint* owner, Failure reason);

  // The request may have to be sent again: an endpoint may not know the session.
  bool may_be_sent_again() const;
  session::Refusal refusal_of(unsigned status) const;
  bool says_unknown(std::string_view body_start) const;

  // The head of the final response, before it is released to the client.
  void learn(const http::ResponseHead& head, const upstream::Endpoint& endpoint);
  // A piece of the response's body, before it is released.
  void see_body(std::string_view bytes, const upstream::Endpoint& endpoint) {
    if (refusal_peek_) peek_refusal(bytes);
    if (task_) look_for_task(bytes, endpoint);
  }

  // The response is an event stream whose first event may name a session: its bytes wait until that
  // is known, and bound. What may be released now is good until the next call.
  bool awaits_first_event() const { return first_event_ != nullptr; }
  std::string_view pass_first_event(std::string_view bytes, const upstream::Endpoint& endpoint);
  std::string_view first_event_never_came();

  // Recovery. bind_provisionally: an endpoint keeps silent about an unknown session: it is at work.
  void bind_provisionally(const upstream::Endpoint& endpoint);
  // The owner has said that it does not know the session.
  void lose();
  // Nobody knows the session: later requests need not ask again for a while.
  void remember_nobody();
  // A DELETE that this endpoint took for an unknown session.
  void remember_deleted(const upstream::Endpoint& endpoint);
  // The endpoint that was taken for the owner is not.
  void unbind_provisional();
  // The session lives on this endpoint from now on, under this id. False when it does not, since
  // its client has deleted it meanwhile, or another endpoint has it.
  bool bind_revived(const upstream::Endpoint& endpoint, std::string_view inward);

  // The response is an event stream: the session is kept while this exchange lasts.
  void hold_for_stream();

  bool known() const { return has_key_; }
  session::Key key() const { return key_; }         // requires: known()
  std::uint64_t digest() const { return digest_; }  // requires: known()
  const Address& client() const { return client_; }
  bool is_tagged() const { return is_tagged_; }
  bool is_handle() const { return is_handle_; }
  // The endpoint that a handle is bound to takes no connection: whoever serves it next has it.
  void leave_handle();
  bool is_provisional() const { return is_provisional_; }
  // The id that its endpoint knows the session by; nullptr where no session is revived.
  const std::string* inward_id() const {
    return revived_as_ ? revived_as_.get() : revived_id_.get();
  }
  // The table says that every endpoint was asked a moment ago, and that is the end of it.
  bool nobody_knows() const;
  // A session that nobody knows may be revived.
  bool may_revive_unknown() const;
  // It was unknown, for this request, and the table knows of it now: that it has ended, an owner
  // that was not tried, or one that it was revived on.
  bool is_known_again(const upstream::Tried& tried) const;
  // It was lost, for this request, and another has revived or found it.
  bool is_bound_again() const;

 private:
  void take_tag(const Decision& decision, const http::RequestHead& head);
  Failure carry_out(const Decision& decision);
  void learn_tagged(const session::Binding& binding);
  void drop_own_cookie(std::vector<http::Field>& fields) const;
  std::string outward_id(const http::ResponseHead& head, const upstream::Endpoint& endpoint) const;
  void bury(session::OwnerId owner);
  session::Binding decided_by() const { return {.owner = owner_, .revival = revival_}; }
  void learn_by_search(unsigned status, const upstream::Endpoint& endpoint);
  bool bind(session::Key key, session::Binding binding,
            session::Table::Evidence evidence = session::Table::Evidence::issued);
  session::Binding binding_to(const upstream::Endpoint& endpoint) const;
  void forget_deleted();
  void peek_refusal(std::string_view bytes);
  void look_for_task(std::string_view bytes, const upstream::Endpoint& endpoint);
  void learn_first_event(const upstream::Endpoint& endpoint);
  bool revives() const;

  Worker& worker_;
  Pool* pool_ = nullptr;                           // nullptr: sessions play no part
  std::unique_ptr<std::string> refusal_peek_;      // the beginning of a refusal's body
  std::unique_ptr<http::FirstEvent> first_event_;  // may name a session
  std::unique_ptr<session::TaskIdFinder> task_;    // the response may name a task
  std::unique_ptr<std::string> revived_as_;  // the id that its endpoint knows a revived session by
  std::unique_ptr<std::string> revived_id_;  // where sessions are revived: the client's id
  std::string_view inward_;                  // good while the request's head is
  Address client_;
  session::Key key_;  // of the request's id, or of the one it was given
  std::uint64_t digest_ = 0;
  session::OwnerId owner_ = 0;  // with Row::bound
  std::uint32_t path_hash_ = 0;
  session::TagSuffix tag_{};            // of the request's id
  session::RevivalNumber revival_ = 0;  // of the binding that decided
  Row row_ = Row::placed;
  Outcome outcome_ = Outcome::none;  // counted when the exchange ends
  http::Method method_ = http::Method::other;
  session::Claim claim_ = session::Claim::none;
  session::Era era_ = session::Era::legacy;
  bool may_learn_ : 1 = false;
  bool on_session_path_ : 1 = true;
  bool has_key_ : 1 = false;  // key_ and digest_ are those of a session
  bool holds_stream_ : 1 = false;
  bool is_tagged_ : 1 = false;
  bool issued_anew_ : 1 = false;     // the response has another id than the request
  bool is_provisional_ : 1 = false;  // the binding that decided
  bool is_handle_ : 1 = false;       // key_ is a handle's
  bool is_stream_ : 1 = false;       // key_ is that of a session of the HTTP+SSE transport
  bool opened_stream_ : 1 = false;   // whose stream this exchange is
  bool may_learn_stream_ : 1 = false;
  bool may_learn_task_ : 1 = false;
  bool rewrites_first_event_ : 1 = false;  // its session gets a tag
  bool has_target_ : 1 = false;            // worker_.changed.target
  bool has_cookie_ : 1 = false;            // the proxy's own, which is to go no further
  bool renews_cookie_ : 1 = false;
};

}  // namespace ringside::relay
