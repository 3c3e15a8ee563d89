// One client's connection: reads requests, has one exchange at a time, answers pipelined requests
// in order.
//
// Owns     The stream, the request parser, the exchange under way, and pipelined bytes that wait
//          for it.
// Bounds   Limits::pipeline_bytes of pipelined bytes; past that, reading stops until the exchange
//          ends.
// Threads  On its worker's loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/address.h"
#include "http/parser.h"
#include "net/deadlines.h"
#include "net/stream.h"
#include "relay/exchange.h"

namespace ringside::relay {

class Server;

// Why reading from the client is stopped; it goes on when no reason is left.
enum class Pause : std::uint8_t {
  upstream_full = 1,  // the request's body waits for the endpoint
  pipeline_full = 2,
  answers_unread = 4,  // it asks and asks, and does not read what it is told
};

class ClientConnection final : public net::Retirable,
                               public net::Deadline,
                               private net::StreamHandler,
                               private http::RequestSink {
 public:
  ClientConnection(Server& server, Worker& worker, std::size_t listener);
  ~ClientConnection() override;

  // Once, after the stream was accepted.
  void start();
  // False when its address has as many connections as it may have. Trusted proxies are not counted:
  // they bring the connections of others.
  bool join_peers();
  net::Stream& stream() { return stream_; }

  std::size_t listener() const { return listener_; }
  const Address& peer() const { return peer_; }
  std::string_view peer_text() const { return peer_text_; }
  bool peer_is_trusted() const { return peer_is_trusted_; }
  // When the first byte of the request under way came; only with the access log on.
  std::uint64_t head_started_us() const { return head_started_us_; }

  // The request under way is the last that this connection may bring.
  bool at_last_request() const;

  // Sends; a broken connection is noticed here or by on_broken().
  void write(std::string_view bytes);
  void pause(Pause reason);
  void resume(Pause reason);
  bool is_paused() const { return pauses_ != 0; }
  // Arms the time for what the client owes now.
  void await_more();
  // More of the request under way comes within WorkerListener::request_body.
  void await_body();
  // Its event stream has nothing to say for so long.
  void await_silence(net::DeadlineList& time);
  // What is queued is read within WorkerListener::unread, or some of it, and so on.
  void await_reader();
  // What came behind the request under way; nullptr: nothing.
  std::unique_ptr<std::string> take_backlog();

  // Carries out the end of the exchange, if it has come, and goes on with what waits. Every event
  // ends here.
  void settle();

  // Answers without having believed a request, and closes.
  void refuse(Failure failure);

  // The proxy stops: an idle connection closes now, a busy one after its exchange.
  void drain();
  // Ends at once.
  void cut_off();

  void on_deadline() override;

  ClientConnection* next = nullptr;  // in the server's list
  ClientConnection* previous = nullptr;
  bool is_surplus = false;  // turned away when it came

 private:
  enum class State : std::uint8_t {
    open,       // reads requests
    lingering,  // done: lets the last response arrive, reads and drops what still comes
    closed,     // waits for the end of the turn
  };
  // What the time runs for that is armed here, an event stream's apart.
  enum class Owes : std::uint8_t { nothing, request, rest_of_head, body, reading, presence };

  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(int error) override;
  void on_drained() override;
  void on_flushed() override;

  bool on_request_head(const http::RequestHead& head) override;
  bool on_request_body(std::string_view bytes) override;
  void on_request_trailers(std::span<const http::Field> trailers) override;

  void consume(std::string_view bytes);
  bool owes_reading() const;
  Owes owed() const;
  void keep_for_later(std::string_view bytes);
  void linger();
  void close();

  Server& server_;
  Worker& worker_;
  net::Stream stream_;
  http::RequestParser parser_;
  std::optional<Exchange> exchange_;
  std::unique_ptr<std::string> backlog_;  // pipelined requests
  std::string peer_text_;
  Address peer_;
  std::uint64_t head_started_us_ = 0;
  std::size_t unread_bytes_ = 0;  // queued when the time to read them began
  std::uint32_t requests_ = 0;    // that it has brought
  std::uint16_t listener_;
  State state_ = State::open;
  Owes owes_ = Owes::request;
  std::uint8_t pauses_ = 0;  // set of Pause
  bool peer_is_trusted_ = false;
  bool consuming_ = false;
  bool peer_ended_ = false;  // it sends no more
  bool is_counted_ = false;  // among Shared::peers
};

}  // namespace ringside::relay
