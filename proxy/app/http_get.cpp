// A blocking socket and the response parser.
#include "app/http_get.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "http/parser.h"
#include "net/loop.h"

namespace ringside::app {
namespace {

class Socket {
 public:
  explicit Socket(const Address& server)
      : number_(socket(server.is_ipv4() ? AF_INET : AF_INET6,
                       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        deadline_us_(net::Loop::precise_us() +
                     1000 * static_cast<std::uint64_t>(kGetTime.count())) {}
  ~Socket() {
    if (number_ >= 0) close(number_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int number() const { return number_; }

  // 0 when it is ready for `events`, else an errno.
  int wait(short events) const {
    for (;;) {
      const std::uint64_t now_us = net::Loop::precise_us();
      if (now_us >= deadline_us_) return ETIMEDOUT;
      pollfd poll_for{number_, events, 0};
      const int ready = poll(&poll_for, 1, static_cast<int>((deadline_us_ - now_us) / 1000) + 1);
      if (ready > 0) return 0;
      if (ready < 0 && errno != EINTR) return errno;
    }
  }

  int connect_to(const Address& server) const {
    const sockaddr_storage to = server.to_sockaddr();
    const socklen_t size = server.is_ipv4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (connect(number_, reinterpret_cast<const sockaddr*>(&to), size) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (const int error = wait(POLLOUT); error != 0) return error;
    int error = 0;
    socklen_t error_size = sizeof(error);
    getsockopt(number_, SOL_SOCKET, SO_ERROR, &error, &error_size);
    return error;
  }

  int send_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      if (const int error = wait(POLLOUT); error != 0) return error;
      const ssize_t sent = send(number_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return errno;
    }
    return 0;
  }

 private:
  int number_;
  std::uint64_t deadline_us_;
};

class Collector final : public http::ResponseSink {
 public:
  HttpAnswer answer;

 private:
  bool on_response_head(const http::ResponseHead& head) override {
    answer.status = head.status;
    return true;
  }
  bool on_response_body(std::string_view bytes) override {
    if (answer.body.size() + bytes.size() > kAnswerBytes) return false;
    answer.body.append(bytes);
    return true;
  }
  void on_response_trailers(std::span<const http::Field>) override {}
};

std::unexpected<Error> failed(int error) {
  return fail(error == ETIMEDOUT ? "it does not answer in time" : std::strerror(error), error);
}

Result<HttpAnswer> read_answer(const Socket& socket) {
  http::ParseScratch scratch;
  http::ResponseParser parser(scratch, kAnswerBytes);
  Collector collector;
  std::array<char, 16 * kKiB> buffer{};
  for (;;) {
    if (const int error = socket.wait(POLLIN); error != 0) return failed(error);
    const ssize_t size = recv(socket.number(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return failed(errno);
    if (size == 0) return fail("it closed the connection before its answer's end");
    const http::Fed fed = parser.feed({buffer.data(), static_cast<std::size_t>(size)}, collector);
    if (fed.status == http::Fed::Status::complete) return std::move(collector.answer);
    if (fed.status != http::Fed::Status::more) return fail("its answer is not one of Ringside");
  }
}

}  // namespace

Result<HttpAnswer> http_get(const Address& server, std::string_view target) {
  const Socket socket(server);
  if (socket.number() < 0) return failed(errno);
  if (const int error = socket.connect_to(server); error != 0) return failed(error);
  std::string request = "GET ";
  request.append(target).append(" HTTP/1.1\r\nhost: ").append(server.text());
  request.append("\r\nconnection: close\r\n\r\n");
  if (const int error = socket.send_all(request); error != 0) return failed(error);
  return read_answer(socket);
}

}  // namespace ringside::app
