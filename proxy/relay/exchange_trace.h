// What the access log needs of an exchange beyond what the exchange keeps; only while the log is
// on.
#pragma once

#include <cstdint>
#include <string>

#include "relay/exchange.h"

namespace ringside::relay {

struct Exchange::Trace {
  Address client;
  std::string method;
  std::string path;
  std::uint64_t started_us = 0;
  std::uint64_t routed_us = 0;
  std::uint64_t connected_us = 0;
  std::uint64_t head_us = 0;
};

}  // namespace ringside::relay
