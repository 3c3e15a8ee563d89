// What a binding says, what else a session may be, and the key it is found under.
#pragma once

#include <cstdint>

#include "base/hash.h"

namespace ringside::session {

// A number that only upstream/ can resolve to an endpoint.
using OwnerId = std::uint32_t;

// The table's key of a session id: seeded at random, so that nobody can choose colliding ids.
struct Key {
  Hash128 hash;
  friend bool operator==(const Key&, const Key&) = default;
};

// A revival, by a number that others shortly before and after it do not have: 1 to kRevivalMax, and
// again from 1; 0 is none. Tells a binding from an earlier or a later one to the same owner.
using RevivalNumber = std::uint8_t;
inline constexpr RevivalNumber kRevivalMax = 127;

constexpr RevivalNumber revival_number(std::uint32_t begun_before) {
  return static_cast<RevivalNumber>(1 + begun_before % kRevivalMax);
}

struct Binding {
  OwnerId owner = 0;
  std::uint32_t path_hash = 0;  // of the path the session was issued on
  std::uint64_t digest = 0;     // base/digest.h
  bool provisional = false;     // nothing but a 2xx to a GET said so: gives way to better evidence
  RevivalNumber revival = 0;    // if any, the session has another id inward
};

// What is known of a session id. The last three are tombstones, which say why.
enum class Standing : std::uint8_t {
  unknown,
  bound,
  deleted,  // its client ended it
  lost,     // its owner is gone, or does not know it any more
  nobody,   // every endpoint was asked, and none knows it
};

}  // namespace ringside::session
