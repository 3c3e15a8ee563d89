// XXH3 by way of the xxHash header; inlined, so that no shared library is loaded for two functions.
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringside {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 hash128(std::string_view bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

}  // namespace ringside
