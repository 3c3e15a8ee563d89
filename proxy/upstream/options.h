// What the configuration of a pool says about its endpoints and how they are chosen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"

namespace ringside::upstream {

struct EndpointOptions {
  std::string name;     // stable identity; the address as written when no name is given
  std::string address;  // host:port; the host may be a name, resolved once at start
  std::uint32_t weight = 1;
};

struct RingOptions {
  std::uint32_t points = 160;  // per unit of weight
  std::uint64_t seed = 0;
};

enum class PlacementBy : std::uint8_t { client_ip, least_sessions };

struct PlacementOptions {
  PlacementBy by = PlacementBy::client_ip;
  double balance_factor = 1.25;
};

}  // namespace ringside::upstream
