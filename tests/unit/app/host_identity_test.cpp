// Who loopback clients are on the ring.
#include "app/host_identity.h"

#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>

#include "base/address.h"
#include "session/client_identity.h"

using namespace ringside;
using namespace ringside::app;

TEST_CASE("host_identity: POD_IP when it is an address, else the host name") {
  std::array<char, 256> name{};
  REQUIRE(gethostname(name.data(), name.size() - 1) == 0);
  REQUIRE(unsetenv("POD_IP") == 0);
  CHECK(host_identity() == name.data());
  REQUIRE(setenv("POD_IP", "no address", 1) == 0);
  CHECK(host_identity() == name.data());
  REQUIRE(setenv("POD_IP", "10.1.2.3", 1) == 0);
  const auto pod = Address::parse_host("10.1.2.3").value();
  CHECK(host_identity() == session::ring_key(pod, "unused"));
  REQUIRE(unsetenv("POD_IP") == 0);
}
