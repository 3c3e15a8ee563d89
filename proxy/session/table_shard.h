// The inside of the binding table, for its own files: a shard, and room for an entry.
//
// Threads  A shard's lock covers all of it; Room takes no lock but in take_by_eviction().
#pragma once

#include <algorithm>
#include <array>
#include <mutex>
#include <span>

#include "session/entry_store.h"
#include "session/table.h"

namespace ringside::session {

inline constexpr std::size_t kShards = 16;
// The top bits choose the shard, the low word's the bucket.
inline constexpr unsigned kShardShift = 60;
static_assert(1U << (64 - kShardShift) == kShards);

// The form in which an entry keeps the time at which its binding was made.
inline std::int32_t whole_seconds(Time time) {
  return static_cast<std::int32_t>(
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

// Tombstones by age.
struct Tombstones {
  EntryList list;
  EntryIndex next = kNoEntry;  // where expire() goes on; kNoEntry: from the oldest
};

// A binding with an open stream is in no list: it can neither lapse nor be evicted.
struct alignas(64) Table::Shard {
  std::mutex mutex;
  EntryStore store;
  EntryList idle;     // bindings without an open stream, by last use
  Tombstones nobody;  // ids that somebody may have made up
  Tombstones ended;   // the other tombstones
  // Of all uses: a thread whose clock is behind must not break the order of `idle`.
  Time latest = Time::min();

  Tombstones& tombstones(const Entry& entry) {
    return entry.standing == Standing::nobody ? nobody : ended;
  }

  // Takes an entry out of the list that it is in, if any.
  void detach(EntryIndex index) {
    const Entry& entry = store[index];
    if (entry.is_binding()) {
      if (entry.streams == 0) store.unlink(idle, index);
    } else {
      Tombstones& stones = tombstones(entry);
      if (stones.next == index) stones.next = entry.newer;
      store.unlink(stones.list, index);
    }
  }

  // Puts an entry into the list where its fields say it belongs.
  void attach(EntryIndex index) {
    const Entry& entry = store[index];
    if (!entry.is_binding()) {
      store.append(tombstones(entry).list, index);
    } else if (entry.streams == 0) {
      store.append(idle, index);
    }
  }

  Time clock(Time now) { return latest = std::max(latest, now); }

  // A binding is used. The newest is left where it lies.
  void touch(EntryIndex index, Time now) {
    Entry& entry = store[index];
    entry.when = clock(now);
    if (entry.streams > 0 || idle.newest == index) return;
    store.unlink(idle, index);
    store.append(idle, index);
  }
};

// Room for one entry under max_sessions, given back unless an entry was made of it.
class Table::Room {
 public:
  explicit Room(Table& table) : table_(table) {}
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (held_) table_.entries_.fetch_sub(1, std::memory_order_relaxed);
  }

  // Free room; false when there is none.
  bool take() {
    std::size_t entries = table_.entries_.load(std::memory_order_relaxed);
    while (!held_ && entries < table_.options_.max_sessions) {
      held_ =
          table_.entries_.compare_exchange_weak(entries, entries + 1, std::memory_order_relaxed);
    }
    return held_;
  }

  // Another entry's room, of a rank up to `last`; false when none can go. Takes other shards'
  // locks: none may be held.
  bool take_by_eviction(Rank last) { return held_ = table_.evict_one(last); }

  void use_up() { held_ = false; }

 private:
  Table& table_;
  bool held_ = false;
};

}  // namespace ringside::session
