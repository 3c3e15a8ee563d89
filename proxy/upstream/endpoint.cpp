// An endpoint's identity, and the run of refusals that its connections report.
#include "upstream/endpoint.h"

#include <algorithm>
#include <utility>

namespace ringside::upstream {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::int64_t to_ms(Time now) { return std::max<std::int64_t>(now.time_since_epoch().count(), 1); }

}  // namespace

// Threads may interleave here in any way. The worst is a `last` older than `first`, which reads as
// a run too short to count, until the next refusal sets it right. A `first` of an earlier run than
// `last` would make a run look longer than it was: who reads a `last` sees the `first` of its run,
// so a second look at `first` tells.
void Refusal::refused(Time now) {
  const std::int64_t ms = to_ms(now);
  std::int64_t none = 0;
  first_ms_.compare_exchange_strong(none, ms, kRelaxed);
  last_ms_.store(ms, std::memory_order_release);
}

void Refusal::broken() {
  if (first_ms_.load(kRelaxed) != 0)
    first_ms_.store(0, kRelaxed);  // called for each answer: mostly a read
}

bool Refusal::refusing() const { return first_ms_.load(kRelaxed) != 0; }

bool Refusal::outlasted(milliseconds grace) const {
  const std::int64_t first = first_ms_.load(kRelaxed);
  return first != 0 && last_ms_.load(std::memory_order_acquire) - first >= grace.count() &&
         first_ms_.load(kRelaxed) == first;
}

Endpoint::Endpoint(EndpointId id, std::string name, Address address, std::uint32_t weight)
    : id_(id), name_(std::move(name)), address_(address), weight_(weight) {}

}  // namespace ringside::upstream
