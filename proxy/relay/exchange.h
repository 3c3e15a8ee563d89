// One request and its response: from the request's head to the response's last byte. To understand
// the proxy read exchange.cpp, exchange_request.cpp and exchange_response.cpp, in this order;
// exchange_recovery.cpp, _search.cpp and _revival.cpp for sessions whose owner is not known or
// gone. docs/life-of-a-request.md tells the same story.
//
// Why      Identify the session, choose the endpoint, forward, learn from the answer before it is
//          released, log: these steps stand here in this order.
// Owns     The upstream connection while it is in use.
// Threads  On its client connection's loop only.
// Errors   Before the response's head has left, a failure becomes a response of the proxy;
//          afterwards the connection is cut, so that the client sees a truncated message and never
//          a complete-looking one. A request of which a byte may have reached an endpoint is never
//          sent again, unless that endpoint has said that it does not know the session.
//
// States   docs/design/exchange.md has the table. The request: receiving, complete. The response,
//          the endpoint's or the proxy's own: waiting, held (a refusal that may be dropped),
//          streaming, tunnel (bytes of another protocol, both ways), complete. The end, set once
//          and carried out by ClientConnection::settle(): none, keep_alive, close, cut, reset.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/event_stream.h"
#include "http/parser.h"
#include "http/writer.h"
#include "relay/body_rate.h"
#include "relay/exchange_session.h"
#include "relay/failure.h"
#include "relay/pool.h"
#include "relay/recovery.h"
#include "relay/revival.h"
#include "relay/upstream_connection.h"

namespace ringside::relay {

class ClientConnection;
struct Worker;
struct WorkerPool;

class Exchange final : public UpstreamUser, public RevivalUser {
 public:
  enum class RequestState : std::uint8_t { receiving, complete };
  enum class ResponseState : std::uint8_t { waiting, held, streaming, tunnel, complete };
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
  void on_request_fault(Failure failure);  // the body does not parse, or comes too slowly
  void on_request_timeout();               // the body stopped coming
  void on_client_end();                    // it sends no more
  void on_client_gone();
  void on_client_drained();
  void on_client_resumed() { body_rate_.restart(); }  // its request is read again
  bool is_tunnel() const { return response_state_ == ResponseState::tunnel; }
  void on_client_bytes(std::string_view bytes);  // requires: is_tunnel()
  // The proxy is shutting down for good: whatever is under way ends now, an event stream between
  // two events as if its server had ended it.
  void cut_off();
  // The response has stopped because the client does not read it.
  bool waits_for_reader() const;
  bool is_streaming_events() const { return counts_as_stream_; }
  // Nothing has come of the response for a while (PoolTimeouts::stream_keep_alive).
  void on_stream_silent();

  // From the upstream connection. Each settles the client connection as its last act.
  void on_upstream_connected() override;
  void on_upstream_given(std::unique_ptr<UpstreamConnection> connection) override;
  void on_connect_failed(int error) override;
  void on_upstream_deadline() override;
  void on_upstream_drained() override;
  void on_upstream_lost(Failure failure) override;
  bool on_response_head(const http::ResponseHead& head) override;
  bool on_response_body(std::string_view bytes) override;
  void on_response_trailers(std::span<const http::Field> trailers) override;
  void on_response_part() override;
  bool awaits_final_response() const override { return response_state_ == ResponseState::waiting; }
  void on_response_message_end(bool connection_is_clean) override;
  void on_response_refused() override;
  bool opens_tunnel() const override { return is_tunnel(); }
  void on_tunnel_open(std::string_view bytes) override;
  void on_tunnel_bytes(std::string_view bytes) override;
  void on_tunnel_end() override;

  // From the worker, about the search or revival of the same session by another request.
  void on_search_over(Failure failure);
  void unpark();
  std::size_t pool_index() const;  // requires: routed

 private:
  struct Trace;  // what the access log needs beyond this; only when it is on

  // request side
  bool ends_here(const http::RequestHead& head);
  Failure route(const http::RequestHead& head, const Address& client);
  Underscores underscores() const;
  std::uint64_t client_hash(const Address& client) const;
  void write_request_head(const http::RequestHead& head);
  void attach();
  void choose(const upstream::Endpoint& endpoint);
  void connect_timed_out();
  void connect_failed(Failure failure, std::string_view result);
  void waited_too_long();
  bool may_go_elsewhere(Failure failure);
  void send_request();
  void transmit();
  void send_unsent();
  void await_answer();

