// Load generator: MCP-like calls and event streams at one address, every reply checked.
//
// Use      load --target HOST:PORT [--connections N] [--body-bytes N] [--pin]
//          Commands come on stdin, a line each; each is answered, when it is done, by a line of
//          JSON:
//            sessions N        N `initialize`, spread over the connections
//            closed N          N calls; every connection has one under way at all times
//            closed_for S      the same for S seconds
//            rate R S          R calls a second at fixed times for S seconds
//            streams N         N event streams, each on a connection of its own; done when each
//                              has brought an event
//            events N          waits until N events more have come
//            close_streams
//          Nothing is under way between two commands, so whoever gives them can read counters of
//          the proxy there, and they belong to exactly the calls in the answer.
// Checks   The reply is 200, from the pod that made the session (x-pod), and carries the JSON-RPC
// id
//          of the call. A session is drawn at random for each call; with --pin, for a target that
//          routes connections and not requests, only from those that its connection made, and
//          streams name none.
// Time     With `rate`, latency counts from the moment a call was due, so a stall of the proxy
// shows
//          in all the calls that had to wait for it.
// Bounds   A command that sees no progress for kStallMs is ended and says so ("stalled").

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loopback.h"

namespace {

constexpr std::size_t kInputBytes = 16384;
constexpr int kStallMs = 10000;
constexpr std::size_t kStreamsOpening = 64;  // at a time, so that no listen queue overflows
constexpr std::uint64_t kSecond = 1000000000;

std::uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kSecond + static_cast<std::uint64_t>(t.tv_nsec);
}

enum class Kind { commands, clock, caller, stream };

struct Source {
  explicit Source(Kind what) : kind(what) {}
  Kind kind;
  int fd = -1;
};

struct Session {
  std::string id;
  int pod;
};

struct Caller : Source {
  Caller() : Source(Kind::caller) {}
  bool busy = false;
  bool opens = false;  // the call under way is an `initialize`
  const Session* session = nullptr;
  std::uint64_t id = 0;  // JSON-RPC
  std::uint64_t due_ns = 0;
  std::size_t filled = 0;
  std::vector<std::size_t> own;  // sessions that this connection made
  char in[kInputBytes];
};

struct Stream : Source {
  Stream() : Source(Kind::stream) {}
  const Session* session = nullptr;
  std::string head;
  bool head_done = false;
  bool opened = false;
  char last = 0;
};

struct Reply {
  int status = 0;
  int pod = -1;
  std::size_t head_bytes = 0, body_bytes = 0;
  bool framed = false;
  std::string_view session;
};

struct Faults {
  std::uint64_t status = 0, wrong_pod = 0, wrong_id = 0, broken = 0, reconnects = 0;
};

struct Command {
  enum class What { none, sessions, closed, closed_for, rate, streams, events } what = What::none;
  std::string text;
  std::uint64_t wanted = 0, started = 0, done = 0;
  std::uint64_t begin_ns = 0, end_ns = 0, interval_ns = 0;
};

/// False while the head is not whole.
bool parse_head(std::string_view text, Reply& out) {
  out.head_bytes = loopback::each_field(text, [&](std::string_view name, std::string_view value) {
    if (loopback::same_name(name, "content-length")) {
      out.body_bytes = loopback::number_at<std::size_t>(value, 0);
      out.framed = true;
    } else if (loopback::same_name(name, "x-pod")) {
      out.pod = loopback::number_at(value, -1);
    } else if (loopback::same_name(name, "mcp-session-id")) {
      out.session = value;
    }
  });
  if (out.head_bytes > 12) out.status = loopback::number_at(text.substr(9), 0);
  return out.head_bytes > 0;
}

class Load {
 public:
  Load(sockaddr_in target, int connections, std::size_t body_bytes, bool pin)
      : target_(target), body_bytes_(body_bytes), pin_(pin), callers_(connections) {
    commands_.fd = STDIN_FILENO;
    clock_.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(commands_);
    watch(clock_);
    for (auto& caller : callers_) {
      caller = std::make_unique<Caller>();
      connect_to_target(*caller);
    }
  }

  int run() {
    epoll_event events[256];
    while (open_) {
      const bool active = command_.what != Command::What::none;
      const int n = epoll_wait(epoll_, events, 256, active ? kStallMs : -1);
      if (n == 0 || (active && now_ns() - progress_ns_ > kStallMs * 1000000ULL)) return stalled();
      for (int i = 0; i < n; ++i) dispatch(*static_cast<Source*>(events[i].data.ptr));
    }
    return 0;
  }

