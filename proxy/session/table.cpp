// The binding table: sixteen shards, each a lock over an entry store and its lists. Here is what
// requests and answers do; the rest is in table_upkeep.cpp and table_records.cpp.
#include "session/table.h"

#include "session/table_shard.h"

namespace ringside::session {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// How one look at a shard, under its lock, ended.
struct Table::Attempt {
  enum class Outcome : std::uint8_t { done, needs_room, needs_verdict };
  Outcome outcome = Outcome::done;
  Learned learned = Learned::bound;  // when done
  OwnerId other = 0;                 // needs_verdict: the owner to be judged
  bool other_lost_it = false;        // done, and `other` had the binding before

  bool begins() const { return learned == Learned::bound || learned == Learned::moved; }
};

// What learn() was told.
struct Table::News {
  const Binding& binding;
  const Address& client;
  Time now;
  Evidence evidence;
};

Table::Table(const Options& options, OwnerChanged owner_changed, std::uint64_t seed)
    : options_(options),
      owner_changed_(std::move(owner_changed)),
      seed_(seed),
      shards_(std::make_unique<Shard[]>(kShards)),
      clients_(seed) {}

Table::~Table() = default;

Key Table::key_of(std::string_view id) const { return {hash128(id, seed_)}; }

Table::Shard& Table::shard_of(const Key& key) const {
  return shards_[key.hash.high >> kShardShift];
}

bool Table::has_lapsed(const Shard& shard, EntryIndex index, Time now) const {
  const Entry& entry = shard.store[index];
  if (!entry.is_binding()) return entry.when <= now;
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
    if (entry.is_binding()) shard.touch(index, now);
    return {entry.standing, entry.binding(), entry.streams};
  }
  const bool was_binding = entry.is_binding();
  const OwnerId owner = entry.owner;
  drop(shard, index);
  entries_.fetch_sub(1, kRelaxed);
  if (!was_binding) return {};
  expired_.fetch_add(1, kRelaxed);
  lock.unlock();
  told(owner, -1);
  return {};
}

Table::Found Table::peek(Key key, Time now) const {
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry || has_lapsed(shard, index, now)) return {};
  const Entry& entry = shard.store[index];
  return {entry.standing, entry.binding(), entry.streams};
}

Table::Learned Table::learn(Key key, const Binding& binding, const Address& client, Time now,
                            const std::function<bool(OwnerId)>& owner_lives, Evidence evidence) {
  Shard& shard = shard_of(key);
  Room room(*this);
  std::optional<OwnerId> departed;  // an owner of this session that no longer lives
  while (true) {  // each turn follows a question that may not be asked under the lock
    const Attempt attempt = try_learn(shard, key, {binding, client, now, evidence}, departed, room);
    switch (attempt.outcome) {
      case Attempt::Outcome::needs_room:
        if (room.take_by_eviction(Rank::binding)) break;
        refused_full_.fetch_add(1, kRelaxed);
        return Learned::full;
      case Attempt::Outcome::needs_verdict:
        if (owner_lives(attempt.other)) return Learned::conflict;
        departed = attempt.other;
        break;
      case Attempt::Outcome::done:
        if (attempt.other_lost_it) told(attempt.other, -1);
        if (attempt.begins()) told(binding.owner, +1);
        return attempt.learned;
    }
  }
}

Table::Attempt Table::try_learn(Shard& shard, const Key& key, const News& news,
                                std::optional<OwnerId> departed, Room& room) {
  const std::scoped_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry) return bind_anew(shard, key, news, room);
  return rebind(shard, index, news, departed);
}

Table::Attempt Table::bind_anew(Shard& shard, const Key& key, const News& news, Room& room) {
  if (!room.take()) return {.outcome = Attempt::Outcome::needs_room};
  const EntryIndex index = shard.store.insert(key);
  room.use_up();
  begin_binding(shard, index, news.binding, news.client, news.now);
  return {};
}

Table::Attempt Table::rebind(Shard& shard, EntryIndex index, const News& news,
                             std::optional<OwnerId> departed) {
  Entry& entry = shard.store[index];
  const OwnerId owner = entry.owner;
  if (!entry.is_binding()) {
    const bool stays = entry.standing == Standing::deleted && news.evidence == Evidence::served &&
                       !has_lapsed(shard, index, news.now);
    if (stays) return {.learned = Learned::deleted};
    shard.detach(index);
    begin_binding(shard, index, news.binding, news.client, news.now);
    return {};
  }
  if (owner == news.binding.owner) {
    entry.provisional = entry.provisional && news.binding.provisional;
    if (news.binding.revival != 0) entry.revival = news.binding.revival & kRevivalMax;
    shard.touch(index, news.now);
    return {.learned = Learned::renewed};
  }
  const bool lapsed = has_lapsed(shard, index, news.now);
  if (!lapsed && !entry.provisional && owner != departed) {
    return {.outcome = Attempt::Outcome::needs_verdict, .other = owner};
  }
  if (lapsed) expired_.fetch_add(1, kRelaxed);
  shard.detach(index);
  begin_binding(shard, index, news.binding, news.client, news.now);
  return {
      .learned = lapsed ? Learned::bound : Learned::moved, .other = owner, .other_lost_it = true};
}

// Makes an entry the binding that is told. Requires: the shard's lock; the entry is in no list.
void Table::begin_binding(Shard& shard, EntryIndex index, const Binding& binding,
                          const Address& client, Time now) {
  Entry& entry = shard.store[index];
  if (entry.is_binding()) {
    clients_.remove(entry.client);
  } else {
    bindings_.fetch_add(1, kRelaxed);
  }
  entry.standing = Standing::bound;
  entry.owner = binding.owner;
  entry.path_hash = binding.path_hash;
  entry.digest = binding.digest;
  entry.provisional = binding.provisional;
  entry.revival = binding.revival & kRevivalMax;
  entry.client = clients_.add(client);
  entry.created = whole_seconds(now);
  entry.when = shard.clock(now);
  shard.attach(index);
}

