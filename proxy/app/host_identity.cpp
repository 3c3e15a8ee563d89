// The downward API's POD_IP, else gethostname(2).
#include "app/host_identity.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/address.h"

namespace ringside::app {

std::string host_identity() {
  if (const char* pod_ip = std::getenv("POD_IP")) {
    if (const auto address = Address::parse_host(pod_ip)) return std::string(address->host_bytes());
  }
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace ringside::app
