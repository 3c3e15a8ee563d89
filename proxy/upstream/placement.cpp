// The four ways to place a request.
#include "upstream/placement.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace ringside::upstream {
namespace {

// Whom a placement may choose: those untried and not known to refuse, or, when there is none, all
// untried. Another thread may see a refusal at any moment, after which none may be left: a
// placement that ends so asks place_on_ring(), which looks once and so cannot be overtaken.
class Eligible {
 public:
  Eligible(const PoolSnapshot& pool, const Tried& tried) : tried_(tried) {
    if (std::ranges::none_of(pool.endpoints(), [&](const auto& each) { return has(*each); })) {
      refusing_too_ = true;
    }
  }

  bool has(const Endpoint& endpoint) const {
    if (!refusing_too_ && endpoint.refusal().refusing()) return false;
    return std::ranges::find(tried_, endpoint.id()) == tried_.end();
  }

 private:
  const Tried& tried_;
  bool refusing_too_ = false;
};

// What all eligible endpoints hold and weigh together.
struct Totals {
  std::uint64_t placed = 0;
  std::uint64_t weight = 0;
};

Totals totals_of(const PoolSnapshot& pool, const Eligible& eligible) {
  Totals totals;
  for (const auto& endpoint : pool.endpoints()) {
    if (!eligible.has(*endpoint)) continue;
    totals.placed += endpoint->load().placed();
    totals.weight += endpoint->weight();
  }
  return totals;
}

// a's load for its weight is below b's.
bool is_lighter(std::uint64_t load_a, std::uint32_t weight_a, std::uint64_t load_b,
                std::uint32_t weight_b) {
  return load_a * weight_b < load_b * weight_a;
}

// The eligible endpoint that a number below the total weight falls on, `skipped` having none of it.
const Endpoint* drawn(const PoolSnapshot& pool, const Eligible& eligible, std::uint64_t number,
                      const Endpoint* skipped) {
  const Endpoint* last = nullptr;
  for (const auto& endpoint : pool.endpoints()) {
    if (endpoint.get() == skipped || !eligible.has(*endpoint)) continue;
    last = endpoint.get();
    if (number < endpoint->weight()) return last;
    number -= endpoint->weight();
  }
  return last;  // another thread's refusal came between the sum and here
}

std::uint64_t below(Random& random, std::uint64_t bound) {
  return bound == 0
             ? 0
             : random.below(static_cast<std::uint32_t>(std::min<std::uint64_t>(bound, UINT32_MAX)));
}

}  // namespace

const Endpoint* place_on_ring(const PoolSnapshot& pool, std::uint64_t hash, const Tried& tried) {
  const Endpoint* refusing = nullptr;  // the first untried one that refuses
  const std::size_t found = pool.ring().walk(hash, [&](std::size_t member) {
    const Endpoint& endpoint = *pool.endpoints()[member];
    if (std::ranges::find(tried, endpoint.id()) != tried.end()) return false;
    if (!endpoint.refusal().refusing()) return true;
    if (refusing == nullptr) refusing = &endpoint;
    return false;
  });
  return found < pool.endpoints().size() ? pool.endpoints()[found].get() : refusing;
}

const Endpoint* place_bounded(const PoolSnapshot& pool, std::uint64_t hash, double balance_factor,
                              const Tried& tried) {
  const Eligible eligible(pool, tried);
  const Totals totals = totals_of(pool, eligible);
  const double a_unit = balance_factor * static_cast<double>(totals.placed + 1) /
                        static_cast<double>(std::max<std::uint64_t>(totals.weight, 1));
  const Endpoint* first = nullptr;  // for when loads rise between the sum and the walk
  const std::size_t found = pool.ring().walk(hash, [&](std::size_t member) {
    const Endpoint& endpoint = *pool.endpoints()[member];
    if (!eligible.has(endpoint)) return false;
    if (first == nullptr) first = &endpoint;
    return endpoint.load().placed() < std::ceil(a_unit * endpoint.weight());
  });
  if (found < pool.endpoints().size()) return pool.endpoints()[found].get();
  return first != nullptr ? first : place_on_ring(pool, hash, tried);
}

const Endpoint* place_least_sessions(const PoolSnapshot& pool, std::uint64_t hash,
                                     const Tried& tried) {
  const Eligible eligible(pool, tried);
  const Endpoint* best = nullptr;
  std::uint32_t best_load = 0;
  pool.ring().walk(hash, [&](std::size_t member) {
    const Endpoint& endpoint = *pool.endpoints()[member];
    if (!eligible.has(endpoint)) return false;
    const std::uint32_t load = endpoint.load().placed();
    if (best == nullptr || is_lighter(load, endpoint.weight(), best_load, best->weight())) {
      best = &endpoint;
      best_load = load;
    }
    return false;
  });
  return best != nullptr ? best : place_on_ring(pool, hash, tried);
}

const Endpoint* place_least_requests(const PoolSnapshot& pool, Random& random, const Tried& tried) {
  const Eligible eligible(pool, tried);
  const std::uint64_t weight = totals_of(pool, eligible).weight;
  const Endpoint* one = drawn(pool, eligible, below(random, weight), nullptr);
  if (one == nullptr) return place_on_ring(pool, random.next(), tried);
  const std::uint64_t rest = weight - std::min<std::uint64_t>(one->weight(), weight);
  const Endpoint* other = drawn(pool, eligible, below(random, rest), one);
  if (other == nullptr) return one;
  const std::uint32_t load_one = one->load().requests.load(std::memory_order_relaxed);
  const std::uint32_t load_other = other->load().requests.load(std::memory_order_relaxed);
  return is_lighter(load_other, other->weight(), load_one, one->weight()) ? other : one;
}

}  // namespace ringside::upstream
