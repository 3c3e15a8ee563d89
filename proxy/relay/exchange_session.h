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

#include "http/head.h"
#include "relay/failure.h"
#include "relay/metrics.h"
#include "relay/pool.h"
#include "session/identify.h"
#include "session/table.h"

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
  Failure route(Pool& pool, const http::RequestHead& head, Routing& routing);

  // The owner cannot be reached, for this reason: what the client is told. Ends the session when
  // the owner has lost it.
  Failure owner_failure(const upstream::Endpoint* owner, Failure reason);

  // The head of the final response, before it is released to the client.
  void learn(const http::ResponseHead& head, const upstream::Endpoint& endpoint);
  // A piece of the response's body, before it is released.
  void see_body(std::string_view bytes) {
    if (refusal_peek_) peek_refusal(bytes);
  }

  // The response is an event stream: the session is kept while this exchange lasts.
  void hold_for_stream();

  bool known() const { return has_key_; }
  std::uint64_t digest() const { return digest_; }  // requires: known()

 private:
  Failure route_by_id(std::string_view id, Routing& routing);
  bool unknown_session_was_accepted(unsigned status) const;
  void bind(session::Key key, std::uint64_t digest, const upstream::Endpoint& endpoint);
  void forget(std::string_view cause, milliseconds remember);
  void peek_refusal(std::string_view bytes);

  Worker& worker_;
  Pool* pool_ = nullptr;                       // nullptr: sessions play no part
  std::unique_ptr<std::string> refusal_peek_;  // the beginning of a refusal's body
  session::Key key_;                           // of the request's id, or of the one it was given
  std::uint64_t digest_ = 0;
  session::OwnerId owner_ = 0;  // with Row::bound
  std::uint32_t path_hash_ = 0;
  Row row_ = Row::placed;
  Outcome outcome_ = Outcome::none;  // counted when the exchange ends
  http::Method method_ = http::Method::other;
  session::Claim claim_ = session::Claim::none;
  session::Era era_ = session::Era::legacy;
  bool may_learn_ : 1 = false;
  bool on_session_path_ : 1 = true;
  bool has_key_ : 1 = false;  // key_ and digest_ are those of a session
  bool holds_stream_ : 1 = false;
};

}  // namespace ringside::relay
