// Remembers which endpoint holds which session: the binding table of one pool, shared by all
// workers.
//
// Why      A session's state lives in one server process, so each later request must reach that
//          same process.
// Owns     The bindings. An owner is a number that only upstream/ can resolve; the table never
//          keeps one alive.
// Bounds   At most Options::max_sessions entries, tombstones included, exactly and over all shards;
//          past that the least recently used goes (tombstones first, sessions with an open stream
//          never), counted in evicted(). About 72 bytes an entry and 40 a client, none before the
//          first; memory grown is kept for later sessions.
// Time     A binding lapses idle_ttl after its last use. "Now" is an argument; this file never
//          reads a clock. Threads whose clocks differ by some milliseconds do no harm.
// Threads  Safe from any thread: entries live in lock-striped shards, one lock at a time (and
//          within it that of the clients, where a binding begins or ends); no lock is held during a
//          callback.
// Errors   None: not finding a binding is an answer, not a fault.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "session/binding.h"
#include "session/clients.h"
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
  std::uint64_t seed() const { return seed_; }  // tables of one seed have the same keys

  using Standing = session::Standing;
  struct Found {
    Standing standing = Standing::unknown;
    Binding binding;            // that of a tombstone is what was, or was claimed
    std::uint32_t streams = 0;  // open now
  };
  // Looks a session up and, when it is bound, counts this as its use. What has lapsed is unknown.
  Found use(Key key, Time now);
  // The same, and nobody notices: it counts as no use.
  Found peek(Key key, Time now) const;

  enum class Learned : std::uint8_t {
    bound,     // a new binding
    renewed,   // it was bound to that owner already; this counts as a use
    moved,     // from another owner, which had it provisionally, or does not count
    conflict,  // another owner that lives has it: left as it is
    full,      // every entry has an open stream: not stored
    deleted,   // its client has ended it: left as it is
  };
  enum class Evidence : std::uint8_t {
    issued,  // a server gave the id, or the id's tag says so
    served,  // an endpoint served the id, or it was revived: old news for a session deleted since
  };
  // `owner_lives` says whether a present, different owner still counts. A tombstone gives way, but
  // for that of a deleted session to what was merely served; so does what has lapsed. A renewed
  // binding keeps its client; it becomes firm unless this one is provisional too, and that revival
  // if this one is one.
  Learned learn(Key key, const Binding& binding, const Address& client, Time now,
                const std::function<bool(OwnerId)>& owner_lives,
                Evidence evidence = Evidence::issued);

  // Ends a binding of this owner (a newer owner's stays) and leaves a tombstone that says `why`
  // until `remember_until`, or none when that is not after `now`. False when there was no such
  // binding.
  bool forget(Key key, OwnerId owner, Standing why, Time now, Time remember_until);
  // The same with Standing::lost, of a session that its owner does not know: one that was revived
  // since, be it on the same owner, stays.
  bool lose(Key key, const Binding& was, Time now, Time remember_until);

  // Ends a binding of this owner without a tombstone, unless it has become firm since.
  bool unbind_provisional(Key key, OwnerId owner, Time now);
  // Leaves the tombstone of a deleted session, whoever has it now. True when a binding has ended.
  bool bury(Key key, const Binding& was, const Address& client, Time now, Time remember_until);

  // Ends all bindings of an owner that has lost its sessions, as forget() does; returns how many.
  // One with an open stream is spared: the stream of a dead owner ends by itself. Cost: a look at
  // every binding.
  std::size_t forget_owner(OwnerId owner, Standing why, Time now, Time remember_until);

  // Remembers that nobody knows this session, unless more is known of it: a binding or another
  // tombstone stays as it is. True when use() will find one or the other. An id that somebody made
  // up costs no session its place, nor another kind of tombstone: false when all room is theirs.
  // Of `claimed`, path and digest are kept.
  bool remember_nobody(Key key, const Binding& claimed, Time now, Time until);

  // An open event stream keeps its session: each open that returns true is paired with one close.
  // False for a session that is not in the table, or that has 65,535 streams already. A stream of
  // an owner that was none ends as any of the session's does: it may take the hold of another.
  bool stream_opened(Key key);
  void stream_closed(Key key, Time now);

  // Drops what has lapsed; looks at no more than `work_max` entries, so that a loop turn stays
  // short. Calls in turn reach everything. Returns the number of bindings (not tombstones) that
  // lapsed.
  std::size_t expire(Time now, std::size_t work_max);

  // What an operator sees and does. Each of these looks at every entry, some hundred in one hold of
  // a lock, and may miss what comes or goes meanwhile: for the control thread.
  struct Listed {
    std::uint64_t digest = 0;
    OwnerId owner = 0;
    Address client;  // without its port; empty where it is not known
    Time created{};  // to the second
    Time last_used{};
    std::uint32_t streams = 0;  // open now
    bool provisional = false;
    bool revived = false;
  };
  struct ListQuery {
    std::optional<OwnerId> owner;    // only this one's
    std::uint64_t after_digest = 0;  // only those that follow; 0: all
    std::size_t limit = 100;
  };
  // Bindings in the order of their digests.
  std::vector<Listed> list(const ListQuery& query) const;
  std::optional<Listed> find_digest(std::uint64_t digest) const;
  // As forget() with Standing::deleted, whoever the owner is.
  bool forget_digest(std::uint64_t digest, Time now, Time remember_until);
  // Gives the session to another owner, firmly; false when it is not bound.
  bool move_digest(std::uint64_t digest, OwnerId new_owner, Time now);

  // What outlives the process: a binding, or the tombstone of a deleted session.
  struct Record {
    Key key;
    Binding binding;
    Standing standing = Standing::bound;
    Time when{};  // binding: its last use; tombstone: when it lapses
    Time created{};
    Address client;
  };
  // Calls `look` with each such entry, at a cost as above. An open stream counts as a use.
  void for_each(Time now, const std::function<void(const Record&)>& look) const;
  // Puts a record back that a table of the same seed gave, or a tombstone made of one. False for
  // what has lapsed, is here already, or finds no room. The least recently used comes first: one
  // that does not counts as used with its predecessor.
  bool restore(const Record& record, Time now);

  std::size_t bindings() const { return bindings_.load(std::memory_order_relaxed); }  // live now
  std::uint32_t sessions_of(const Address& client) const { return clients_.bindings_of(client); }
  // Since the start: bindings that went for want of room, bindings that lapsed, Learned::full.
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  std::uint64_t expired() const { return expired_.load(std::memory_order_relaxed); }
  std::uint64_t refused_full() const { return refused_full_.load(std::memory_order_relaxed); }

 private:
  struct Shard;
  struct Attempt;
  struct News;
  class Room;

  // What may go to make room, the first of them first.
  enum class Rank : std::uint8_t { nobody, tombstone, binding };

  Shard& shard_of(const Key& key) const;
  bool has_lapsed(const Shard& shard, std::uint32_t index, Time now) const;
  void begin_binding(Shard& shard, std::uint32_t index, const Binding& binding,
                     const Address& client, Time now);
  void drop(Shard& shard, std::uint32_t index);

  Attempt try_learn(Shard& shard, const Key& key, const News& news, std::optional<OwnerId> departed,
                    Room& room);
  Attempt rebind(Shard& shard, std::uint32_t index, const News& news,
                 std::optional<OwnerId> departed);
  Attempt bind_anew(Shard& shard, const Key& key, const News& news, Room& room);
  Attempt try_remember_nobody(Shard& shard, const Key& key, const Binding& claimed, Time now,
                              Time until, Room& room);
  // A binding of this owner, and of this revival; of any where that is not said.
  struct Which {
    std::optional<OwnerId> owner{};
    std::optional<RevivalNumber> revival{};
    bool only_provisional = false;
  };
  bool forget_any(Key key, Which which, Standing why, Time now, Time remember_until);

  void end(Shard& shard, std::uint32_t index, Standing why, Time now, Time remember_until);
  std::size_t expire_bindings(Shard& shard, Time now, std::size_t& work);
  void expire_tombstones(Shard& shard, Time now, std::size_t& work);
  bool evict_one(Rank last);
  void told(OwnerId owner, int change);

  template <class Look, class Between>
  void visit(Look look, Between between) const;
  std::vector<Key> keys_of(std::uint64_t digest) const;

  // Fixed after construction.
  Options options_;
  OwnerChanged owner_changed_;
  std::uint64_t seed_;
  std::unique_ptr<Shard[]> shards_;

  ClientRegistry clients_;

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
