// A map of what is under way, under one lock.
#include "session/searches.h"

#include <algorithm>
#include <utility>

namespace ringside::session {

Searches::Searches(const SearchOptions& options, std::size_t endpoints, std::uint64_t seed)
    : in_flight_max_(options.in_flight), budget_(options, endpoints, seed) {}

Searches::Join Searches::join(Key key, unsigned worker, const Address& client, Time now) {
  const std::lock_guard lock(mutex_);
  const auto under_way = searches_.find(key);
  if (under_way != searches_.end()) {
    std::vector<unsigned>& waiting = under_way->second.waiting;
    if (std::ranges::find(waiting, worker) == waiting.end()) waiting.push_back(worker);
    return Join::waits;
  }
  if (searches_.size() >= in_flight_max_) return Join::refused_all;
  switch (budget_.begin(client, now)) {
    case SearchBudget::Admission::refused_all:
      return Join::refused_all;
    case SearchBudget::Admission::refused_client:
      return Join::refused_client;
    case SearchBudget::Admission::granted:
      break;
  }
  searches_.emplace(key, Search{.client = client});
  return Join::leads;
}

bool Searches::spend(Key key, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = searches_.find(key);
  if (found == searches_.end()) return false;
  ++found->second.spent;
  return budget_.spend(found->second.client, now);
}

void Searches::set_outcome(Key key, SearchOutcome outcome) {
  const std::lock_guard lock(mutex_);
  const auto found = searches_.find(key);
  if (found != searches_.end()) found->second.outcome = outcome;
}

std::vector<unsigned> Searches::finish(Key key) {
  const std::lock_guard lock(mutex_);
  const auto found = searches_.find(key);
  if (found == searches_.end()) return {};
  Search search = std::move(found->second);
  searches_.erase(found);
  budget_.end(search.client, search.spent, search.outcome);
  return std::move(search.waiting);
}

std::size_t Searches::in_flight() const {
  const std::lock_guard lock(mutex_);
  return searches_.size();
}

}  // namespace ringside::session
