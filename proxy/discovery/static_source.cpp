// Addresses are parsed again here, so that one type, EndpointOptions, says what an endpoint is.
#include "discovery/static_source.h"

#include <utility>
#include <vector>

namespace ringside::discovery {

Result<void> publish_static(std::span<const upstream::EndpointOptions> endpoints,
                            const upstream::RingOptions& ring, const Publish& publish) {
  std::vector<std::shared_ptr<const upstream::Endpoint>> made;
  made.reserve(endpoints.size());
  for (const upstream::EndpointOptions& endpoint : endpoints) {
    const auto address = Address::parse(endpoint.address);
    if (!address) return fail("no address with a port: " + endpoint.address);
    made.push_back(std::make_shared<const upstream::Endpoint>(
        static_cast<upstream::EndpointId>(made.size()),
        endpoint.name.empty() ? endpoint.address : endpoint.name, *address, endpoint.weight));
  }
  publish(std::make_shared<const upstream::PoolSnapshot>(std::move(made), ring));
  return {};
}

}  // namespace ringside::discovery
