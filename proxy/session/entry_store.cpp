// A chained hash table over a slab, both addressed by index.
#include "session/entry_store.h"

#include <algorithm>

namespace ringside::session {

EntryIndex EntryStore::find(const Key& key) const {
  if (buckets_.empty()) return kNoEntry;
  EntryIndex index = buckets_[bucket_of(key)];
  while (index != kNoEntry && !((*this)[index].key == key)) index = (*this)[index].chained;
  return index;
}

EntryIndex EntryStore::insert(const Key& key) {
  if (size_ == buckets_.size()) grow_buckets();
  if (free_ == kNoEntry) add_page();
  const EntryIndex index = free_;
  free_ = (*this)[index].chained;
  EntryIndex& bucket = buckets_[bucket_of(key)];
  (*this)[index] = Entry{.key = key, .chained = bucket};
  bucket = index;
  ++size_;
  return index;
}

void EntryStore::erase(EntryIndex index) {
  Entry& entry = (*this)[index];
  EntryIndex* link = &buckets_[bucket_of(entry.key)];
  while (*link != index) link = &(*this)[*link].chained;
  *link = entry.chained;
  entry.standing = Standing::unknown;
  entry.chained = free_;
  free_ = index;
  --size_;
}

void EntryStore::append(EntryList& list, EntryIndex index) {
  Entry& entry = (*this)[index];
  entry.older = list.newest;
  entry.newer = kNoEntry;
  (list.newest == kNoEntry ? list.oldest : (*this)[list.newest].newer) = index;
  list.newest = index;
}

void EntryStore::unlink(EntryList& list, EntryIndex index) {
  const Entry& entry = (*this)[index];
  (entry.older == kNoEntry ? list.oldest : (*this)[entry.older].newer) = entry.newer;
  (entry.newer == kNoEntry ? list.newest : (*this)[entry.newer].older) = entry.older;
}

void EntryStore::grow_buckets() {
  std::vector<EntryIndex> old(std::max(kFirstBuckets, buckets_.size() * 2), kNoEntry);
  old.swap(buckets_);
  for (EntryIndex index : old) {
    while (index != kNoEntry) {
      Entry& entry = (*this)[index];
      const EntryIndex next = entry.chained;
      EntryIndex& bucket = buckets_[bucket_of(entry.key)];
      entry.chained = bucket;
      bucket = index;
      index = next;
    }
  }
}

void EntryStore::add_page() {
  const auto first = static_cast<EntryIndex>(pages_.size() * kPage);
  pages_.push_back(std::make_unique<Entry[]>(kPage));
  for (EntryIndex index = first + kPage; index-- > first;) {  // lowest on top
    (*this)[index].chained = free_;
    free_ = index;
  }
}

}  // namespace ringside::session
