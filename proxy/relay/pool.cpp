// The rows of the routing table, each with its way of placement.
#include "relay/pool.h"

#include <algorithm>

namespace ringside::relay {
namespace {

session::EndpointCodes codes_of(const session::TagKeys& keys,
                                const upstream::PoolSnapshot& snapshot) {
  std::vector<std::string_view> names;
  for (const auto& endpoint : snapshot.endpoints()) names.push_back(endpoint->name());
  return {keys, names};
}

// In the modes client and none the fields of a request decide nothing.
std::vector<std::string> routing_fields_of(const session::Options& affinity) {
  if (affinity.mode == session::Mode::client || affinity.mode == session::Mode::none) return {};
  std::vector<std::string> names{affinity.header};
  for (const session::HandleOptions& handle : affinity.handles) {
    if (handle.kind == session::HandleKind::header) names.push_back(handle.name);
  }
  return names;
}

}  // namespace

Pool::Pool(PoolOptions options, std::size_t index,
           std::shared_ptr<const upstream::PoolSnapshot> snapshot, std::uint64_t table_seed,
           session::TagKeys keys)
    : options_(std::move(options)),
      index_(index),
      session_field_(options_.affinity.header),
      routing_fields_(routing_fields_of(options_.affinity)),
      snapshot_(std::move(snapshot)),
      keys_(std::move(keys)),
      codes_(codes_of(keys_, *snapshot_)),
      sessions_(
          options_.affinity,
          [endpoints = snapshot_](session::OwnerId owner, int change) {
            const upstream::Endpoint* endpoint = endpoints->find(owner);
            if (endpoint == nullptr) return;
            endpoint->load().sessions.fetch_add(static_cast<std::uint32_t>(change),
                                                std::memory_order_relaxed);
          },
          table_seed),
      searches_(options_.affinity.search, snapshot_->endpoints().size(), table_seed),
      revivals_(options_.affinity.max_sessions),
      revivals_left_(options_.affinity.revive.per_second, options_.affinity.revive.per_second) {}

const upstream::Endpoint* Pool::pick(const Routing& routing, Random& random,
                                     const upstream::Tried& tried) const {
  const upstream::PlacementOptions& placement = options_.placement;
  switch (routing.row) {
    case Row::cookie:
    case Row::bound: {
      const bool was_tried = std::find(tried.begin(), tried.end(), routing.owner) != tried.end();
      return was_tried ? nullptr : snapshot_->find(routing.owner);
    }
    case Row::unknown:
    case Row::handle:
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
    case Row::lost:
      break;
  }
  return nullptr;
}

const upstream::Endpoint* Pool::endpoint_of(const session::EndpointCode& code,
                                            std::size_t key) const {
  const auto index = codes_.find(code, key);
  return index ? snapshot_->endpoints()[*index].get() : nullptr;
}

session::TagSuffix Pool::tag_for(std::string_view id, const upstream::Endpoint& endpoint) const {
  return session::tag_suffix(keys_, id, code_of(endpoint));
}

const session::EndpointCode& Pool::code_of(const upstream::Endpoint& endpoint) const {
  const auto& endpoints = snapshot_->endpoints();
  const auto found = std::find_if(endpoints.begin(), endpoints.end(),
                                  [&](const auto& each) { return each.get() == &endpoint; });
  return codes_.first_code(static_cast<std::size_t>(found - endpoints.begin()));
}

bool Pool::has_lost_sessions(const upstream::Endpoint* endpoint) const {
  return endpoint == nullptr || endpoint->refusal().outlasted(options_.affinity.owner_grace);
}

std::size_t Pool::forget_lost_owners(Time now) {
  std::size_t lost = 0;
  for (const auto& endpoint : snapshot_->endpoints()) {
    if (endpoint->load().sessions == 0 || !has_lost_sessions(endpoint.get())) continue;
    lost +=
        sessions_.forget_owner(endpoint->id(), session::Standing::lost, now, now + kTombstoneTime);
  }
  lost_with_owner_ += lost;
  return lost;
}

void Pool::forget_lost(session::Key key, const session::Binding& was, Time now) {
  if (sessions_.lose(key, was, now, now + kTombstoneTime)) ++lost_with_owner_;
}

}  // namespace ringside::relay
