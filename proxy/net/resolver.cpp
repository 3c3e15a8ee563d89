// getaddrinfo.
#include "net/resolver.h"

#include <netdb.h>

#include <memory>

namespace ringside::net {

Result<Address> resolve(const std::string& host_port) {
  if (const auto address = Address::parse(host_port)) return *address;
  const auto parts = split_host_port(host_port);
  if (!parts) return fail("\"" + host_port + "\" is no HOST:PORT");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(parts->host.c_str(), nullptr, &hints, &found); error != 0) {
    return fail("cannot resolve \"" + parts->host + "\": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const addrinfo* chosen = found;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET) continue;
    chosen = entry;
    break;
  }
  return Address(chosen->ai_addr).with_port(parts->port);
}

}  // namespace ringside::net
