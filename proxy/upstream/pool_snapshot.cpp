// The ring over the endpoints, and the index by id.
#include "upstream/pool_snapshot.h"

#include <algorithm>

namespace ringside::upstream {
namespace {

HashRing ring_over(const std::vector<std::shared_ptr<const Endpoint>>& endpoints,
                   const RingOptions& options) {
  std::vector<HashRing::Member> members;
  members.reserve(endpoints.size());
  for (const auto& endpoint : endpoints) members.push_back({endpoint->name(), endpoint->weight()});
  return {members, options};
}

}  // namespace

PoolSnapshot::PoolSnapshot(std::vector<std::shared_ptr<const Endpoint>> endpoints,
                           const RingOptions& ring)
    : endpoints_(std::move(endpoints)), ring_(ring_over(endpoints_, ring)) {
  by_id_.reserve(endpoints_.size());
  for (const auto& endpoint : endpoints_) {
    by_id_.emplace_back(endpoint->id(), endpoint.get());
    total_weight_ += endpoint->weight();
  }
  std::ranges::sort(by_id_);
}

const Endpoint* PoolSnapshot::find(EndpointId id) const {
  const auto found =
      std::ranges::lower_bound(by_id_, id, {}, [](const auto& pair) { return pair.first; });
  return found != by_id_.end() && found->first == id ? found->second : nullptr;
}

}  // namespace ringside::upstream
