// The searches for owners of unknown sessions that are under way in a pool, one for each id.
//
// Why      A client that comes back sends many requests with one id at once, to any worker. One of
//          them searches; the others wait, and then find what it found.
// Owns     The budget of the pool's searches.
// Bounds   Options' in_flight searches; each remembers a worker at most once. What waits in a
//          worker is that worker's to bound.
// Time     Passed in.
// Threads  Safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "session/binding.h"
#include "session/lru_map.h"
#include "session/options.h"
#include "session/search_budget.h"

namespace ringside::session {

class Searches {
 public:
  Searches(const SearchOptions& options, std::size_t endpoints, std::uint64_t seed);

  enum class Join : std::uint8_t {
    leads,           // it searches, and calls finish() once, come what may
    waits,           // another does; finish() names this worker, whose waiters then ask anew
    refused_all,     // too much is searched for at present
    refused_client,  // this client's searches have failed too often, or too many are under way
  };
  // Leading alone has a price, and is paid for by the first client that asks.
  Join join(Key key, unsigned worker, const Address& client, Time now);

  // For leaders. An endpoint refused the request; false when no more should be asked.
  bool spend(Key key, Time now);

  // For leaders, before finish(): the search is paid for unless it found the owner, and not by the
  // client if an endpoint could not be asked.
  void found(Key key) { set_outcome(key, SearchOutcome::found); }
  void undecided(Key key) { set_outcome(key, SearchOutcome::undecided); }

  // Ends the leader's search. The workers that wait for it, each once.
  std::vector<unsigned> finish(Key key);

  std::size_t in_flight() const;
  SearchBudget& budget() { return budget_; }

 private:
  struct Search {
    Address client;
    unsigned spent = 0;
    SearchOutcome outcome = SearchOutcome::nobody;
    std::vector<unsigned> waiting;  // workers
  };

  void set_outcome(Key key, SearchOutcome outcome);

  const std::size_t in_flight_max_;
  SearchBudget budget_;
  mutable std::mutex mutex_;  // taken before the budget's own
  std::unordered_map<Key, Search, KeyHash> searches_;
};

}  // namespace ringside::session
