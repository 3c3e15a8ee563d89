// The binding table: sixteen shards, each a lock over an entry store and its two lists.
#include "session/table.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <span>

#include "session/entry_store.h"

namespace ringside::session {
namespace {

constexpr std::size_t kShards = 16;
constexpr unsigned kShardShift = 60;  // the top bits choose the shard, the low word's the bucket
static_assert(1U << (64 - kShardShift) == kShards);

// Owners whose bindings lapsed, told of after the lock is gone: so many in one hold of the lock.
constexpr std::size_t kLapsedBatch = 32;

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// An entry with an open stream is in neither list: it can neither lapse nor be evicted.
struct alignas(64) Table::Shard {
  std::mutex mutex;
  EntryStore store;
  EntryList idle;                        // bindings without an open stream, by last use
  EntryList ended;                       // tombstones, by age
  EntryIndex next_tombstone = kNoEntry;  // where expire() goes on; kNoEntry: from the oldest
  Time latest{};  // of all uses: a thread whose clock is behind must not break the order of `idle`

  // Takes an entry out of the list that it is in, if any.
  void detach(EntryIndex index) {
    const Entry& entry = store[index];
    if (entry.ended) {
      if (next_tombstone == index) next_tombstone = entry.newer;
      store.unlink(ended, index);
    } else if (entry.streams == 0) {
      store.unlink(idle, index);
    }
  }

  // Puts an entry into the list where its fields say it belongs.
  void attach(EntryIndex index) {
    const Entry& entry = store[index];
    if (entry.ended) {
      store.append(ended, index);
    } else if (entry.streams == 0) {
      store.append(idle, index);
    }
  }

  Time clock(Time now) { return latest = std::max(latest, now); }

  void touch(EntryIndex index, Time now) {
    detach(index);
    store[index].when = clock(now);
    attach(index);
  }

  void drop(EntryIndex index) {
    detach(index);
    store.erase(index);
  }
};

// Room for one entry under max_sessions, given back unless an entry was made of it.
class Table::Room {
 public:
  explicit Room(Table& table) : table_(table) {}
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (held_) table_.entries_.fetch_sub(1, kRelaxed);
  }

  // Free room; false when there is none.
  bool take() {
    std::size_t entries = table_.entries_.load(kRelaxed);
    while (!held_ && entries < table_.options_.max_sessions) {
      held_ = table_.entries_.compare_exchange_weak(entries, entries + 1, kRelaxed);
    }
    return held_;
  }

  // Another entry's room; false when none can go. Takes other shards' locks: none may be held.
  bool take_by_eviction() { return held_ = table_.evict_one(); }

  void use_up() { held_ = false; }

 private:
  Table& table_;
  bool held_ = false;
};

// How one look at a shard, under its lock, ended.
struct Table::Attempt {
  enum class Outcome : std::uint8_t { done, needs_room, needs_verdict };
  Outcome outcome = Outcome::done;
  Learned learned = Learned::bound;  // when done
  OwnerId other = 0;                 // needs_verdict: the owner to be judged
  bool other_lost_it = false;        // done, and `other` had the binding before
};

Table::Table(const Options& options, OwnerChanged owner_changed, std::uint64_t seed)
    : options_(options),
      owner_changed_(std::move(owner_changed)),
      seed_(seed),
      shards_(std::make_unique<Shard[]>(kShards)) {}

Table::~Table() = default;

Key Table::key_of(std::string_view id) const { return {hash128(id, seed_)}; }

Table::Shard& Table::shard_of(const Key& key) const {
  return shards_[key.hash.high >> kShardShift];
}

bool Table::has_lapsed(const Shard& shard, EntryIndex index, Time now) const {
  const Entry& entry = shard.store[index];
  if (entry.ended) return entry.when <= now;
  return entry.streams == 0 && entry.when + options_.idle_ttl <= now;
}

void Table::told(OwnerId owner, int change) {
  if (owner_changed_) owner_changed_(owner, change);
}

Table::Found Table::use(Key key, Time now) {
  Shard& shard = shard_of(key);
  std::unique_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry) return {};
  const Entry& entry = shard.store[index];
  if (!has_lapsed(shard, index, now)) [[likely]] {
    if (entry.ended) return {Standing::ended, {}};
    shard.touch(index, now);
    return {Standing::bound, entry.binding};
  }
  const bool was_binding = !entry.ended;
  const OwnerId owner = entry.binding.owner;
  shard.drop(index);
  entries_.fetch_sub(1, kRelaxed);
  if (!was_binding) return {};
  bindings_.fetch_sub(1, kRelaxed);
  expired_.fetch_add(1, kRelaxed);
  lock.unlock();
  told(owner, -1);
  return {};
}

