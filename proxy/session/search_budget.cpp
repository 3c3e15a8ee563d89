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

SearchBudget::SearchBudget(const SearchOptions& options, std::uint64_t seed)
    : per_client_(options.per_client),
      share_(options.share),
      clients_(kClientsMax, kClientsMax, Hash{seed}) {}

SearchBudget::Admission SearchBudget::begin(const Address& address, Time now) {
  const std::lock_guard lock(mutex_);
  Client& client = client_of(address);
  if (client.searches.tokens(now) < 1) return Admission::refused_client;
  if (!can_afford_more(client, 0, now)) return Admission::refused_all;
  client.searches.take(now);
  return Admission::granted;
}

bool SearchBudget::spend(const Address& address, Time now) {
  const std::lock_guard lock(mutex_);
  attempts_.take_on_credit();
  return can_afford_more(client_of(address), kBurst, now);
}

// A client that was forgotten meanwhile begins full, and what it is given back is lost.
void SearchBudget::end(const Address& address, unsigned spent, SearchOutcome outcome) {
  const std::lock_guard lock(mutex_);
  Client& client = client_of(address);
  if (outcome == SearchOutcome::found) attempts_.give(spent);
  if (outcome == SearchOutcome::nobody) {
    client.standing.take_on_credit(spent, per_client_ * kStandingRegainedSeconds);
  } else {
    client.searches.give();
  }
}

SearchBudget::Client& SearchBudget::client_of(const Address& address) {
  const std::uint64_t network = network_of(address);
  if (Client* known = clients_.find(network)) return *known;
  const TokenBucket full(per_client_, per_client_ * kClientBurstSeconds);
  return *clients_.put(network, {.searches = full, .standing = full}, 1);
}

bool SearchBudget::can_afford_more(Client& client, double credit, Time now) {
  if (earned_.load(std::memory_order_relaxed) > 0) {
    const std::uint64_t requests = earned_.exchange(0, std::memory_order_relaxed);
    attempts_.give(share_ * static_cast<double>(requests));
  }
  const bool in_good_standing = client.standing.tokens(now) > 0;
  return attempts_.tokens(now) > (in_good_standing ? -credit : kBurst / 2);
}

}  // namespace ringside::session
