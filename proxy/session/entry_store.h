// The memory of one shard of the binding table: entries in a slab, found by key, threaded into
// lists by index.
//
// Why      A node container would allocate for each session and scatter them; an index is half of a
//          pointer.
// Owns     The entries. They never move, so a reference is good until its entry is erased.
// Bounds   64 bytes an entry and 4 to 8 for the buckets; grows a page of entries at a time and
//          keeps what it has grown to. Nothing is allocated before the first insert.
// Threads  None of its own: the shard's lock covers it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "session/binding.h"
#include "session/clients.h"

namespace ringside::session {

using EntryIndex = std::uint32_t;
inline constexpr EntryIndex kNoEntry = UINT32_MAX;

// One cache line, so that a look-up that hits touches one line beside its bucket.
struct alignas(64) Entry {
  Key key{};
  std::uint64_t digest = 0;
  OwnerId owner = 0;
  std::uint32_t path_hash = 0;
  Time when{};                     // binding: its last use; tombstone: when it lapses
  std::int32_t created = 0;        // binding: when it was made, in whole seconds of Time
  ClientIndex client = kNoClient;  // binding: for whom
  EntryIndex chained = kNoEntry;   // next of its bucket, or of the free list
  EntryIndex older = kNoEntry;
  EntryIndex newer = kNoEntry;
  std::uint16_t streams = 0;              // open event streams, of those that could be counted
  Standing standing = Standing::unknown;  // unknown: no entry, but room for one
  bool provisional : 1 = false;
  RevivalNumber revival : 7 = 0;

  Binding binding() const { return {owner, path_hash, digest, provisional, revival}; }
  bool is_binding() const { return standing == Standing::bound; }
};
static_assert(sizeof(Entry) == 64 && kRevivalMax == 127);

// A list of entries by index; an entry is in one list at most.
struct EntryList {
  EntryIndex oldest = kNoEntry;
  EntryIndex newest = kNoEntry;
};

class EntryStore {
 public:
  // kNoEntry when there is none.
  EntryIndex find(const Key& key) const;

  // A fresh entry, in no list, with no standing yet. Requires: the key is not present.
  EntryIndex insert(const Key& key);

  // Requires: the entry is in no list.
  void erase(EntryIndex index);

  Entry& operator[](EntryIndex index) { return pages_[index / kPage][index % kPage]; }
  const Entry& operator[](EntryIndex index) const { return pages_[index / kPage][index % kPage]; }

  void append(EntryList& list, EntryIndex index);
  void unlink(EntryList& list, EntryIndex index);

  std::size_t size() const { return size_; }
  // All entries have an index below this, and keep it; erased ones are Standing::unknown.
  EntryIndex end() const { return static_cast<EntryIndex>(pages_.size() * kPage); }

 private:
  static constexpr std::size_t kPage = 64;  // entries; 4 KiB
  static constexpr std::size_t kFirstBuckets = 16;

  std::size_t bucket_of(const Key& key) const { return key.hash.low & (buckets_.size() - 1); }
  void grow_buckets();
  void add_page();

  std::vector<EntryIndex>
      buckets_;  // a power of two of them, at least size_; chains by Entry::chained
  std::vector<std::unique_ptr<Entry[]>> pages_;
  EntryIndex free_ = kNoEntry;
  std::size_t size_ = 0;
};

}  // namespace ringside::session