Table::Learned Table::learn(Key key, const Binding& binding, Time now,
                            const std::function<bool(OwnerId)>& owner_lives) {
  Shard& shard = shard_of(key);
  Room room(*this);
  std::optional<OwnerId> departed;  // an owner of this session that no longer lives
  while (true) {  // each turn follows a question that may not be asked under the lock
    const Attempt attempt = try_learn(shard, key, binding, now, departed, room);
    switch (attempt.outcome) {
      case Attempt::Outcome::needs_room:
        if (room.take_by_eviction()) break;
        refused_full_.fetch_add(1, kRelaxed);
        return Learned::full;
      case Attempt::Outcome::needs_verdict:
        if (owner_lives(attempt.other)) return Learned::conflict;
        departed = attempt.other;
        break;
      case Attempt::Outcome::done:
        if (attempt.other_lost_it) told(attempt.other, -1);
        if (attempt.learned == Learned::bound) told(binding.owner, +1);
        return attempt.learned;
    }
  }
}

Table::Attempt Table::try_learn(Shard& shard, const Key& key, const Binding& binding, Time now,
                                std::optional<OwnerId> departed, Room& room) {
  const std::scoped_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry) return bind_anew(shard, key, binding, now, room);
  return rebind(shard, index, binding, now, departed);
}

Table::Attempt Table::bind_anew(Shard& shard, const Key& key, const Binding& binding, Time now,
                                Room& room) {
  if (!room.take()) return {.outcome = Attempt::Outcome::needs_room};
  const EntryIndex index = shard.store.insert(key);
  room.use_up();
  shard.store[index].binding = binding;
  shard.store[index].when = shard.clock(now);
  shard.attach(index);
  bindings_.fetch_add(1, kRelaxed);
  return {};
}

Table::Attempt Table::rebind(Shard& shard, EntryIndex index, const Binding& binding, Time now,
                             std::optional<OwnerId> departed) {
  Entry& entry = shard.store[index];
  const OwnerId owner = entry.binding.owner;
  if (entry.ended) {
    shard.detach(index);
    entry.ended = false;
    entry.binding = binding;
    entry.when = shard.clock(now);
    shard.attach(index);
    bindings_.fetch_add(1, kRelaxed);
    return {};
  }
  if (owner == binding.owner) {
    shard.touch(index, now);
    return {.learned = Learned::renewed};
  }
  const bool lapsed = has_lapsed(shard, index, now);
  if (!lapsed && owner != departed) {
    return {.outcome = Attempt::Outcome::needs_verdict, .other = owner};
  }
  if (lapsed) expired_.fetch_add(1, kRelaxed);
  entry.binding = binding;
  shard.touch(index, now);
  return {.other = owner, .other_lost_it = true};
}

bool Table::forget(Key key, OwnerId owner, Time now, Time remember_until) {
  Shard& shard = shard_of(key);
  {
    const std::scoped_lock lock(shard.mutex);
    const EntryIndex index = shard.store.find(key);
    if (index == kNoEntry) return false;
    const Entry& entry = shard.store[index];
    if (entry.ended || entry.binding.owner != owner) return false;
    end(shard, index, now, remember_until);
  }
  told(owner, -1);
  return true;
}

