// What looking for the owners of unknown sessions may cost, so that made-up ids cannot multiply
// load.
//
// Why      One request with an unknown id is an attempt at each endpoint in turn. An honest one
//          finds its owner, so what succeeds is free, be it thousands of sessions after a restart;
//          what fails is paid for by its client, and in all.
// Owns     A bucket of failed searches for each client; one bucket of wasted attempts, those that
//          an endpoint refused, for all.
// Bounds   A client: Options' per_client failed searches a second, ten times that at once, and half
//          of in_flight under way. All: 25 wasted attempts a second for each endpoint and `share`
//          of the ordinary requests, ten seconds' worth at once and as much on credit for searches
//          already begun. A client that has wasted the half of that is in bad standing until time
//          has paid for it, and is left what is above the other half, so that one that guesses ids
//          cannot use up what others need. 10,000 clients are known, an IPv6 client by its /64;
//          past that the least recently seen is forgotten.
// Time     Passed in.
// Threads  Safe from any thread. earned() takes no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/address.h"
#include "base/clock.h"
#include "base/token_bucket.h"
#include "session/lru_map.h"
#include "session/options.h"

namespace ringside::session {

enum class SearchOutcome : std::uint8_t {
  found,      // costs nothing
  nobody,     // every endpoint refused, or the client left: all of it is paid for
  undecided,  // an endpoint could not be asked, which is not the client's fault
};

class SearchBudget {
 public:
  static constexpr std::size_t kClientsMax = 10'000;
  static constexpr double kFloorPerEndpoint = 25;  // a second
  static constexpr double kBurstSeconds = 10;
  static constexpr double kStandingRegainedSeconds = 60;  // at most

  // `endpoints`: how many share what is wasted. `seed` keeps clients from choosing addresses that
  // collide.
  SearchBudget(const SearchOptions& options, std::size_t endpoints, std::uint64_t seed);

  enum class Admission : std::uint8_t { granted, refused_all, refused_client };
  // What is granted is ended once, with end().
  Admission begin(const Address& client, Time now);

  // An endpoint refused an attempt of a search that has begun. False when it should ask no more.
  bool spend(const Address& client, Time now);

  // `spent` is how often spend() was called for it.
  void end(const Address& client, unsigned spent, SearchOutcome outcome);

  // So many ordinary requests went upstream. See EarnedRequests.
  void earned(std::uint64_t requests) { earned_.fetch_add(requests, std::memory_order_relaxed); }

 private:
  struct Client {
    TokenBucket failures;  // one for each search that has failed
    TokenBucket standing;  // one for each wasted attempt of those that failed or are under way
    unsigned under_way = 0;
  };
  struct Hash {
    std::uint64_t seed = 0;
    std::size_t operator()(std::uint64_t network) const;
  };

  Client& client_of(const Address& address);
  bool can_afford_more(Client& client, double credit, Time now);

  const double per_client_;
  const double share_;
  const double burst_;
  const unsigned under_way_max_;                       // of a client
  alignas(64) std::atomic<std::uint64_t> earned_ = 0;  // not yet in attempts_
  alignas(64) std::mutex mutex_;
  TokenBucket attempts_;
  LruMap<std::uint64_t, Client, Hash> clients_;
};

// A worker's count of ordinary requests, which troubles the others once in 64.
class EarnedRequests {
 public:
  void add_one(SearchBudget& budget) {
    if (++count_ < kBatch) return;
    budget.earned(count_);
    count_ = 0;
  }

 private:
  static constexpr unsigned kBatch = 64;
  unsigned count_ = 0;
};

}  // namespace ringside::session
