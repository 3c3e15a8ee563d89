// Remembers which endpoint holds which session: the binding table of one pool, shared by all
// workers.
//
// Why      A session's state lives in one server process, so each later request must reach that
//          same process.
// Owns     The bindings. An owner is a number that only upstream/ can resolve; the table never
//          keeps one alive.
// Bounds   At most Options::max_sessions entries, tombstones included, exactly and over all shards;
//          past that the least recently used goes (tombstones first, sessions with an open stream
//          never), counted in evicted(). About 72 bytes an entry, none before the first; memory
//          grown is kept for later sessions.
// Time     A binding lapses idle_ttl after its last use. "Now" is an argument; this file never
//          reads a clock. Threads whose clocks differ by some milliseconds do no harm.
// Threads  Safe from any thread: entries live in lock-striped shards, one lock at a time; no lock
//          is held during a callback.
// Errors   None: not finding a binding is an answer, not a fault.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "session/binding.h"
#include "session/options.h"

namespace ringside::session {

class Table {
 public:
  // Told of each change of the number of bindings that an owner has: +1, -1, -n. Called without a
  // lock held, on the thread that caused the change. What two threads do to one binding may be told
  // in either order, so a sum may dip below zero for a moment; it is right once both have returned.
  using OwnerChanged = std::function<void(OwnerId, int)>;

  Table(const Options& options, OwnerChanged owner_changed, std::uint64_t seed);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  Key key_of(std::string_view id) const;

  enum class Standing : std::uint8_t { unknown, bound, ended };
  struct Found {
    Standing standing = Standing::unknown;
    Binding binding;  // with Standing::bound
  };
  // Looks a session up and, when it is bound, counts this as its use. What has lapsed is unknown.
  Found use(Key key, Time now);

  enum class Learned : std::uint8_t {
    bound,     // a new binding
    renewed,   // it was bound to that owner already; this counts as a use
    conflict,  // another owner that lives has it: left as it is
    full,      // every entry has an open stream: not stored
  };
  // `owner_lives` says whether a present, different owner still counts. A tombstone gives way, as
  // does what has lapsed.
  Learned learn(Key key, const Binding& binding, Time now,
                const std::function<bool(OwnerId)>& owner_lives);

  // Ends a binding of this owner (a newer owner's stays) and leaves a tombstone until
  // `remember_until`, or none when that is not after `now`. False when there was no such binding.
  bool forget(Key key, OwnerId owner, Time now, Time remember_until);

  // Ends all bindings of an owner that has lost its sessions, as forget() does; returns how many.
  // One with an open stream is spared: the stream of a dead owner ends by itself. Cost: a look at
  // every binding.
  std::size_t forget_owner(OwnerId owner, Time now, Time remember_until);

  // An open event stream keeps its session: each open that returns true is paired with one close.
  // False for a session that is not in the table.
  bool stream_opened(Key key);
  void stream_closed(Key key, Time now);

  // Drops what has lapsed; looks at no more than `work_max` entries, so that a loop turn stays
  // short. Calls in turn reach everything. Returns the number of bindings (not tombstones) that
  // lapsed.
  std::size_t expire(Time now, std::size_t work_max);

  std::size_t bindings() const { return bindings_.load(std::memory_order_relaxed); }  // live now
  // Since the start: bindings that went for want of room, bindings that lapsed, Learned::full.
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  std::uint64_t expired() const { return expired_.load(std::memory_order_relaxed); }
  std::uint64_t refused_full() const { return refused_full_.load(std::memory_order_relaxed); }

 private:
  struct Shard;
  struct Attempt;
  class Room;

  Shard& shard_of(const Key& key) const;
  bool has_lapsed(const Shard& shard, std::uint32_t index, Time now) const;
  Attempt try_learn(Shard& shard, const Key& key, const Binding& binding, Time now,
                    std::optional<OwnerId> departed, Room& room);
  Attempt rebind(Shard& shard, std::uint32_t index, const Binding& binding, Time now,
                 std::optional<OwnerId> departed);
  Attempt bind_anew(Shard& shard, const Key& key, const Binding& binding, Time now, Room& room);
  std::size_t expire_bindings(Shard& shard, Time now, std::size_t& work);
  void expire_tombstones(Shard& shard, Time now, std::size_t& work);
  void end(Shard& shard, std::uint32_t index, Time now, Time remember_until);
  bool evict_one();
  void told(OwnerId owner, int change);

  // Fixed after construction.
  Options options_;
  OwnerChanged owner_changed_;
  std::uint64_t seed_;
  std::unique_ptr<Shard[]> shards_;

  // Counts over all shards. No lock covers them: each is a sum, and nothing is read through one.
  std::atomic<std::size_t> entries_{
      0};  // and room taken for entries about to be made; never above max_sessions
  std::atomic<std::size_t> bindings_{0};
  std::atomic<std::uint64_t> evicted_{0};
  std::atomic<std::uint64_t> expired_{0};
  std::atomic<std::uint64_t> refused_full_{0};
  std::atomic<std::uint32_t> next_to_expire_{0};  // shard
};

}  // namespace ringside::session
