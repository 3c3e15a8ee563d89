// Opens a session on an endpoint in place of a client whose session is lost: plays `initialize` and
// `notifications/initialized`.
//
// Why      The waiting request brings the header fields (credentials above all, which are never
//          recorded); the record, or a minimal handshake, brings the bodies.
// Owns     The upstream connection in use.
// Bounds   kAnswerBytes of each answer are read; each answer has kAnswerTime. A challenge of more
//          than kChallengeBytes is not told.
// Threads  On its worker's loop only.
// Errors   A refusal of the handshake, and endpoints that cannot be reached, are told apart: the
//          first is final unless it concerns the credentials, the second may pass.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "relay/failure.h"
#include "relay/pool.h"
#include "relay/upstream_connection.h"
#include "session/handshakes.h"
#include "upstream/placement.h"

namespace ringside::relay {

struct Worker;
struct WorkerPool;

class RevivalUser {
 public:
  // Each is called once at most, and may destroy the revival.
  virtual void on_revived(const upstream::Endpoint& endpoint, std::string_view id) = 0;
  // `challenge`: the WWW-Authenticate lines of an endpoint that refused the credentials; valid for
  // the turn.
  virtual void on_not_revived(Failure failure, std::string_view challenge) = 0;

 protected:
  ~RevivalUser() = default;
};

class Revival final : public net::Retirable, private UpstreamUser {
 public:
  // `head`: the waiting request's, as it would go upstream. `client_hash`: where placement begins.
  Revival(RevivalUser& user, Worker& worker, WorkerPool& pool, std::string_view head,
          session::Handshake handshake, std::uint64_t client_hash);
  ~Revival() override;

  // Begins. A failure that is known at once is returned, and not told.
  Failure start();
  // The user has gone: nothing is told any more.
  void abandon();

 private:
  enum class Step : std::uint8_t { initialize, initialized };

  // Tells when an event with data has come whole.
  class FirstMessage {
   public:
    void feed(std::string_view bytes);
    bool whole() const { return whole_; }

   private:
    std::string line_;  // the beginning of the one under way
    bool has_data_ = false;
    bool after_cr_ = false;
    bool whole_ = false;
  };

  void on_upstream_connected() override;
  void on_upstream_given(std::unique_ptr<UpstreamConnection> connection) override;
  void on_connect_failed(int error) override;
  void on_upstream_deadline() override;
  void on_upstream_drained() override {}
  void on_upstream_lost(Failure failure) override;
  bool on_response_head(const http::ResponseHead& head) override;
  bool on_response_body(std::string_view bytes) override;
  void on_response_trailers(std::span<const http::Field>) override {}
  void on_response_part() override {}
  bool awaits_final_response() const override { return status_ == 0; }
  void on_response_message_end(bool connection_is_clean) override;
  void on_response_refused() override;

  void place();
  bool attach();
  bool send();
  void not_sent();
  void go_on(bool reusable);
  std::string request() const;
  void keep_challenge(const http::ResponseHead& head);
  std::optional<Failure> credentials_refused() const;
  void release(bool reusable);
  void not_revived(Failure failure);

  RevivalUser* user_;
  Worker& worker_;
  WorkerPool& pool_;
  std::string head_;  // of the waiting request, without its body's framing and its session
  session::Handshake handshake_;
  std::string id_;         // that the endpoint issued
  std::string challenge_;  // lines of a head
  FirstMessage message_;
  std::unique_ptr<UpstreamConnection> upstream_;
  const upstream::Endpoint* endpoint_ = nullptr;
  Routing routing_;
  upstream::Tried tried_;
  std::size_t answer_bytes_ = 0;
  unsigned status_ = 0;
  Step step_ = Step::initialize;
  Failure failure_ = Failure::none;
  bool starting_ = false;
  bool is_stream_ = false;  // the answer to initialize
  bool keeps_alive_ = false;
};

}  // namespace ringside::relay
