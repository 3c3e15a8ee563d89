// The clients of a table's sessions: a number for each address, and how many bindings it has.
//
// Why      An entry of the table has four bytes for its client; the limit of sessions per client
//          needs a count.
// Owns     The addresses, without their ports: a client is a host.
// Bounds   A client is known while it has a binding, so there are no more of them than bindings.
//          About 40 bytes each; memory grown is kept for later clients.
// Threads  Safe from any thread; its lock is held for a look-up only, and no other is taken within.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/address.h"

namespace ringside::session {

using ClientIndex = std::uint32_t;
inline constexpr ClientIndex kNoClient = UINT32_MAX;

class ClientRegistry {
 public:
  // `seed` is random, so that nobody can choose colliding addresses.
  explicit ClientRegistry(std::uint64_t seed) : seed_(seed) {}

  // One more binding of the client; kNoClient for an empty address, which is nobody's.
  ClientIndex add(const Address& client);
  // One less; kNoClient changes nothing. Requires: an add() that this undoes.
  void remove(ClientIndex index);

  Address address(ClientIndex index) const;  // empty for kNoClient
  std::uint32_t bindings_of(const Address& client) const;
  std::size_t size() const;

 private:
  struct Slot {
    Address host;
    std::uint32_t bindings = 0;
    ClientIndex chained = kNoClient;  // next of its bucket, or of the free list
  };

  ClientIndex& bucket_of(const Address& host);
  ClientIndex find(const Address& host) const;
  ClientIndex insert(const Address& host);
  void grow_buckets();

  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  // State below is protected by mutex_.
  std::vector<Slot> slots_;
  std::vector<ClientIndex> buckets_;  // a power of two of them, at least size_
  ClientIndex free_ = kNoClient;
  std::size_t size_ = 0;
};

}  // namespace ringside::session
