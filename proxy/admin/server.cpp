// A connection answers each request when its last byte has come; pages are made at once, so no
// request ever waits. Most are made when the head has come, as its views are good only then.
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
  out += "\r\nserver: ringside";
  if (!page.content_type.empty()) {
    out += "\r\ncontent-type: " + page.content_type;
    out += "\r\ncontent-length: " + std::to_string(page.body.size());
  }
  out += "\r\ncache-control: no-store\r\n";
  if (!page.allow.empty()) out += "allow: " + page.allow + "\r\n";
  if (then == Then::close) out += "connection: close\r\n";
  out += "\r\n";
  if (with_body) out += page.body;
  return out;
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
        if (collects_) answer_ = render(make_page(), with_body_, then_);
        send(answer_, then_);
        break;
      case http::Fed::Status::stopped:
        send(answer_, Then::close);
        break;
      case http::Fed::Status::fault:
        send(render(problem(status_of(parser_.fault()), parser_.fault_detail()), true, Then::close),
             Then::close);
        break;
    }
    return fed.consumed;
  }

  bool on_request_head(const http::RequestHead& head) override {
    body_bytes_ = 0;
    body_.clear();
    collects_ = !head.too_large && reads_body(head.method_text, head.target);
    // Whoever waits for a 100 before a body that nobody reads needs neither: it gets its answer at
    // once.
    const bool refuses_body = head.expects_continue && !collects_;
    const bool stays = head.keep_alive && head.version_minor > 0 && !refuses_body;
    then_ = stays ? Then::keep : Then::close;
    with_body_ = head.method != http::Method::head;
    if (head.too_large) return refuse(431, "the head is larger than the admin listener takes");
    method_ = head.method_text;
    target_ = head.target;
    from_browser_ = std::ranges::any_of(head.fields, [](const http::Field& field) {
      return http::equals_ignoring_case(field.name, "origin");
    });
    if (collects_) {
      if (head.expects_continue) stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
      return true;
    }
    answer_ = render(make_page(), with_body_, then_);
    return !refuses_body;
  }

  bool on_request_body(std::string_view bytes) override {
    body_bytes_ += bytes.size();
    if (body_bytes_ > kAdminBodyBytes) return refuse(413, "no page here reads so long a body");
    if (collects_) body_.append(bytes);
    return true;
  }

  Page make_page() const {
    return answer(
        server_.views_,
        {.method = method_, .target = target_, .body = body_, .from_browser = from_browser_});
  }

  // Stops the parser; the connection ends with this answer.
  bool refuse(unsigned status, std::string_view detail) {
    answer_ = render(problem(status, detail), with_body_, Then::close);
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
  // The request under way, and the answer to it.
  std::string method_;
  std::string target_;
  std::string body_;  // only where a page reads it
  std::string answer_;
  bool from_browser_ = false;
  bool collects_ = false;  // the body; the page is made at its end
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