// Takes an entry out and leaves its room to the caller. Requires: the shard's lock.
void Table::drop(Shard& shard, EntryIndex index) {
  const Entry& entry = shard.store[index];
  if (entry.is_binding()) {
    clients_.remove(entry.client);
    bindings_.fetch_sub(1, kRelaxed);
  }
  shard.detach(index);
  shard.store.erase(index);
}

// Turns a binding into a tombstone, or drops it. Requires: the shard's lock.
void Table::end(Shard& shard, EntryIndex index, Standing why, Time now, Time remember_until) {
  if (remember_until <= now) {
    drop(shard, index);
    entries_.fetch_sub(1, kRelaxed);
    return;
  }
  shard.detach(index);
  Entry& entry = shard.store[index];
  clients_.remove(entry.client);
  bindings_.fetch_sub(1, kRelaxed);
  entry.client = kNoClient;
  entry.standing = why;
  entry.when = remember_until;
  shard.attach(index);
}

bool Table::forget(Key key, OwnerId owner, Standing why, Time now, Time remember_until) {
  return forget_any(key, {.owner = owner}, why, now, remember_until);
}

bool Table::lose(Key key, const Binding& was, Time now, Time remember_until) {
  const Which which{.owner = was.owner, .revival = was.revival};
  return forget_any(key, which, Standing::lost, now, remember_until);
}

bool Table::unbind_provisional(Key key, OwnerId owner, Time now) {
  return forget_any(key, {.owner = owner, .only_provisional = true}, Standing::lost, now, Time{});
}

bool Table::bury(Key key, const Binding& was, const Address& client, Time now,
                 Time remember_until) {
  const auto nobody_lives = [](OwnerId) { return false; };
  const Learned learned = learn(key, was, client, now, nobody_lives);
  forget_any(key, {}, Standing::deleted, now, remember_until);
  return learned == Learned::renewed || learned == Learned::moved;
}

bool Table::forget_any(Key key, Which which, Standing why, Time now, Time remember_until) {
  Shard& shard = shard_of(key);
  OwnerId owner = 0;
  {
    const std::scoped_lock lock(shard.mutex);
    const EntryIndex index = shard.store.find(key);
    if (index == kNoEntry) return false;
    const Entry& entry = shard.store[index];
    owner = entry.owner;
    if (!entry.is_binding() || owner != which.owner.value_or(owner)) return false;
    if (entry.revival != which.revival.value_or(entry.revival)) return false;
    if (which.only_provisional && !entry.provisional) return false;
    end(shard, index, why, now, remember_until);
  }
  told(owner, -1);
  return true;
}

std::size_t Table::forget_owner(OwnerId owner, Standing why, Time now, Time remember_until) {
  std::size_t forgotten = 0;
  for (Shard& shard : std::span(shards_.get(), kShards)) {
    const std::scoped_lock lock(shard.mutex);
    for (EntryIndex index = shard.idle.oldest; index != kNoEntry;) {
      const EntryIndex next = shard.store[index].newer;
      if (shard.store[index].owner == owner) {
        end(shard, index, why, now, remember_until);
        ++forgotten;
      }
      index = next;
    }
  }
  if (forgotten > 0) told(owner, -static_cast<int>(forgotten));
  return forgotten;
}

bool Table::remember_nobody(Key key, const Binding& claimed, Time now, Time until) {
  if (until <= now) return false;
  Shard& shard = shard_of(key);
  Room room(*this);
  Attempt attempt = try_remember_nobody(shard, key, claimed, now, until, room);
  while (attempt.outcome == Attempt::Outcome::needs_room) {
    if (!room.take_by_eviction(Rank::nobody)) return false;
    attempt = try_remember_nobody(shard, key, claimed, now, until, room);
  }
  if (attempt.other_lost_it) told(attempt.other, -1);
  return true;
}

Table::Attempt Table::try_remember_nobody(Shard& shard, const Key& key, const Binding& claimed,
                                          Time now, Time until, Room& room) {
  const std::scoped_lock lock(shard.mutex);
  EntryIndex index = shard.store.find(key);
  const bool is_new = index == kNoEntry;
  if (is_new) {
    if (!room.take()) return {.outcome = Attempt::Outcome::needs_room};
    index = shard.store.insert(key);
    room.use_up();
  }
  Entry& entry = shard.store[index];
  const bool stays = !is_new && !has_lapsed(shard, index, now);
  if (stays && entry.standing != Standing::nobody) return {};
  if (entry.is_binding()) {
    expired_.fetch_add(1, kRelaxed);
    end(shard, index, Standing::nobody, now, until);
    return {.other = entry.owner, .other_lost_it = true};
  }
  if (!is_new) shard.detach(index);
  entry.standing = Standing::nobody;
  entry.path_hash = claimed.path_hash;
  entry.digest = claimed.digest;
  entry.when = stays ? std::max(entry.when, until) : until;
  shard.attach(index);
  return {};
}

bool Table::stream_opened(Key key) {
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  const EntryIndex index = shard.store.find(key);
  if (index == kNoEntry) return false;
  Entry& entry = shard.store[index];
  if (entry.streams == UINT16_MAX) return false;
  shard.detach(index);
  ++entry.streams;  // on a tombstone too: a session that comes back has them open
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
  if (entry.is_binding()) entry.when = shard.clock(now);
  shard.attach(index);
}

}  // namespace ringside::session
