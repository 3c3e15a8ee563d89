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

bool Pool::has_lost_sessions(const upstream::Endpoint* endpoint) const {
  return endpoint == nullptr || endpoint->refusal().outlasted(options_.affinity.owner_grace);
}

std::size_t Pool::forget_lost_owners(Time now) {
  std::size_t lost = 0;
  for (const auto& endpoint : snapshot_->endpoints()) {
    if (endpoint->load().sessions == 0 || !has_lost_sessions(endpoint.get())) continue;
    lost += sessions_.forget_owner(endpoint->id(), now, now + kTombstoneTime);
  }
  lost_with_owner_ += lost;
  return lost;
}

void Pool::forget_lost(session::Key key, session::OwnerId owner, Time now) {
  if (sessions_.forget(key, owner, now, now + kTombstoneTime)) ++lost_with_owner_;
}

}  // namespace ringside::relay
