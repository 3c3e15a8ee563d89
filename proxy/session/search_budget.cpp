// Two kinds of buckets under one lock: searches are rare, and wait for the network anyway.
#include "session/search_budget.h"

#include <algorithm>
#include <string_view>

#include "base/hash.h"

namespace ringside::session {
namespace {

// The network that a client is held to: a whole IPv4 address, the /64 of an IPv6 one. An IPv4
// address is put where IPv6 has multicast, which no client comes from.
std::uint64_t network_of(const Address& client) {
  const std::string_view bytes = client.host_bytes();
  std::uint64_t network = client.is_ipv4() ? 0xffff'ffffU : 0;
  for (const char c : bytes.substr(0, sizeof network)) {
    network = network << 8U | static_cast<unsigned char>(c);
  }
  return network;
}

}  // namespace

std::size_t SearchBudget::Hash::operator()(std::uint64_t network) const {
  return hash64({reinterpret_cast<const char*>(&network), sizeof network}, seed);
}

SearchBudget::SearchBudget(const SearchOptions& options, std::size_t endpoints, std::uint64_t seed)
    : per_client_(options.per_client),
      share_(options.share),
      burst_(kFloorPerEndpoint * kBurstSeconds * static_cast<double>(endpoints)),
      under_way_max_(std::max(1U, options.in_flight / 2)),
      attempts_(burst_ / kBurstSeconds, burst_),
      clients_(kClientsMax, kClientsMax, Hash{seed}) {}

SearchBudget::Admission SearchBudget::begin(const Address& address, Time now) {
  const std::lock_guard lock(mutex_);
  Client& client = client_of(address);
  const bool may_fail = client.failures.tokens(now) >= 1;
  if (!may_fail || client.under_way >= under_way_max_) return Admission::refused_client;
  if (!can_afford_more(client, 0, now)) return Admission::refused_all;
  ++client.under_way;
  return Admission::granted;
}

bool SearchBudget::spend(const Address& address, Time now) {
  const std::lock_guard lock(mutex_);
  Client& client = client_of(address);
  attempts_.take_on_credit();
  client.standing.take_on_credit(1, per_client_ * kStandingRegainedSeconds);
  return can_afford_more(client, burst_, now);
}

// A client that was forgotten meanwhile begins full, and what it is given back is lost.
void SearchBudget::end(const Address& address, unsigned spent, SearchOutcome outcome) {
  const std::lock_guard lock(mutex_);
  Client& client = client_of(address);
  if (client.under_way > 0) --client.under_way;
  if (outcome == SearchOutcome::found) attempts_.give(spent);
  if (outcome == SearchOutcome::nobody) {
    client.failures.take_on_credit(1, per_client_ * kBurstSeconds);
  } else {
    client.standing.give(spent);
  }
}

SearchBudget::Client& SearchBudget::client_of(const Address& address) {
  const std::uint64_t network = network_of(address);
  if (Client* known = clients_.find(network)) return *known;
  return *clients_.put(network,
                       {.failures = TokenBucket(per_client_, per_client_ * kBurstSeconds),
                        .standing = TokenBucket(per_client_, burst_ / 2)},
                       1);
}

bool SearchBudget::can_afford_more(Client& client, double credit, Time now) {
  if (earned_.load(std::memory_order_relaxed) > 0) {
    const std::uint64_t requests = earned_.exchange(0, std::memory_order_relaxed);
    attempts_.give(share_ * static_cast<double>(requests));
  }
  const bool in_good_standing = client.standing.tokens(now) > 0;
  return attempts_.tokens(now) > (in_good_standing ? -credit : burst_ / 2);
}

}  // namespace ringside::session