 private:
  using What = Command::What;

  void dispatch(Source& source) {
    switch (source.kind) {
      case Kind::commands:
        read_commands();
        break;
      case Kind::clock:
        on_clock();
        break;
      case Kind::caller:
        on_reply(static_cast<Caller&>(source));
        break;
      case Kind::stream:
        on_stream(static_cast<Stream&>(source));
        break;
    }
  }

  void watch(Source& source) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &source}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, source.fd, &event) != 0) fail("epoll_ctl");
  }

  [[noreturn]] static void fail(const char* what) {
    std::perror(what);
    std::exit(1);
  }

  void connect_to_target(Source& source) {
    source.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (source.fd < 0 ||
        connect(source.fd, reinterpret_cast<sockaddr*>(&target_), sizeof target_) != 0)
      fail("load: connect");
    loopback::send_at_once(source.fd);
    fcntl(source.fd, F_SETFL, O_NONBLOCK);
    watch(source);
  }

  // --- commands ---------------------------------------------------------
  void read_commands() {
    char text[512];
    const auto n = read(STDIN_FILENO, text, sizeof text);
    if (n <= 0) {
      open_ = false;
      return;
    }
    typed_.append(text, static_cast<std::size_t>(n));
    const auto end = typed_.find('\n');
    if (end == std::string::npos) return;
    start(typed_.substr(0, end));
    typed_.erase(0, end + 1);
  }

  void start(const std::string& line) {
    char name[32] = "";
    double first = 0, second = 0;
    std::sscanf(line.c_str(), "%31s %lf %lf", name, &first, &second);
    const std::string_view word = name;
    command_ = {};
    command_.text = line;
    command_.begin_ns = progress_ns_ = now_ns();
    faults_ = {};
    latencies_ns_.clear();
    stream_events_ = 0;
    command_.wanted = static_cast<std::uint64_t>(first);
    if (word == "sessions") {
      command_.what = What::sessions;
    } else if (word == "closed") {
      command_.what = What::closed;
    } else if (word == "closed_for") {
      command_.what = What::closed_for;
      command_.wanted = UINT64_MAX;
      command_.end_ns = command_.begin_ns + static_cast<std::uint64_t>(first * 1e9);
    } else if (word == "rate") {
      command_.what = What::rate;
      command_.wanted = static_cast<std::uint64_t>(first * second);
      command_.interval_ns = static_cast<std::uint64_t>(1e9 / first);
      return start_clock();
    } else if (word == "streams") {
      command_.what = What::streams;
      while (command_.started < std::min<std::uint64_t>(command_.wanted, kStreamsOpening))
        open_stream();
    } else if (word == "events") {
      command_.what = What::events;
    } else if (word == "close_streams") {
      for (auto& stream : streams_) close(stream->fd);
      streams_.clear();
    } else {
      std::fprintf(stderr, "load: unknown command %s\n", line.c_str());
      std::exit(2);
    }
    if (command_.what == What::none || command_.wanted == 0) return finish(false);
    if (word.starts_with("closed") || word == "sessions")
      for (auto& caller : callers_) call_if_wanted(*caller, command_.begin_ns);
  }

  void finish(bool stalled) {
    const double seconds = static_cast<double>(now_ns() - command_.begin_ns) / 1e9;
    auto at = [this](double share) {
      if (latencies_ns_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_ns_.size() - 1);
      const auto rank = latencies_ns_.begin() + static_cast<std::ptrdiff_t>(share * last);
      std::nth_element(latencies_ns_.begin(), rank, latencies_ns_.end());
      return *rank / 1e3;
    };
    const double p50 = at(0.5), p99 = at(0.99);
    std::printf(
        "{\"command\":\"%s\",\"done\":%llu,\"seconds\":%.6f,\"p50_us\":%.1f,"
        "\"p99_us\":%.1f,\"status\":%llu,\"wrong_pod\":%llu,\"wrong_id\":%llu,"
        "\"broken\":%llu,\"reconnects\":%llu,\"streams\":%zu,\"events\":%llu,"
        "\"stalled\":%s}\n",
        command_.text.c_str(), ull(command_.done), seconds, p50, p99, ull(faults_.status),
        ull(faults_.wrong_pod), ull(faults_.wrong_id), ull(faults_.broken), ull(faults_.reconnects),
        streams_.size(), ull(stream_events_), stalled ? "true" : "false");
    std::fflush(stdout);
    command_ = {};
  }

  static unsigned long long ull(std::uint64_t x) { return x; }

  int stalled() {
    finish(true);
    return 1;
  }

  // --- calls ------------------------------------------------------------
  void start_clock() {
    itimerspec every{};
    every.it_interval = every.it_value = {0, static_cast<long>(command_.interval_ns)};
    timerfd_settime(clock_.fd, 0, &every, nullptr);
    command_.begin_ns = now_ns();
  }

  void on_clock() {
    std::uint64_t times = 0;
    if (read(clock_.fd, &times, sizeof times) < 0) return;
    while (times-- > 0 && command_.started + waiting_.size() < command_.wanted)
      waiting_.push_back(command_.begin_ns + ++ticks_ * command_.interval_ns);
    serve_waiting();
    if (command_.started + waiting_.size() >= command_.wanted) {
      const itimerspec never{};
      timerfd_settime(clock_.fd, 0, &never, nullptr);
      ticks_ = 0;
    }
  }

  // The connections take turns, as many clients that each call now and then would.
  void serve_waiting() {
    for (std::size_t tried = 0; tried < callers_.size() && !waiting_.empty(); ++tried) {
      auto& caller = *callers_[turn_++ % callers_.size()];
      if (caller.busy) continue;
      ++command_.started;
      send_call(caller, waiting_.front());
      waiting_.pop_front();
    }
  }

  void call_if_wanted(Caller& caller, std::uint64_t now) {
    if (command_.started >= command_.wanted) return;
    if (command_.end_ns != 0 && now >= command_.end_ns) {
      command_.wanted = command_.started;
      return;
    }
    ++command_.started;
    send_call(caller, now);
  }

  const Session* any_session(const Caller& caller) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    if (pin_)
      return caller.own.empty() ? nullptr : &sessions_[caller.own[random_ % caller.own.size()]];
    return sessions_.empty() ? nullptr : &sessions_[random_ % sessions_.size()];
  }

  void send_call(Caller& caller, std::uint64_t due_ns) {
    caller.opens = command_.what == What::sessions;
    caller.session = caller.opens ? nullptr : any_session(caller);
    caller.due_ns = due_ns;
    caller.id = ++last_id_;
    caller.busy = true;
    const auto id = std::to_string(caller.id);
    if (caller.opens) {
      body_ = "{\"jsonrpc\":\"2.0\",\"id\":" + id +
              R"(,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
              R"("capabilities":{},"clientInfo":{"name":"load","version":"1"}}})";
    } else {
      body_ = "{\"jsonrpc\":\"2.0\",\"id\":" + id +
              R"(,"method":"tools/call","params":{"name":"echo","arguments":{"text":")";
      const auto used = body_.size() + 4;
      body_.append(body_bytes_ > used ? body_bytes_ - used : 0, 'q').append("\"}}}");
    }
    out_ =
        "POST /mcp HTTP/1.1\r\nHost: mcp.example:8080\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n";
    if (caller.session) out_.append("Mcp-Session-Id: ").append(caller.session->id).append("\r\n");
    out_.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n\r\n");
    out_.append(body_);
    const auto sent = send(caller.fd, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(out_.size())) ++faults_.broken;
  }

  void on_reply(Caller& caller) {
    const auto n = recv(caller.fd, caller.in + caller.filled, kInputBytes - caller.filled, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return reconnect(caller);
    caller.filled += static_cast<std::size_t>(n);
    Reply reply;
    const std::string_view text(caller.in, caller.filled);
    if (!parse_head(text, reply)) {
      if (caller.filled == kInputBytes) reconnect(caller);
      return;
    }
    if (!reply.framed || !caller.busy) return reconnect(caller);
    if (text.size() < reply.head_bytes + reply.body_bytes) return;
    check(caller, reply, text.substr(reply.head_bytes));
    caller.filled = 0;
    done(caller);
  }

  void check(Caller& caller, const Reply& reply, std::string_view body) {
    if (reply.status != 200) {
      ++faults_.status;
      return;
    }
    if (loopback::rpc_id(body) != caller.id || body.size() != reply.body_bytes) ++faults_.wrong_id;
    if (caller.session && caller.session->pod != reply.pod) ++faults_.wrong_pod;
    if (!caller.opens) return;
    if (reply.session.empty()) {
      ++faults_.broken;
      return;
    }
    caller.own.push_back(sessions_.size());
    sessions_.push_back({std::string(reply.session), reply.pod});
  }

  void done(Caller& caller) {
    const auto now = progress_ns_ = now_ns();
    caller.busy = false;
    latencies_ns_.push_back(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(now - caller.due_ns, UINT32_MAX)));
    ++command_.done;
    if (command_.what == What::rate) {
      serve_waiting();
    } else {
      call_if_wanted(caller, now);
    }
    if (command_.done == command_.wanted) finish(false);
  }

  // A connection that is closed while it is idle is the proxy's right; with a call under way, a
  // fault, and the call counts as done.
  void reconnect(Caller& caller) {
    close(caller.fd);
    caller.filled = 0;
    connect_to_target(caller);
    if (!caller.busy) {
      ++faults_.reconnects;
      return;
    }
    ++faults_.broken;
    done(caller);
  }

  // --- streams ----------------------------------------------------------
  void open_stream() {
    ++command_.started;
    auto& stream = *streams_.emplace_back(std::make_unique<Stream>());
    connect_to_target(stream);
    if (!pin_ && !sessions_.empty())
      stream.session = &sessions_[streams_.size() % sessions_.size()];
    out_ =
        "GET /mcp HTTP/1.1\r\nHost: mcp.example:8080\r\nAccept: text/event-stream\r\n"
        "MCP-Protocol-Version: 2025-06-18\r\n";
    if (stream.session) out_.append("Mcp-Session-Id: ").append(stream.session->id).append("\r\n");
    out_.append("\r\n");
    if (send(stream.fd, out_.data(), out_.size(), MSG_NOSIGNAL) < 0) ++faults_.broken;
  }

  void on_stream(Stream& stream) {
    const auto n = recv(stream.fd, scratch_, sizeof scratch_, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      ++faults_.broken;
      epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.fd, nullptr);
      if (!stream.opened) stream_opened(stream);
      return;
    }
    progress_ns_ = now_ns();
    std::string_view bytes(scratch_, static_cast<std::size_t>(n));
    if (!stream.head_done && !take_head(stream, bytes)) return;
    for (const char c : bytes) {
      if (c == '\n' && stream.last == '\n') on_event(stream);
      stream.last = c;
    }
  }

  bool take_head(Stream& stream, std::string_view& bytes) {
    const auto had = stream.head.size();
    stream.head.append(bytes);
    Reply reply;
    if (!parse_head(stream.head, reply)) return false;
    stream.head_done = true;
    if (reply.status != 200) ++faults_.status;
    if (stream.session && reply.pod != stream.session->pod) ++faults_.wrong_pod;
    bytes.remove_prefix(reply.head_bytes - had);
    stream.head = {};
    if (reply.status != 200) stream_opened(stream);
    return true;
  }

  void on_event(Stream& stream) {
    ++stream_events_;
    if (!stream.opened) {
      stream_opened(stream);
    } else if (command_.what == What::events && ++command_.done == command_.wanted) {
      finish(false);
    }
  }

  void stream_opened(Stream& stream) {
    stream.opened = true;
    if (command_.what != What::streams) return;
    if (command_.started < command_.wanted) open_stream();
    if (++command_.done == command_.wanted) finish(false);
  }

  sockaddr_in target_;
  std::size_t body_bytes_;
  bool pin_;
  bool open_ = true;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  Source commands_{Kind::commands}, clock_{Kind::clock};
  std::vector<std::unique_ptr<Caller>> callers_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::deque<Session> sessions_;       // their addresses stay
  std::deque<std::uint64_t> waiting_;  // due times of calls that found no idle connection
  std::string typed_, body_, out_;
  std::uint64_t last_id_ = 0, ticks_ = 0, random_ = 88172645463325252U, progress_ns_ = 0;
  std::size_t turn_ = 0;
  Command command_;
  Faults faults_;
  std::vector<std::uint32_t> latencies_ns_;
  std::uint64_t stream_events_ = 0;
  char scratch_[65536];
};

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in target{};
  int connections = 64;
  std::size_t body_bytes = 200;
  bool pin = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--pin") {
      pin = true;
      continue;
    }
    ++i;
    if (flag == "--target" && loopback::parse_address(value, target)) {
      continue;
    } else if (flag == "--connections") {
      connections = std::atoi(value);
    } else if (flag == "--body-bytes") {
      body_bytes = static_cast<std::size_t>(std::atoi(value));
    } else {
      std::fprintf(stderr, "load: cannot use %s %s\n", argv[i - 1], value);
      return 2;
    }
  }
  if (target.sin_port == 0 || connections < 1) {
    std::fprintf(stderr, "usage: load --target HOST:PORT [--connections N] [--pin]\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  static Load load(target, connections, body_bytes, pin);
  return load.run();
}
