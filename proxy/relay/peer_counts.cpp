// The hash of 64 bits stands for the address: two that share one would share a count, which nobody
// can bring about and chance will not.
#include "relay/peer_counts.h"

#include "base/hash.h"

namespace ringside::relay {

bool PeerCounts::enter(const Address& peer, std::uint32_t most) {
  const std::uint64_t hash = hash_of(peer);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  std::uint32_t& count = shard.counts[hash];
  if (count >= most) return false;
  ++count;
  return true;
}

void PeerCounts::leave(const Address& peer) {
  const std::uint64_t hash = hash_of(peer);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.counts.find(hash);
  if (--found->second == 0) shard.counts.erase(found);
}

std::uint64_t PeerCounts::hash_of(const Address& peer) const {
  constexpr std::size_t kNetworkBytes = 8;  // of IPv6; an IPv4 address has four
  return hash64(peer.host_bytes().substr(0, kNetworkBytes), seed_);
}

}  // namespace ringside::relay
