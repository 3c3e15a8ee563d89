// The ids that revived sessions have upstream: a client keeps the id that it was once given, its
// new owner knows the session by another.
//
// Owns     The inward ids.
// Bounds   `max_sessions` entries; 64 KiB an id, 64 MiB of ids; past that the least recently used
//          goes. Its session's next request goes upstream with the outward id, is refused there,
//          and may revive again.
// Threads  Safe from any thread. While nothing is revived a look-up takes no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

#include "base/limits.h"
#include "session/binding.h"
#include "session/lru_map.h"

namespace ringside::session {

// What a session is called upstream, and the table's key of that.
struct Inward {
  std::string id;
  Key key;
};

class Revivals {
 public:
  static constexpr std::size_t kIdMax = 64 * kKiB;  // the largest head
  static constexpr std::size_t kBytesMax = 64 * kMiB;

  explicit Revivals(std::size_t max_sessions) : inward_(max_sessions, kBytesMax) {}

  // In place of an earlier revival's. False for an empty id or one that is too long: nothing is
  // known of the session then.
  bool set(Key outward, Inward inward);

  // Counts as a use.
  std::optional<Inward> find(Key outward);

  bool erase(Key outward);

  std::size_t size() const { return size_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;
  LruMap<Key, Inward, KeyHash> inward_;
  std::atomic<std::size_t> size_ = 0;  // of inward_; written under the lock
};

}  // namespace ringside::session
