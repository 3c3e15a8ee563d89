// Endpoints from the configuration.
#include "discovery/static_source.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

using namespace ringside;
using namespace ringside::discovery;

namespace {

using Snapshot = std::shared_ptr<const upstream::PoolSnapshot>;

struct Published {
  Result<void> result;
  std::vector<Snapshot> snapshots;
};

Published publish(const std::vector<upstream::EndpointOptions>& endpoints) {
  Published published;
  published.result = publish_static(endpoints, {}, [&](Snapshot snapshot) {
    published.snapshots.push_back(std::move(snapshot));
  });
  return published;
}

}  // namespace

TEST_CASE("static source: it publishes once, ids dense from 0 in the order given") {
  const Published published = publish(
      {{.name = "pod-a", .address = "10.0.0.1:3000", .weight = 2}, {.address = "[::1]:3001"}});
  REQUIRE(published.result.has_value());
  REQUIRE(published.snapshots.size() == 1);
  const auto& endpoints = published.snapshots[0]->endpoints();
  REQUIRE(endpoints.size() == 2);
  CHECK(endpoints[0]->id() == 0);
  CHECK(endpoints[0]->name() == "pod-a");
  CHECK(endpoints[0]->weight() == 2);
  CHECK(endpoints[0]->address() == *Address::parse("10.0.0.1:3000"));
  CHECK(endpoints[1]->id() == 1);
  CHECK(published.snapshots[0]->ring().size() == 2);
}

TEST_CASE("static source: an endpoint without a name is named by its address as written") {
  const Published published = publish({{.address = "[0:0::1]:3001"}});
  REQUIRE(published.snapshots.size() == 1);
  CHECK(published.snapshots[0]->endpoints()[0]->name() == "[0:0::1]:3001");
}

TEST_CASE("static source: a name that was not resolved is an error and publishes nothing") {
  const Published published =
      publish({{.address = "10.0.0.1:3000"}, {.address = "pod.local:3000"}});
  REQUIRE_FALSE(published.result.has_value());
  CHECK(published.result.error().detail.find("pod.local:3000") != std::string::npos);
  CHECK(published.snapshots.empty());
}
