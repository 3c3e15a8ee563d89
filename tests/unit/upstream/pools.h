// Pools made by hand, for tests of placement.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "upstream/pool_snapshot.h"

namespace ringside::upstream {

// Endpoint i has the id 100 + i, the name "pod-i" and the weight given.
inline PoolSnapshot pool_of(const std::vector<std::uint32_t>& weights,
                            const RingOptions& ring = {}) {
  std::vector<std::shared_ptr<const Endpoint>> endpoints;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    endpoints.push_back(
        std::make_shared<Endpoint>(100 + i, "pod-" + std::to_string(i), Address{}, weights[i]));
  }
  return {std::move(endpoints), ring};
}

inline PoolSnapshot pool_of_equals(std::size_t count, const RingOptions& ring = {}) {
  return pool_of(std::vector<std::uint32_t>(count, 1), ring);
}

}  // namespace ringside::upstream
