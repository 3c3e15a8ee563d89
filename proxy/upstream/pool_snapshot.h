// The endpoints of one pool at one moment, with their ring.
//
// Why      Workers read it without locks; discovery publishes a new one and the old lives until its
//          last reader lets go.
// Threads  Immutable after construction; the endpoints' counters are atomics.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "upstream/endpoint.h"
#include "upstream/hash_ring.h"
#include "upstream/options.h"

namespace ringside::upstream {

class PoolSnapshot {
 public:
  // Requires: no null pointers, no two endpoints with the same id or name.
  PoolSnapshot(std::vector<std::shared_ptr<const Endpoint>> endpoints, const RingOptions& ring);

  const std::vector<std::shared_ptr<const Endpoint>>& endpoints() const { return endpoints_; }
  const HashRing& ring() const { return ring_; }
  std::uint64_t total_weight() const { return total_weight_; }

  // The endpoint with this id; nullptr when it is not in this snapshot. Asked for each bound
  // request: a binary search.
  const Endpoint* find(EndpointId id) const;

 private:
  std::vector<std::shared_ptr<const Endpoint>> endpoints_;  // in the order of the ring's members
  std::vector<std::pair<EndpointId, const Endpoint*>> by_id_;
  HashRing ring_;
  std::uint64_t total_weight_ = 0;
};

}  // namespace ringside::upstream
