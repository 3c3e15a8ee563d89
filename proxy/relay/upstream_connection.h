// One connection to an endpoint: waiting for its turn, connecting, in use, a tunnel, or idle in its
// pool.
//
// Owns     The stream and the response parser. It is owned by its user (an exchange, or a call of
//          the proxy's own), or by its UpstreamPool while idle.
// Threads  On its loop only.
// Errors   All trouble goes to the user; an idle connection that speaks or closes is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "http/parser.h"
#include "net/deadlines.h"
#include "net/stream.h"
#include "relay/failure.h"
#include "relay/upstream_pool.h"
#include "relay/upstream_queue.h"
#include "upstream/endpoint.h"

namespace ringside::relay {

class UpstreamConnection;
struct Worker;
struct WorkerPool;

// Who sends a request on an upstream connection and reads the response. Each call may end the user.
class UpstreamUser : public http::ResponseSink {
 public:
  virtual void on_upstream_connected() = 0;
  // In place of the one that waits; see reuse().
  virtual void on_upstream_given(std::unique_ptr<UpstreamConnection> connection) = 0;
  virtual void on_connect_failed(int error) = 0;
  virtual void on_upstream_deadline() = 0;
  virtual void on_upstream_drained() = 0;
  virtual void on_upstream_lost(Failure failure) = 0;
  virtual void on_response_part() = 0;  // all bytes that were read have been parsed
  virtual bool awaits_final_response() const = 0;
  virtual void on_response_message_end(bool connection_is_clean) = 0;
  virtual void on_response_refused() = 0;  // on_response_head() or _body() said no
  // The endpoint has switched protocols: after a response whose sink says opens_tunnel() nothing is
  // parsed any more. on_tunnel_open: with what came behind it.
  virtual bool opens_tunnel() const { return false; }
  virtual void on_tunnel_open(std::string_view /*bytes*/) {}
  virtual void on_tunnel_bytes(std::string_view /*bytes*/) {}
  virtual void on_tunnel_end() {}

 protected:
  ~UpstreamUser() = default;
};

class UpstreamConnection final : public net::Retirable,
                                 public net::Deadline,
                                 private net::StreamHandler {
 public:
  UpstreamConnection(Worker& worker, WorkerPool& pool, const upstream::Endpoint& endpoint);

  const upstream::Endpoint& endpoint() const { return slot_.endpoint(); }
  net::Stream& stream() { return stream_; }
  bool connected() const {
    return state_ == State::in_use || state_ == State::tunnel || state_ == State::idle;
  }
  // Carried an exchange before this one: its endpoint may be about to close it.
  bool reused() const { return reused_; }

  // Connects for this user, or waits until it may (PoolLimits): its time runs. An errno when that
  // fails at once, kQueueFull when too many wait.
  static constexpr int kQueueFull = -1;
  int connect(UpstreamUser& user, net::DeadlineList& timeout);
  bool waits() const { return slot_.waits(); }
  // From the queue: a slot, or a connection that has one.
  void on_slot(net::DeadlineList& timeout);
  void on_connection(std::unique_ptr<UpstreamConnection> connection);
  // An idle connection goes to work again.
  void reuse(UpstreamUser& user);
  // Requires: in use, the response complete and nothing after it.
  void become_idle(UpstreamPool& pool);
  // Its use is over and this connection must not be used again.
  void abandon();

  void expect_response_to(http::Method method, bool asks_websocket) {
    parser_.expect_response_to(method, asks_websocket);
  }

  void on_deadline() override;

 private:
  enum class State : std::uint8_t { waiting, connecting, in_use, tunnel, idle, abandoned };

  int open(net::DeadlineList& timeout);
  bool spoke_before_it_was_asked();
  void said_too_much();
  void on_connected() override;
  void on_connect_failed(int error) override;
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(int error) override;
  void on_drained() override;
  void on_flushed() override;

  UpstreamSlot slot_;  // first: given back when the socket is closed
  union {
    UpstreamUser* user_;  // waiting, connecting, in_use, tunnel
    UpstreamPool* pool_;  // idle
  };
  net::Stream stream_;
  http::ResponseParser parser_;
  std::optional<std::uint32_t> poll_;  // of its last event, or of reuse() where that came later
  State state_ = State::waiting;
  bool reused_ = false;
  bool awaits_event_ = false;  // since reuse(), in a poll whose event it has not handled
};

}  // namespace ringside::relay
