// What the configuration of a pool says about sessions (pools.*.affinity).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace ringside::session {

enum class Mode : std::uint8_t {
  learn,   // a session stays on the endpoint that issued its id
  client,  // the client's identity alone decides, as Service ClientIP affinity does
  none,    // no affinity: spread by requests under way
};

struct Options {
  Mode mode = Mode::learn;
  std::string header = "mcp-session-id";
  milliseconds idle_ttl = std::chrono::hours(3);
  milliseconds owner_grace = std::chrono::seconds(10);
  std::uint32_t max_sessions = 100'000;
};

}  // namespace ringside::session
