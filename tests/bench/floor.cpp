// The floor: a TCP relay that parses nothing, against which the cost of a proxy is judged.
//
// Use      floor --upstream HOST:PORT [--upstream HOST:PORT ...]
//          Listens on a free port of 127.0.0.1, prints `ready PORT`, serves until it is killed.
// Does     One epoll_wait for whatever is ready; for each message one recv and one send. A client
//          connection gets one upstream connection, the endpoints taking turns. Nothing that reads
//          from one socket and writes to another in user space does less.
// Bounds   What a peer does not take at once is kept in memory without a limit: it is a measure,
// not
//          a proxy.

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "loopback.h"

namespace {

constexpr std::size_t kBufferBytes = 65536;

struct Pair;

struct Side {
  int fd = -1;
  Pair* pair = nullptr;
  Side* other = nullptr;
  std::string unsent;  // what `fd` did not take yet
};

struct Pair {
  Side client, upstream;
};

class Floor {
 public:
  explicit Floor(std::vector<sockaddr_in> endpoints) : endpoints_(std::move(endpoints)) {
    int port = 0;
    listener_.fd = loopback::listen_on_free_port(port);
    watch(listener_, EPOLL_CTL_ADD, EPOLLIN);
    std::printf("ready %d\n", port);
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    for (;;) {
      const int n = epoll_wait(epoll_, events, 256, -1);
      for (int i = 0; i < n; ++i) {
        auto* side = static_cast<Side*>(events[i].data.ptr);
        if (side == &listener_) {
          accept_all();
        } else if (side->fd >= 0) {
          if (events[i].events & EPOLLOUT) send_rest(*side);
          if (events[i].events & ~EPOLLOUT) relay(*side);
        }
      }
      for (auto* pair : closed_) delete pair;
      closed_.clear();
    }
  }

 private:
  void watch(Side& side, int what, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = &side}};
    epoll_ctl(epoll_, what, side.fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int client = accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      // A blocking connect: over loopback it is over before the call returns.
      const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto& to = endpoints_[turn_++ % endpoints_.size()];
      if (connect(upstream, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        close(client);
        close(upstream);
        continue;
      }
      auto* pair = new Pair;
      pair->client = {client, pair, &pair->upstream, {}};
      pair->upstream = {upstream, pair, &pair->client, {}};
      for (auto* side : {&pair->client, &pair->upstream}) {
        loopback::send_at_once(side->fd);
        watch(*side, EPOLL_CTL_ADD, EPOLLIN);
      }
    }
  }

  void relay(Side& from) {
    const auto n = recv(from.fd, buffer_, sizeof buffer_, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return close_pair(from.pair);
    auto& to = *from.other;
    const std::string_view bytes(buffer_, static_cast<std::size_t>(n));
    if (!to.unsent.empty()) {
      to.unsent.append(bytes);
      return;
    }
    auto sent = send(to.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return close_pair(from.pair);
    if (sent < 0) sent = 0;
    if (sent == n) return;
    to.unsent.append(bytes.substr(static_cast<std::size_t>(sent)));
    watch(to, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  }

  void send_rest(Side& to) {
    const auto sent = send(to.fd, to.unsent.data(), to.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return;
    to.unsent.erase(0, static_cast<std::size_t>(sent));
    if (to.unsent.empty()) watch(to, EPOLL_CTL_MOD, EPOLLIN);
  }

  // The memory stays until the turn is over: the same turn may still name the other side.
  void close_pair(Pair* pair) {
    close(pair->client.fd);
    close(pair->upstream.fd);
    pair->client.fd = pair->upstream.fd = -1;
    closed_.push_back(pair);
  }

  std::vector<sockaddr_in> endpoints_;
  std::size_t turn_ = 0;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  Side listener_;
  std::vector<Pair*> closed_;
  char buffer_[kBufferBytes];
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<sockaddr_in> endpoints;
  for (int i = 1; i + 1 < argc; i += 2) {
    sockaddr_in address;
    if (std::string_view(argv[i]) != "--upstream" ||
        !loopback::parse_address(argv[i + 1], address)) {
      std::fprintf(stderr, "usage: floor --upstream HOST:PORT ...\n");
      return 2;
    }
    endpoints.push_back(address);
  }
  if (endpoints.empty()) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  static Floor floor(std::move(endpoints));
  floor.run();
}
