// The hash functions of the proxy: XXH3, seeded. The only user of xxHash.
//
// Why      A 64-bit hash places keys on the ring: it must be the same in every proxy and for ever,
//          so its seed is configuration. A 128-bit hash keys the session table: its seed is random
//          in each process, so that nobody can choose ids that collide.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringside {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed);
Hash128 hash128(std::string_view bytes, std::uint64_t seed);

}  // namespace ringside
