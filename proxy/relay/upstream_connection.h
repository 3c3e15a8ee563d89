// One connection to an endpoint: connecting, in use by an exchange, or idle in its pool.
//
// Owns     The stream and the response parser. It is owned by its exchange, or by its UpstreamPool
//          while idle.
// Threads  On its loop only.
// Errors   All trouble goes to the exchange; an idle connection that speaks or closes is dropped.
#pragma once

#include <memory>

#include "http/parser.h"
#include "net/deadlines.h"
#include "net/stream.h"
#include "relay/upstream_pool.h"
#include "upstream/endpoint.h"

namespace ringside::relay {

class Exchange;
struct Worker;

class UpstreamConnection final : public net::Retirable,
                                 public net::Deadline,
                                 private net::StreamHandler {
 public:
  UpstreamConnection(Worker& worker, const upstream::Endpoint& endpoint);
  ~UpstreamConnection() override;

  const upstream::Endpoint& endpoint() const { return endpoint_; }
  net::Stream& stream() { return stream_; }
  bool connected() const { return state_ == State::in_use || state_ == State::idle; }
  // Carried an exchange before this one: its endpoint may be about to close it.
  bool reused() const { return reused_; }

  // Connects for this exchange; an errno when that fails at once.
  int connect(Exchange& exchange);
  // An idle connection goes to work again.
  void reuse(Exchange& exchange);
  // Requires: in use, the response complete and nothing after it.
  void become_idle(UpstreamPool& pool);
  // The exchange is over and this connection must not be used again.
  void abandon();

  void expect_response_to(http::Method method) { parser_.expect_response_to(method); }

  void on_deadline() override;

 private:
  enum class State : std::uint8_t { connecting, in_use, idle, abandoned };

  void on_connected() override;
  void on_connect_failed(int error) override;
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(int error) override;
  void on_drained() override;

  const upstream::Endpoint& endpoint_;
  union {
    Exchange* exchange_;  // connecting, in_use
    UpstreamPool* pool_;  // idle
  };
  net::Stream stream_;
  http::ResponseParser parser_;
  State state_ = State::connecting;
  bool reused_ = false;
};

}  // namespace ringside::relay
