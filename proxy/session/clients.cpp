// A chained hash table over a vector of slots, both addressed by index.
#include "session/clients.h"

#include <algorithm>

#include "base/hash.h"

namespace ringside::session {
namespace {

constexpr std::size_t kFirstBuckets = 16;

Address host_of(const Address& client) { return client.with_port(0); }

}  // namespace

ClientIndex ClientRegistry::add(const Address& client) {
  if (client.empty()) return kNoClient;
  const Address host = host_of(client);
  const std::scoped_lock lock(mutex_);
  ClientIndex index = find(host);
  if (index == kNoClient) index = insert(host);
  ++slots_[index].bindings;
  return index;
}

void ClientRegistry::remove(ClientIndex index) {
  if (index == kNoClient) return;
  const std::scoped_lock lock(mutex_);
  Slot& slot = slots_[index];
  if (--slot.bindings > 0) return;
  ClientIndex* link = &bucket_of(slot.host);
  while (*link != index) link = &slots_[*link].chained;
  *link = slot.chained;
  slot.chained = free_;
  free_ = index;
  --size_;
}

Address ClientRegistry::address(ClientIndex index) const {
  if (index == kNoClient) return {};
  const std::scoped_lock lock(mutex_);
  return slots_[index].host;
}

std::uint32_t ClientRegistry::bindings_of(const Address& client) const {
  const std::scoped_lock lock(mutex_);
  const ClientIndex index = find(host_of(client));
  return index == kNoClient ? 0 : slots_[index].bindings;
}

std::size_t ClientRegistry::size() const {
  const std::scoped_lock lock(mutex_);
  return size_;
}

// Requires: there are buckets.
ClientIndex& ClientRegistry::bucket_of(const Address& host) {
  return buckets_[hash64(host.host_bytes(), seed_) & (buckets_.size() - 1)];
}

ClientIndex ClientRegistry::find(const Address& host) const {
  if (buckets_.empty()) return kNoClient;
  ClientIndex index = buckets_[hash64(host.host_bytes(), seed_) & (buckets_.size() - 1)];
  while (index != kNoClient && slots_[index].host != host) index = slots_[index].chained;
  return index;
}

ClientIndex ClientRegistry::insert(const Address& host) {
  if (size_ == buckets_.size()) grow_buckets();
  if (free_ == kNoClient) {
    free_ = static_cast<ClientIndex>(slots_.size());
    slots_.emplace_back();
  }
  const ClientIndex index = free_;
  free_ = slots_[index].chained;
  ClientIndex& bucket = bucket_of(host);
  slots_[index] = {.host = host, .chained = bucket};
  bucket = index;
  ++size_;
  return index;
}

void ClientRegistry::grow_buckets() {
  std::vector<ClientIndex> old(std::max(kFirstBuckets, buckets_.size() * 2), kNoClient);
  old.swap(buckets_);
  for (ClientIndex index : old) {
    while (index != kNoClient) {
      const ClientIndex next = slots_[index].chained;
      ClientIndex& bucket = bucket_of(slots_[index].host);
      slots_[index].chained = bucket;
      bucket = index;
      index = next;
    }
  }
}

}  // namespace ringside::session
