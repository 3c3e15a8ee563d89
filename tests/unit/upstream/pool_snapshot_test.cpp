#include "upstream/pool_snapshot.h"

#include <catch2/catch_test_macros.hpp>

#include "pools.h"

namespace ringside::upstream {
namespace {

TEST_CASE("pool_snapshot: every endpoint is found by its id, no other id is") {
  std::vector<std::shared_ptr<const Endpoint>> endpoints;
  for (const EndpointId id : {9U, 2U, 700U, 5U}) {
    endpoints.push_back(std::make_shared<Endpoint>(id, std::to_string(id), Address{}, 1));
  }
  const PoolSnapshot pool(endpoints, {});
  for (const auto& endpoint : endpoints) CHECK(pool.find(endpoint->id()) == endpoint.get());
  for (const EndpointId id : {0U, 1U, 3U, 10U, 701U}) CHECK(pool.find(id) == nullptr);
}

TEST_CASE("pool_snapshot: its ring has the endpoints in their order, by name and weight") {
  const PoolSnapshot pool = pool_of({1, 2, 3}, {.points = 10});
  CHECK(pool.total_weight() == 6);
  CHECK(pool.ring().size() == 3);
  CHECK(pool.ring().points().size() == 60);
  std::size_t of_last = 0;
  for (const HashRing::Point& point : pool.ring().points()) of_last += point.member == 2;
  CHECK(of_last == 30);
}

TEST_CASE("pool_snapshot: an empty pool is a pool") {
  const PoolSnapshot pool({}, {});
  CHECK(pool.endpoints().empty());
  CHECK(pool.total_weight() == 0);
  CHECK(pool.find(0) == nullptr);
}

}  // namespace
}  // namespace ringside::upstream
