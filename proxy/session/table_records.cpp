// The binding table for people and for disks: listing, and entries as plain records.
#include <algorithm>

#include "session/table_shard.h"

namespace ringside::session {
namespace {

// Entries looked at in one hold of a lock, so that a request waits some microseconds at most.
constexpr EntryIndex kVisitBatch = 256;

Time time_of(std::int32_t whole_seconds) { return Time(std::chrono::seconds(whole_seconds)); }

Table::Listed listed(const Entry& entry, const ClientRegistry& clients) {
  return {.digest = entry.digest,
          .owner = entry.owner,
          .client = clients.address(entry.client),
          .created = time_of(entry.created),
          .last_used = entry.when,
          .streams = entry.streams,
          .provisional = entry.provisional,
          .revived = entry.revival != 0};
}

}  // namespace

// Calls look(entry) for each entry under its shard's lock, and between() after every batch without
// one. Entries keep their indices, so nothing that stays is missed.
template <class Look, class Between>
void Table::visit(Look look, Between between) const {
  for (Shard& shard : std::span(shards_.get(), kShards)) {
    for (EntryIndex first = 0;; first += kVisitBatch) {
      {
        const std::scoped_lock lock(shard.mutex);
        const EntryIndex end = std::min(first + kVisitBatch, shard.store.end());
        if (first >= end) break;
        for (EntryIndex index = first; index < end; ++index) {
          const Entry& entry = shard.store[index];
          if (entry.standing != Standing::unknown) look(entry);
        }
      }
      between();
    }
  }
}

std::vector<Table::Listed> Table::list(const ListQuery& query) const {
  const auto before = [](const Listed& a, const Listed& b) { return a.digest < b.digest; };
  std::vector<Listed> page;  // a heap, its largest digest in front
  if (query.limit == 0) return page;
  const auto consider = [&](const Entry& entry) {
    if (!entry.is_binding() || entry.owner != query.owner.value_or(entry.owner)) return;
    if (query.after_digest != 0 && entry.digest <= query.after_digest) return;
    if (page.size() == query.limit) {
      if (entry.digest >= page.front().digest) return;
      std::pop_heap(page.begin(), page.end(), before);
      page.pop_back();
    }
    page.push_back(listed(entry, clients_));
    std::push_heap(page.begin(), page.end(), before);
  };
  visit(consider, [] {});
  std::sort_heap(page.begin(), page.end(), before);
  return page;
}

std::optional<Table::Listed> Table::find_digest(std::uint64_t digest) const {
  std::optional<Listed> found;
  const auto consider = [&](const Entry& entry) {
    if (entry.is_binding() && entry.digest == digest) found = listed(entry, clients_);
  };
  visit(consider, [] {});
  return found;
}

// Several only if two ids share their 64 bits.
std::vector<Key> Table::keys_of(std::uint64_t digest) const {
  std::vector<Key> keys;
  const auto consider = [&](const Entry& entry) {
    if (entry.is_binding() && entry.digest == digest) keys.push_back(entry.key);
  };
  visit(consider, [] {});
  return keys;
}

bool Table::forget_digest(std::uint64_t digest, Time now, Time remember_until) {
  bool forgotten = false;
  for (const Key& key : keys_of(digest)) {
    forgotten |= forget_any(key, {}, Standing::deleted, now, remember_until);
  }
  return forgotten;
}

bool Table::move_digest(std::uint64_t digest, OwnerId new_owner, Time now) {
  bool moved = false;
  for (const Key& key : keys_of(digest)) {
    Shard& shard = shard_of(key);
    OwnerId old_owner = 0;
    {
      const std::scoped_lock lock(shard.mutex);
      const EntryIndex index = shard.store.find(key);
      if (index == kNoEntry || !shard.store[index].is_binding()) continue;
      Entry& entry = shard.store[index];
      old_owner = entry.owner;
      entry.owner = new_owner;
      entry.provisional = false;
      shard.touch(index, now);
    }
    moved = true;
    if (old_owner == new_owner) continue;
    told(old_owner, -1);
    told(new_owner, +1);
  }
  return moved;
}

void Table::for_each(Time now, const std::function<void(const Record&)>& look) const {
  std::vector<Record> batch;
  batch.reserve(kVisitBatch);
  const auto gather = [&](const Entry& entry) {
    if (!entry.is_binding() && entry.standing != Standing::deleted) return;
    const bool in_use = entry.is_binding() && entry.streams > 0;
    batch.push_back({.key = entry.key,
                     .binding = entry.binding(),
                     .standing = entry.standing,
                     .when = in_use ? std::max(now, entry.when) : entry.when,
                     .created = time_of(entry.created),
                     .client = clients_.address(entry.client)});
  };
  visit(gather, [&] {
    for (const Record& record : batch) look(record);
    batch.clear();
  });
}

bool Table::restore(const Record& record, Time now) {
  const bool is_binding = record.standing == Standing::bound;
  const Time when = std::min(record.when, is_binding ? now : now + options_.idle_ttl);
  if ((is_binding ? when + options_.idle_ttl : when) <= now) return false;
  Room room(*this);
  const bool has_room = room.take() || (is_binding && room.take_by_eviction(Rank::binding));
  if (!has_room) return false;
  Shard& shard = shard_of(record.key);
  {
    const std::scoped_lock lock(shard.mutex);
    if (shard.store.find(record.key) != kNoEntry) return false;
    const EntryIndex index = shard.store.insert(record.key);
    room.use_up();
    Entry& entry = shard.store[index];
    if (is_binding) {
      begin_binding(shard, index, record.binding, record.client, when);
      entry.created = whole_seconds(record.created);
    } else {
      entry.standing = record.standing;
      entry.digest = record.binding.digest;
      entry.owner = record.binding.owner;
      entry.path_hash = record.binding.path_hash;
      entry.when = when;
      shard.attach(index);
    }
  }
  if (is_binding) told(record.binding.owner, +1);
  return true;
}

}  // namespace ringside::session
