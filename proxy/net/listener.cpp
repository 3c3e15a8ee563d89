// Sockets made by hand, since this libuv knows no SO_REUSEPORT, then handed to uv_tcp_open().
#include "net/listener.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/limits.h"

namespace ringside::net {
namespace {

constexpr std::size_t kUnsentBytes = 128 * kKiB;
constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn

std::string because(const Address& address, int error) {
  std::string text = "cannot listen on " + address.text() + ": " + std::strerror(error);
  if (error == EADDRINUSE) text += " (another process has this port)";
  return text;
}

int open_and_bind(const Address& address, bool share) {
  const int family = address.is_ipv4() ? AF_INET : AF_INET6;
  const int descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (family == AF_INET6) {
    const int both =
        0;  // [::] serves IPv4 too, as nginx and HAProxy users expect of a dual-stack pod
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
  }
  const sockaddr_storage storage = address.to_sockaddr();
  const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&storage), size) == 0) return descriptor;
  const int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

// SO_REUSEPORT would share the port with any process of the same user. A socket without it finds
// out.
int find_taken(const Address& address) {
  if (address.port() == 0) return 0;
  const int descriptor = open_and_bind(address, false);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

// How much waits for a slow client is seen by what the kernel takes, so it may take only so much
// more than what is on its way. By itself it takes megabytes for each, and more only when a third
// of them is free. Connections that are accepted inherit this (Linux).
void bound_unsent_bytes(int descriptor) {
  const int unsent = static_cast<int>(kUnsentBytes);
  setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

}  // namespace

Result<Bound> bind_listener(const Address& address, bool shared) {
  if (!shared) {
    if (const int error = find_taken(address); error != 0)
      return fail(because(address, error), error);
  }
  const int descriptor = open_and_bind(address, true);
  if (descriptor < 0) return fail(because(address, errno), errno);
  set_connection_options(descriptor);
  bound_unsent_bytes(descriptor);
  if (listen(descriptor, kBacklog) != 0) {
    const int error = errno;
    close(descriptor);
    return fail(because(address, error), error);
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size);
  return Bound{descriptor, Address(reinterpret_cast<const sockaddr*>(&storage))};
}

Listener::Listener(Loop& loop, const Bound& bound, OnConnection on_connection)
    : loop_(loop),
      descriptor_(bound.descriptor),
      on_connection_(std::move(on_connection)),
      retry_(loop, [this] { open(); }) {
  open();
}

Listener::~Listener() { close(descriptor_); }

void Listener::open() {
  const int descriptor = fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);  // the handle closes its own
  if (descriptor < 0) return retry_.start(kRetry);
  handle_.emplace(this);
  uv_tcp_init(loop_.uv(), handle_->uv());
  uv_tcp_open(handle_->uv(), descriptor);
  uv_listen(reinterpret_cast<uv_stream_t*>(handle_->uv()), kBacklog,
            [](uv_stream_t* server, int status) {
              Listener* self = Handle<uv_tcp_t, Listener>::owner_of(server);
              if (self != nullptr) self->on_event(-status);
            });
}

void Listener::on_event(int error) {
  if (error == EMFILE || error == ENFILE) {
    handle_.reset();
    retry_.start(kRetry);
  }
  on_connection_(error);
}

bool Listener::accept(Stream& into) {
  return uv_accept(reinterpret_cast<uv_stream_t*>(handle_->uv()),
                   reinterpret_cast<uv_stream_t*>(into.handle_.uv())) == 0;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::uint64_t open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::uint64_t entries = 0;
  while (readdir(folder) != nullptr) ++entries;
  closedir(folder);
  return entries - 3;  // ".", ".." and the folder itself
}

}  // namespace ringside::net
