// How many connections each client's address has open.
//
// Why      One client must not take the connections of all others. It is the peer's address that
//          counts, for nothing else is known when a connection comes; an IPv6 client is its /64.
// Bounds   An address is known while it has a connection.
// Threads  Safe from any thread: locks of shards, each held for a look-up.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/address.h"

namespace ringside::relay {

class PeerCounts {
 public:
  // `seed` is random, so that nobody can choose colliding addresses.
  explicit PeerCounts(std::uint64_t seed) : seed_(seed) {}

  // One more, unless there are `most`: false then.
  bool enter(const Address& peer, std::uint32_t most);
  // Requires: an enter() that this undoes.
  void leave(const Address& peer);

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::uint32_t> counts;  // by the seeded hash of the network
  };

  std::uint64_t hash_of(const Address& peer) const;
  Shard& shard_of(std::uint64_t hash) { return shards_[hash >> 60U]; }

  std::uint64_t seed_;
  std::array<Shard, kShards> shards_;
};

}  // namespace ringside::relay
