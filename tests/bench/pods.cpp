// A cheap stand-in for the replicas of an MCP server: several pods in one process and one thread.
//
// Use      pods [--pods N] [--reply-bytes N] [--event-ms N] [--any-id]
//          Prints `ready PORT PORT ...`, a port a pod, and serves until it is killed.
// Serves   POST: `initialize` mints a session, any other call is answered with a result of
//          --reply-bytes; GET that accepts an event stream: one event at once and one every
//          --event-ms (0 = never); GET /counts: the totals as JSON, for whoever measures.
// Strict   A pod answers 404, -32001, to a session id that it did not make, unless --any-id. An id
//          carries a serial number and its check, so no table is kept and a look-up costs nothing.
// Tells    `x-pod: N` stands on every reply: the load generator checks stickiness by it.
// Bounds   A request has to fit into kInputBytes and to have a Content-Length, if it has a body.

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loopback.h"

namespace {

constexpr std::size_t kInputBytes = 16384;

enum class Kind { listener, connection, ticker };

struct Source {
  Kind kind;
  int fd;
  int pod;
};

struct Connection : Source {
  std::size_t filled = 0;
  std::size_t stream_index = 0;  // in Pods::streams_, when streaming
  bool streaming = false;
  char in[kInputBytes];
};

struct Request {
  std::string_view method, path, session, body;
  bool wants_events = false;
};

struct Counts {
  std::uint64_t requests = 0, refused = 0, events = 0;
};

std::uint64_t check_of(std::uint64_t serial, int pod) {
  std::uint64_t x = serial * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(pod) + 1;
  x = (x ^ (x >> 31)) * 0xbf58476d1ce4e5b9U;
  return x ^ (x >> 29);
}

/// Bytes that the first request in `text` takes, 0 if it is not whole yet, -1 if it cannot be read.
long parse(std::string_view text, Request& out) {
  std::size_t length = 0;
  bool readable = true;
  const auto head = loopback::each_field(text, [&](std::string_view name, std::string_view value) {
    if (loopback::same_name(name, "content-length")) {
      length = loopback::number_at<std::size_t>(value, kInputBytes);
    } else if (loopback::same_name(name, "mcp-session-id")) {
      out.session = value;
    } else if (loopback::same_name(name, "accept")) {
      out.wants_events = value.find("text/event-stream") != std::string_view::npos;
    } else if (loopback::same_name(name, "transfer-encoding")) {
      readable = false;
    }
  });
  const auto total = head + length;
  if (!readable || total > kInputBytes || (head == 0 && text.size() == kInputBytes)) return -1;
  if (head == 0 || text.size() < total) return 0;
  const auto space = text.find(' ');
  out.method = text.substr(0, space);
  out.path = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
  out.body = text.substr(head, length);
  return static_cast<long>(total);
}

class Pods {
 public:
  Pods(int pods, std::size_t reply_bytes, int event_ms, bool any_id)
      : any_id_(any_id), padding_(reply_bytes, 'r'), serials_(pods, 0), epoll_(epoll_create1(0)) {
    std::printf("ready");
    for (int pod = 0; pod < pods; ++pod) listen_on_free_port(pod);
    std::printf("\n");
    std::fflush(stdout);
    if (event_ms > 0) start_ticker(event_ms);
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    for (;;) {
      const int n = epoll_wait(epoll_, events, 256, -1);
      for (int i = 0; i < n; ++i) {
        auto* source = static_cast<Source*>(events[i].data.ptr);
        switch (source->kind) {
          case Kind::listener:
            accept_all(*source);
            break;
          case Kind::connection:
            on_readable(static_cast<Connection*>(source));
            break;
          case Kind::ticker:
            on_tick(source->fd);
            break;
        }
      }
    }
  }

