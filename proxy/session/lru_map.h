// A map with room for so many entries and bytes; what was used least recently makes way.
//
// Why      What is remembered of clients and sessions is bounded, whoever they are and however
// many. Owns     The values. Bounds   `entries_max` and `bytes_max`, where the bytes of a value are
// what its owner says. Threads  None of its own.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

#include "session/binding.h"

namespace ringside::session {

// A Key is a seeded hash already.
struct KeyHash {
  std::size_t operator()(const Key& key) const { return key.hash.low; }
};

template <class K, class V, class Hash>
class LruMap {
 public:
  LruMap(std::size_t entries_max, std::size_t bytes_max, Hash hash = {})
      : entries_max_(entries_max), bytes_max_(bytes_max), index_(0, hash) {}

  // Null when there is none; else a use of it. Good until the next call that is not find().
  V* find(const K& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // In place of what the key had. Null, and nothing is stored under the key, when the value is
  // beyond the bounds by itself.
  V* put(const K& key, V value, std::size_t bytes) {
    erase(key);
    if (entries_max_ == 0 || bytes > bytes_max_) return nullptr;
    while (entries_.size() >= entries_max_ || bytes_ > bytes_max_ - bytes) drop_oldest();
    entries_.push_front({key, std::move(value), bytes});
    index_.emplace(key, entries_.begin());
    bytes_ += bytes;
    return &entries_.front().value;
  }

  bool erase(const K& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return false;
    bytes_ -= found->second->bytes;
    entries_.erase(found->second);
    index_.erase(found);
    return true;
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    K key;
    V value;
    std::size_t bytes = 0;
  };

  void drop_oldest() {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }

  std::size_t entries_max_;
  std::size_t bytes_max_;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<K, typename std::list<Entry>::iterator, Hash> index_;
  std::size_t bytes_ = 0;
};

}  // namespace ringside::session
