// How the binding table keeps within its bounds: what has lapsed goes, and room is made.
#include "session/table_shard.h"

namespace ringside::session {
namespace {

// Owners whose bindings lapsed, told of after the lock is gone: so many in one hold of the lock.
constexpr std::size_t kLapsedBatch = 32;

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

std::size_t Table::expire(Time now, std::size_t work_max) {
  std::size_t lapsed = 0;
  std::size_t work = work_max;
  for (std::size_t visited = 0; visited < kShards && work > 0; ++visited) {
    Shard& shard = shards_[next_to_expire_.fetch_add(1, kRelaxed) % kShards];
    lapsed += expire_bindings(shard, now, work);
    expire_tombstones(shard, now, work);
  }
  return lapsed;
}

// Bindings lie by last use and all live equally long: the first that has not lapsed ends the
// search.
std::size_t Table::expire_bindings(Shard& shard, Time now, std::size_t& work) {
  std::size_t total = 0;
  for (std::size_t count = kLapsedBatch; count == kLapsedBatch;) {
    std::array<OwnerId, kLapsedBatch> owners{};
    count = 0;
    {
      const std::scoped_lock lock(shard.mutex);
      while (count < kLapsedBatch && work > 0 && shard.idle.oldest != kNoEntry &&
             has_lapsed(shard, shard.idle.oldest, now)) {
        owners[count++] = shard.store[shard.idle.oldest].owner;
        drop(shard, shard.idle.oldest);
        --work;
      }
      entries_.fetch_sub(count, kRelaxed);
    }
    expired_.fetch_add(count, kRelaxed);
    total += count;
    for (const OwnerId owner : std::span(owners).first(count)) told(owner, -1);
  }
  return total;
}

// Tombstones live for hours or seconds, so their order says nothing: a cursor goes round them.
void Table::expire_tombstones(Shard& shard, Time now, std::size_t& work) {
  const std::scoped_lock lock(shard.mutex);
  for (Tombstones* stones : {&shard.nobody, &shard.ended}) {
    if (stones->next == kNoEntry) stones->next = stones->list.oldest;
    while (stones->next != kNoEntry && work > 0) {
      const EntryIndex index = stones->next;
      stones->next = shard.store[index].newer;
      if (has_lapsed(shard, index, now)) {
        drop(shard, index);
        entries_.fetch_sub(1, kRelaxed);
      }
      --work;
    }
  }
}

// Frees one entry of a rank up to `last` and leaves its room to the caller: the first of the lowest
// rank that there is, over all shards. They are locked one after another, so a use at this very
// moment may still save the one found; its shard's next goes then. Within one millisecond the
// shards' order decides.
bool Table::evict_one(Rank last) {
  const auto oldest_of = [](const Shard& shard, Rank rank) {
    if (rank == Rank::binding) return shard.idle.oldest;
    return rank == Rank::nobody ? shard.nobody.list.oldest : shard.ended.list.oldest;
  };
  for (Rank rank = Rank::nobody; rank <= last;) {
    Shard* chosen = nullptr;
    Time chosen_when{};
    for (Shard& shard : std::span(shards_.get(), kShards)) {
      const std::scoped_lock lock(shard.mutex);
      const EntryIndex oldest = oldest_of(shard, rank);
      if (oldest == kNoEntry) continue;
      const Time when = shard.store[oldest].when;
      if (chosen != nullptr && when >= chosen_when) continue;
      chosen = &shard;
      chosen_when = when;
    }
    if (chosen == nullptr) {
      rank = static_cast<Rank>(static_cast<int>(rank) + 1);
      continue;
    }
    std::unique_lock lock(chosen->mutex);
    const EntryIndex index = oldest_of(*chosen, rank);
    if (index == kNoEntry) continue;  // another thread was faster
    const OwnerId owner = chosen->store[index].owner;
    drop(*chosen, index);
    lock.unlock();
    if (rank == Rank::binding) {
      evicted_.fetch_add(1, kRelaxed);
      told(owner, -1);
    }
    return true;
  }
  return false;
}

}  // namespace ringside::session
