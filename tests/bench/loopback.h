// What the tools share: sockets on the loopback interface, and the fields of an HTTP/1.1 head.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace loopback {

inline void send_at_once(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// A listening, non-blocking socket on a free port of 127.0.0.1, which goes to `port`.
inline int listen_on_free_port(int& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(fd, any, size) != 0 || listen(fd, 4096) != 0 || getsockname(fd, any, &size) != 0) {
    std::perror("cannot listen on 127.0.0.1");
    std::exit(1);
  }
  port = ntohs(address.sin_port);
  return fd;
}

/// HOST:PORT with a numeric host; false when it is not that.
inline bool parse_address(std::string_view text, sockaddr_in& out) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon == std::string_view::npos) return false;
  const auto* end = text.data() + text.size();
  if (std::from_chars(text.data() + colon + 1, end, port).ptr != end || port == 0) return false;
  out = {};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  return inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &out.sin_addr) == 1;
}

inline bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// Calls take(name, value) for each field of the head in `text`. Returns the head's size with the
/// empty line, 0 while that has not come.
template <class Take>
std::size_t each_field(std::string_view text, Take take) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  for (auto at = text.find("\r\n"); at < end;) {
    const auto from = at + 2;
    at = text.find("\r\n", from);
    const auto field = text.substr(from, at - from);
    const auto colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    auto value = field.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    take(field.substr(0, colon), value);
  }
  return end + 4;
}

/// The number that `text` begins with, else `otherwise`.
template <class Number>
Number number_at(std::string_view text, Number otherwise, int base = 10) {
  Number number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

/// The JSON-RPC id of a message, 0 if it has none. The tools write theirs first.
inline std::uint64_t rpc_id(std::string_view body) {
  constexpr std::string_view kKey = "\"id\":";
  const auto at = body.find(kKey);
  return at == std::string_view::npos ? 0
                                      : number_at<std::uint64_t>(body.substr(at + kKey.size()), 0);
}

}  // namespace loopback
