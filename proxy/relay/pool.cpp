// The rows of the routing table, each with its way of placement.
#include "relay/pool.h"

#include <algorithm>

namespace ringside::relay {

Pool::Pool(PoolOptions options, std::size_t index,
           std::shared_ptr<const upstream::PoolSnapshot> snapshot, std::uint64_t table_seed)
    : options_(std::move(options)),
      index_(index),
      snapshot_(std::move(snapshot)),
      sessions_(
          options_.affinity,
          [endpoints = snapshot_](session::OwnerId owner, int change) {
            const upstream::Endpoint* endpoint = endpoints->find(owner);
            if (endpoint == nullptr) return;
            endpoint->load().sessions.fetch_add(static_cast<std::uint32_t>(change),
                                                std::memory_order_relaxed);
          },
          table_seed) {}

const upstream::Endpoint* Pool::pick(const Routing& routing, Random& random,
                                     const upstream::Tried& tried) const {
  const upstream::PlacementOptions& placement = options_.placement;
  switch (routing.row) {
    case Row::bound: {
      const bool was_tried = std::find(tried.begin(), tried.end(), routing.owner) != tried.end();
      return was_tried ? nullptr : snapshot_->find(routing.owner);
    }
    case Row::unknown:
    case Row::by_client:
      return upstream::place_on_ring(*snapshot_, routing.ring_hash, tried);
    case Row::modern:
    case Row::balanced:
      return upstream::place_least_requests(*snapshot_, random, tried);
    case Row::placed:
      return placement.by == upstream::PlacementBy::least_sessions
                 ? upstream::place_least_sessions(*snapshot_, routing.ring_hash, tried)
                 : upstream::place_bounded(*snapshot_, routing.ring_hash, placement.balance_factor,
                                           tried);
  }
  return nullptr;
}

}  // namespace ringside::relay