 private:
  void watch(Source* source) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = source}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, source->fd, &event) != 0) std::abort();
  }

  void listen_on_free_port(int pod) {
    int port = 0;
    const int fd = loopback::listen_on_free_port(port);
    std::printf(" %d", port);
    watch(sources_.emplace_back(new Source{Kind::listener, fd, pod}).get());
  }

  void start_ticker(int event_ms) {
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    itimerspec every{};
    every.it_interval = {event_ms / 1000, event_ms % 1000 * 1000000L};
    every.it_value = every.it_interval;
    timerfd_settime(fd, 0, &every, nullptr);
    watch(sources_.emplace_back(new Source{Kind::ticker, fd, 0}).get());
  }

  void accept_all(const Source& listener) {
    for (;;) {
      const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      loopback::send_at_once(fd);
      auto* connection = new Connection;
      connection->kind = Kind::connection;
      connection->fd = fd;
      connection->pod = listener.pod;
      watch(connection);
    }
  }

  void close_connection(Connection* connection) {
    if (connection->streaming) {
      streams_[connection->stream_index] = streams_.back();
      streams_[connection->stream_index]->stream_index = connection->stream_index;
      streams_.pop_back();
    }
    close(connection->fd);
    delete connection;
  }

  void on_readable(Connection* connection) {
    const auto n = recv(connection->fd, connection->in + connection->filled,
                        kInputBytes - connection->filled, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return close_connection(connection);
    connection->filled += static_cast<std::size_t>(n);
    std::size_t used = 0;
    for (;;) {
      Request request;
      const auto taken = parse({connection->in + used, connection->filled - used}, request);
      if (taken == 0) break;
      if (taken < 0 || !answer(*connection, request)) return close_connection(connection);
      used += static_cast<std::size_t>(taken);
    }
    connection->filled -= used;
    if (used > 0 && connection->filled > 0)
      std::memmove(connection->in, connection->in + used, connection->filled);
  }

  bool knows(std::string_view id, int pod) const {
    if (any_id_) return true;
    if (id.size() != 32) return false;
    const auto serial = loopback::number_at<std::uint64_t>(id.substr(0, 16), UINT64_MAX, 16);
    const auto check = loopback::number_at<std::uint64_t>(id.substr(16), 0, 16);
    return serial < serials_[static_cast<std::size_t>(pod)] && check == check_of(serial, pod);
  }

  bool answer(Connection& connection, const Request& request) {
    if (request.method == "GET" && request.path == "/counts") return tell_counts(connection);
    ++counts_.requests;
    const bool opens = request.body.find("\"initialize\"") != std::string_view::npos;
    if (!opens && !knows(request.session, connection.pod)) {
      ++counts_.refused;
      return reply(connection, "404 Not Found", "",
                   R"({"jsonrpc":"2.0","id":null,"error":{"code":-32001,)"
                   R"("message":"Session not found"}})");
    }
    if (request.method == "GET" && request.wants_events) return start_stream(connection);
    if (request.method != "POST") return reply(connection, "405 Method Not Allowed", "", "");
    char id_field[64] = "";
    if (opens) {
      const auto serial = serials_[static_cast<std::size_t>(connection.pod)]++;
      std::snprintf(id_field, sizeof id_field, "mcp-session-id: %016llx%016llx\r\n",
                    static_cast<unsigned long long>(serial),
                    static_cast<unsigned long long>(check_of(serial, connection.pod)));
    }
    const auto id = loopback::rpc_id(request.body);
    body_.assign(R"({"jsonrpc":"2.0","id":)").append(std::to_string(id));
    body_.append(R"(,"result":{"text":")").append(padding_).append(R"("}})");
    return reply(connection, "200 OK", id_field, body_);
  }

  bool reply(const Connection& connection, const char* status, const char* fields,
             std::string_view body) {
    char head[512];
    const int n = std::snprintf(head, sizeof head,
                                "HTTP/1.1 %s\r\nx-pod: %d\r\n%s"
                                "content-type: application/json\r\ncontent-length: %zu\r\n\r\n",
                                status, connection.pod, fields, body.size());
    out_.assign(head, static_cast<std::size_t>(n)).append(body);
    return send_all(connection, out_);
  }

  bool start_stream(Connection& connection) {
    out_ = "HTTP/1.1 200 OK\r\nx-pod: " + std::to_string(connection.pod) +
           "\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
           "transfer-encoding: chunked\r\n\r\n" +
           std::string(next_event());
    connection.streaming = true;
    connection.stream_index = streams_.size();
    streams_.push_back(&connection);
    return send_all(connection, out_);
  }

  std::string_view next_event() {
    ++counts_.events;
    char data[160];
    const int n = std::snprintf(data, sizeof data,
                                "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                                "message\",\"params\":{\"n\":%llu}}\n\n",
                                static_cast<unsigned long long>(counts_.events));
    const int m = std::snprintf(event_, sizeof event_, "%x\r\n%s\r\n", n, data);
    return {event_, static_cast<std::size_t>(m)};
  }

  void on_tick(int fd) {
    std::uint64_t times = 0;
    if (read(fd, &times, sizeof times) < 0) return;
    for (const auto* stream : streams_) send_all(*stream, next_event());
  }

  bool tell_counts(const Connection& connection) {
    const auto text = "{\"requests\":" + std::to_string(counts_.requests) +
                      ",\"refused\":" + std::to_string(counts_.refused) +
                      ",\"events\":" + std::to_string(counts_.events) +
                      ",\"streams\":" + std::to_string(streams_.size()) + "}";
    return reply(connection, "200 OK", "", text);
  }

  // Replies are small beside a socket's buffer: one that does not fit is a fault of the bench.
  static bool send_all(const Connection& connection, std::string_view bytes) {
    const auto n = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n == static_cast<ssize_t>(bytes.size());
  }

  bool any_id_;
  std::string padding_;
  std::vector<std::uint64_t> serials_;  // sessions made, by pod
  int epoll_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<Connection*> streams_;
  Counts counts_;
  std::string out_, body_;
  char event_[256];
};

}  // namespace

int main(int argc, char** argv) {
  int pods = 3, event_ms = 0;
  std::size_t reply_bytes = 300;
  bool any_id = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const auto value = [&] { return ++i < argc ? std::atoi(argv[i]) : 0; };
    if (flag == "--pods") {
      pods = value();
    } else if (flag == "--reply-bytes") {
      reply_bytes = static_cast<std::size_t>(value());
    } else if (flag == "--event-ms") {
      event_ms = value();
    } else if (flag == "--any-id") {
      any_id = true;
    } else {
      std::fprintf(stderr, "pods: unknown flag %s\n", argv[i]);
      return 2;
    }
  }
  std::signal(SIGPIPE, SIG_IGN);
  Pods(pods, reply_bytes, event_ms, any_id).run();
}
