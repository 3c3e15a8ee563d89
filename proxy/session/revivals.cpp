// A locked map, and a count beside it that spares most callers the lock.
#include "session/revivals.h"

#include <utility>

namespace ringside::session {

bool Revivals::set(Key outward, Inward inward) {
  const std::size_t bytes = inward.id.size();
  const std::lock_guard lock(mutex_);
  const bool fits = bytes > 0 && bytes <= kIdMax;
  const bool stored = fits && inward_.put(outward, std::move(inward), bytes) != nullptr;
  if (!stored) inward_.erase(outward);
  size_.store(inward_.size(), std::memory_order_release);
  return stored;
}

std::optional<Inward> Revivals::find(Key outward) {
  if (size() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const Inward* inward = inward_.find(outward);
  if (inward == nullptr) return std::nullopt;
  return *inward;
}

bool Revivals::erase(Key outward) {
  if (size() == 0) return false;
  const std::lock_guard lock(mutex_);
  const bool erased = inward_.erase(outward);
  size_.store(inward_.size(), std::memory_order_release);
  return erased;
}

}  // namespace ringside::session