  // recovery and revival
  bool records_handshake() const;
  void record_handshake();
  void begin_recovery();
  bool keep_request();
  void ask_again();
  void search();
  void park();
  void finish_search(Failure failure, session::SearchOutcome outcome);
  void end_recovery(session::SearchOutcome outcome);
  void leave_recovery();
  bool hold_refusal(const http::ResponseHead& head);
  void hold_response();
  void peek(std::string_view bytes);
  bool is_refusal() const;
  void release_response();
  void on_refused(bool connection_is_clean);
  void note_refusal();
  void search_on();
  void ask_next();
  bool asks_everybody() const;
  void go_on_without_answer();
  bool is_asking() const;
  void leave_out();
  void pass_over();
  void nobody_left();
  void owner_is_unreachable(Failure failure);
  void conclude_search();
  void owner_found(const http::ResponseHead& head);
  void owner_is_silent();
  void deliver(Recovery::Answer& answer);
  void collect();
  void decide_revival();
  void revive();
  void on_revived(const upstream::Endpoint& endpoint, std::string_view id) override;
  void on_not_revived(Failure failure, std::string_view challenge) override;
  void not_revived(Failure failure, std::string_view challenge);
  void follow_revival();
  void follow();
  void keep_head();

  // response side
  bool on_interim_head(const http::ResponseHead& head);
  void write_response_head(const http::ResponseHead& head);
  http::ResponseShape shape_of(const http::ResponseHead& head);
  void open_stream();
  void append_body(std::string_view bytes);
  void await_silence();
  void send_response();

  // the tunnel
  void open_tunnel(const http::ResponseHead& head);
  void await_tunnel();
  void end_half_tunnel();
  void end_tunnel(Failure failure);

  // ends
  void fail(Failure failure, std::string_view fields = {});  // `fields`: ReplyShape's
  void fail_with_reply(Failure failure, std::string_view fields);
  void reply_with(unsigned status, bool keep);
  bool may_keep_after_reply() const;
  void drop_unsent();
  void release_upstream(bool reusable);
  void release_load();
  observe::PickedBy picked_by() const;
  void record();

  WorkerPool* pool_ = nullptr;
  ClientConnection& client_;
  Worker& worker_;
  std::unique_ptr<UpstreamConnection> upstream_;
  const upstream::Endpoint* endpoint_ = nullptr;  // chosen last
  std::unique_ptr<std::string> unsent_;           // request bytes that wait for a connection
  std::unique_ptr<Recovery> recovery_;            // the request may have to be sent again
  std::unique_ptr<Revival> revival_;
  std::unique_ptr<Trace> trace_;
  upstream::Tried tried_;

  Routing routing_;
  ExchangeSession session_;
  std::uint64_t request_bytes_ = 0;
  std::uint64_t response_bytes_ = 0;
  std::uint64_t request_left_ = 0;  // of a Content-Length
  BodyRate body_rate_;
  std::uint16_t status_ = 0;
  std::uint8_t interim_responses_ = 0;

  http::EventBoundary boundary_;  // of an event stream
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
  bool refuses_json_ : 1 = false;
  bool asks_websocket_ : 1 = false;  // and its pool lets it
  // what this exchange still holds, to be given back when it ends
  bool counts_as_request_ : 1 = false;
  bool counts_as_placement_ : 1 = false;
  bool counts_as_stream_ : 1 = false;
  bool counts_as_tunnel_ : 1 = false;
  bool bytes_were_sent_ : 1 = false;         // a byte of the request may have reached the endpoint
  bool upstream_takes_no_more_ : 1 = false;  // a write failed after bytes were sent
  bool response_has_left_ : 1 = false;       // some of the final one
  bool upstream_keeps_alive_ : 1 = false;
  bool was_continued_ : 1 = false;       // the client may send the body that it held back
  bool may_write_comments_ : 1 = false;  // into the event stream: it is not compressed
  bool client_ended_ : 1 = false;        // of a tunnel: this side sends no more
  bool upstream_ended_ : 1 = false;
  bool was_revived_ : 1 = false;  // its session, for it
};

}  // namespace ringside::relay
