// One request and its response: from the request's head to the response's last byte. Read
// exchange.cpp first to understand the proxy; docs/life-of-a-request.md tells the same story.
//
// Why      Identify the session, choose the endpoint, forward, learn from the answer before it is
//          released, log: these steps stand here in this order.
// Owns     The upstream connection while it is in use.
// Threads  On its client connection's loop only.
// Errors   Before the response's head has left, a failure becomes a response of the proxy;
//          afterwards the connection is cut, so that the client sees a truncated message and never
//          a complete-looking one. A request of which a byte may have reached an endpoint is never
//          sent again.
//
// States   docs/design/exchange.md has the table. The request: receiving, complete. The response,
//          the endpoint's or the proxy's own: waiting, streaming, complete. The end, set once and
//          carried out by ClientConnection::settle(): none, keep_alive, close, cut, reset.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/parser.h"
#include "http/writer.h"
#include "relay/exchange_session.h"
#include "relay/failure.h"
#include "relay/pool.h"
#include "relay/upstream_connection.h"

namespace ringside::relay {

class ClientConnection;
struct Worker;
struct WorkerPool;

class Exchange final : public http::ResponseSink {
 public:
  enum class RequestState : std::uint8_t { receiving, complete };
  enum class ResponseState : std::uint8_t { waiting, streaming, complete };
  enum class End : std::uint8_t { none, keep_alive, close, cut, reset };

  Exchange(ClientConnection& client, Worker& worker);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  End end() const { return end_; }
  bool request_complete() const { return request_state_ == RequestState::complete; }

  // From the client connection. on_request_head: what it returns, the parser gets.
  bool on_request_head(const http::RequestHead& head);
  bool on_request_body(std::string_view bytes);
  void on_request_trailers(std::span<const http::Field> trailers);
  void on_request_part();  // all bytes that were read have been parsed: send what they gave
  void on_request_complete();
  void on_request_fault(Failure failure);  // the body does not parse, or stopped coming
  void on_client_gone();
  void on_client_drained();
  // The proxy is shutting down for good: whatever is under way ends now.
  void cut_off();

  // From the upstream connection. Each settles the client connection as its last act.
  void on_upstream_connected();
  void on_connect_failed(int error);
  void on_upstream_deadline();
  void on_upstream_drained();
  void on_upstream_lost(Failure failure);
  bool on_response_head(const http::ResponseHead& head) override;
  bool on_response_body(std::string_view bytes) override;
  void on_response_trailers(std::span<const http::Field> trailers) override;
  void on_response_part();
  bool awaits_final_response() const { return response_state_ == ResponseState::waiting; }
  void on_response_message_end(bool connection_is_clean);
  void on_response_refused();  // on_response_head() or _body() said no

 private:
  struct Trace;  // what the access log needs beyond this; only when it is on

  // request side
  Failure route(const http::RequestHead& head);
  std::uint64_t client_hash(const http::RequestHead& head) const;
  void attach();
  void choose(const upstream::Endpoint& endpoint);
  void connect_failed(Failure failure, std::string_view result);
  void send_request();
  void send_unsent();
  void await_response();

  // response side
  bool on_interim_head(const http::ResponseHead& head);
  http::ResponseShape shape_of(const http::ResponseHead& head);
  void open_stream();
  void send_response();

  // ends
  void fail(Failure failure);
  void fail_with_reply(Failure failure);
  bool may_keep_after_reply() const;
  void release_upstream(bool reusable);
  void release_load();
  void record();

  WorkerPool* pool_ = nullptr;
  ClientConnection& client_;
  Worker& worker_;
  std::unique_ptr<UpstreamConnection> upstream_;
  const upstream::Endpoint* endpoint_ = nullptr;  // chosen last
  std::unique_ptr<std::string> unsent_;           // request bytes that wait for a connection
  std::unique_ptr<Trace> trace_;
  upstream::Tried tried_;

  Routing routing_;
  ExchangeSession session_;
  std::uint64_t request_bytes_ = 0;
  std::uint64_t response_bytes_ = 0;
  std::uint64_t request_left_ = 0;  // of a Content-Length
  std::uint16_t status_ = 0;
  std::uint8_t interim_responses_ = 0;

  RequestState request_state_ = RequestState::receiving;
  ResponseState response_state_ = ResponseState::waiting;
  End end_ = End::none;
  Failure failure_ = Failure::none;
  http::Method method_ = http::Method::other;
  http::Framing::Kind request_framing_ = http::Framing::Kind::none;
  http::Framing::Kind response_framing_ = http::Framing::Kind::none;

  // facts of the request, fixed when its head has been read
  bool client_is_1_1_ : 1 = true;
  bool client_keeps_alive_ : 1 = true;
  bool expects_continue_ : 1 = false;
  bool accepts_stream_ : 1 = false;
  // what this exchange still holds, to be given back when it ends
  bool counts_as_request_ : 1 = false;
  bool counts_as_placement_ : 1 = false;
  bool counts_as_stream_ : 1 = false;
  bool bytes_were_sent_ : 1 = false;         // a byte of the request may have reached the endpoint
  bool upstream_takes_no_more_ : 1 = false;  // a write failed after bytes were sent
  bool upstream_keeps_alive_ : 1 = false;
};

}  // namespace ringside::relay