std::size_t Table::forget_owner(OwnerId owner, Time now, Time remember_until) {
  std::size_t forgotten = 0;
  for (Shard& shard : std::span(shards_.get(), kShards)) {
    const std::scoped_lock lock(shard.mutex);
    for (EntryIndex index = shard.idle.oldest; index != kNoEntry;) {
      const EntryIndex next = shard.store[index].newer;
      if (shard.store[index].binding.owner == owner) {
        end(shard, index, now, remember_until);
        ++forgotten;
      }
      index = next;
    }
  }
  if (forgotten > 0) told(owner, -static_cast<int>(forgotten));
  return forgotten;
}

// Turns a binding into a tombstone, or drops it. Requires: the shard's lock.
void Table::end(Shard& shard, EntryIndex index, Time now, Time remember_until) {
  if (remember_until > now) {
    shard.detach(index);
    shard.store[index].ended = true;
    shard.store[index].when = remember_until;
    shard.attach(index);
  } else {
    shard.drop(index);
    entries_.fetch_sub(1, kRelaxed);
  }
  bindings_.fetch_sub(1, kRelaxed);
}

bool Table::stream_opened(Key key) {
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry) return false;
  shard.detach(index);
  ++shard.store[index].streams;  // on a tombstone too: a session that comes back has them open
  shard.attach(index);
  return true;
}

void Table::stream_closed(Key key, Time now) {
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry) return;
  Entry& entry = shard.store[index];
  if (entry.streams == 0) return;  // it was opened on an entry that has gone since
  shard.detach(index);
  --entry.streams;
  if (!entry.ended) entry.when = shard.clock(now);
  shard.attach(index);
}

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
        owners[count++] = shard.store[shard.idle.oldest].binding.owner;
        shard.drop(shard.idle.oldest);
        --work;
      }
      entries_.fetch_sub(count, kRelaxed);
      bindings_.fetch_sub(count, kRelaxed);
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
  if (shard.next_tombstone == kNoEntry) shard.next_tombstone = shard.ended.oldest;
  while (shard.next_tombstone != kNoEntry && work > 0) {
    const EntryIndex index = shard.next_tombstone;
    shard.next_tombstone = shard.store[index].newer;
    if (has_lapsed(shard, index, now)) {
      shard.drop(index);
      entries_.fetch_sub(1, kRelaxed);
    }
    --work;
  }
}

// Frees one entry and leaves its room to the caller: the oldest tombstone, else the binding used
// least recently, over all shards. They are locked one after another, so a use at this very moment
// may still save the one found; its shard's next oldest goes then. Within one millisecond the
// shards' order decides.
bool Table::evict_one() {
  while (true) {
    Shard* chosen = nullptr;
    bool chosen_ended = false;
    Time chosen_when{};
    for (Shard& shard : std::span(shards_.get(), kShards)) {
      const std::scoped_lock lock(shard.mutex);
      const bool ended = shard.ended.oldest != kNoEntry;
      const EntryIndex oldest = ended ? shard.ended.oldest : shard.idle.oldest;
      if (oldest == kNoEntry || (chosen_ended && !ended)) continue;
      const Time when = shard.store[oldest].when;
      if (chosen != nullptr && ended == chosen_ended && when >= chosen_when) continue;
      chosen = &shard;
      chosen_ended = ended;
      chosen_when = when;
    }
    if (chosen == nullptr) return false;
    std::unique_lock lock(chosen->mutex);
    const EntryIndex index = chosen_ended ? chosen->ended.oldest : chosen->idle.oldest;
    if (index == kNoEntry) continue;  // another thread was faster
    const OwnerId owner = chosen->store[index].binding.owner;
    chosen->drop(index);
    lock.unlock();
    if (chosen_ended) return true;
    bindings_.fetch_sub(1, kRelaxed);
    evicted_.fetch_add(1, kRelaxed);
    told(owner, -1);
    return true;
  }
}

}  // namespace ringside::session
