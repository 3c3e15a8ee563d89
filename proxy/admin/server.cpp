// A connection answers each request when its last byte has come; pages are made at once, so no
// request ever waits.
#include "admin/server.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "http/error_body.h"
#include "net/stream.h"

namespace ringside::admin {
namespace {

enum class Then : std::uint8_t { keep, close };

std::string render(const Page& page, bool with_body, Then then) {
  std::string out = "HTTP/1.1 " + std::to_string(page.status) + " ";
  out += http::reason_phrase(page.status);
  out += "\r\nserver: ringside\r\ncontent-type: " + page.content_type;
  out += "\r\ncontent-length: " + std::to_string(page.body.size());
  out += "\r\ncache-control: no-store\r\n";
  if (!page.allow.empty()) out += "allow: " + page.allow + "\r\n";
  if (then == Then::close) out += "connection: close\r\n";
  out += "\r\n";
  if (with_body) out += page.body;
  return out;
}

Page fault_page(unsigned status, std::string_view detail) {
  return problem(status, http::reason_phrase(status), detail);
}

unsigned status_of(http::ParseFault fault) {
  const bool too_large =
      fault == http::ParseFault::head_too_large || fault == http::ParseFault::target_too_long;
  return too_large ? 431 : 400;
}

}  // namespace

// From accept to close. `closing` means: the last answer was given, what still comes is read and
// thrown away, so that the client gets to read that answer (closing over unread bytes would reset
// the connection).
class Server::Connection final : public net::Retirable,
                                 private net::StreamHandler,
                                 private net::Deadline,
                                 private http::RequestSink {
 public:
  explicit Connection(Server& server)
      : server_(server), stream_(server.loop_, *this), parser_(server.scratch_, kAdminHeadBytes) {}

  // False when the client has gone already.
  bool accept(net::Listener& listener) { return listener.accept(stream_); }

  void start() {
    server_.idle_.arm(*this);
    stream_.start_reading();
  }

 private:
  enum class State : std::uint8_t { serving, closing, gone };

  void on_data(std::string_view bytes) override {
    while (state_ == State::serving && !bytes.empty()) {
      if (stream_.queued_bytes() > 0) return die();  // it asks on but does not read
      bytes.remove_prefix(serve(bytes));
    }
    if (state_ != State::closing) return;
    drained_bytes_ += bytes.size();
    if (drained_bytes_ > kAdminBodyBytes) die();
  }

  void on_end() override {
    stream_.finish_writing();
    // An answer that is still on its way keeps the connection until it has left or time is up.
    if (stream_.queued_bytes() == 0) die();
  }

  void on_broken(int) override { die(); }
  void on_deadline() override { die(); }

  // Takes bytes up to the end of one request; returns how many.
  std::size_t serve(std::string_view bytes) {
    const http::Fed fed = parser_.feed(bytes, *this);
    switch (fed.status) {
      case http::Fed::Status::more:
        break;
      case http::Fed::Status::complete:
        server_.idle_.arm(*this);
        send(answer_, then_);
        break;
      case http::Fed::Status::stopped:
        send(answer_, Then::close);
        break;
      case http::Fed::Status::fault:
        send(render(fault_page(status_of(parser_.fault()), parser_.fault_detail()), true,
                    Then::close),
             Then::close);
        break;
    }
    return fed.consumed;
  }

  bool on_request_head(const http::RequestHead& head) override {
    body_bytes_ = 0;
    // Whoever waits for a 100 before its body needs neither: it gets its answer at once.
    const bool stays = head.keep_alive && head.version_minor > 0 && !head.expects_continue;
    then_ = stays ? Then::keep : Then::close;
    with_body_ = head.method != http::Method::head;
    if (head.too_large) return refuse(431, "the head is larger than the admin listener takes");
    answer_ = render(answer(server_.views_, head.method_text, head.target), with_body_, then_);
    return !head.expects_continue;
  }

  bool on_request_body(std::string_view bytes) override {
    body_bytes_ += bytes.size();
    return body_bytes_ <= kAdminBodyBytes || refuse(413, "no page here reads a body");
  }

  // Stops the parser; the connection ends with this answer.
  bool refuse(unsigned status, std::string_view detail) {
    answer_ = render(fault_page(status, detail), with_body_, Then::close);
    return false;
  }

  void on_request_trailers(std::span<const http::Field>) override {}

  void send(const std::string& bytes, Then then) {
    if (stream_.write(bytes) == net::Stream::Written::broken) return die();
    if (then == Then::keep) return;
    state_ = State::closing;
    stream_.finish_writing();
  }

  void die() {
    if (state_ == State::gone) return;
    state_ = State::gone;
    disarm();
    stream_.stop_reading();
    server_.remove(*this);  // destroys this at the end of the loop's turn
  }

  Server& server_;
  net::Stream stream_;
  http::RequestParser parser_;
  State state_ = State::serving;
  std::string answer_;  // to the request under way
  bool with_body_ = true;
  Then then_ = Then::keep;
  std::size_t body_bytes_ = 0;
  std::size_t drained_bytes_ = 0;  // since closing
};

Server::Server(net::Loop& loop, const net::Bound& bound, Views views, milliseconds idle)
    : loop_(loop),
      views_(std::move(views)),
      deadlines_(loop),
      idle_(deadlines_, idle),
      listener_(loop, bound, [this](int error) {
        if (error == 0) on_connection();
      }) {}

Server::~Server() = default;

void Server::on_connection() {
  auto connection = std::make_unique<Connection>(*this);
  if (!connection->accept(listener_) || connections_.size() >= kAdminConnections) return;
  connection->start();
  connections_.push_back(std::move(connection));
}

void Server::remove(Connection& connection) {
  const auto place = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& held) { return held.get() == &connection; });
  loop_.retire(std::move(*place));
  connections_.erase(place);
}

}  // namespace ringside::admin
