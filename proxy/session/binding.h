// What a binding says, and the key it is found under.
#pragma once

#include <cstdint>

#include "base/hash.h"

namespace ringside::session {

// A number that only upstream/ can resolve to an endpoint.
using OwnerId = std::uint32_t;

// The table's key of a session id: seeded anew in each process, so that nobody can choose colliding
// ids.
struct Key {
  Hash128 hash;
  friend bool operator==(const Key&, const Key&) = default;
};

struct Binding {
  OwnerId owner = 0;
  std::uint32_t path_hash = 0;  // of the path the session was issued on
  std::uint64_t digest = 0;     // base/digest.h
};

}  // namespace ringside::session
