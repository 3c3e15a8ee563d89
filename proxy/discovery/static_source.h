// The endpoints of a pool that the configuration lists: published once, at start.
//
// Why      Where endpoints come from is a question of its own. A source says what it knows through
//          Publish, as often as it changes; this one has nothing more to say after the first time.
// Threads  `publish` is called before publish_static() returns.
// Errors   An address that is no "host:port" with a numeric host: names are resolved by whoever
//          starts the process.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "upstream/options.h"
#include "upstream/pool_snapshot.h"

namespace ringside::discovery {

using Publish = std::function<void(std::shared_ptr<const upstream::PoolSnapshot>)>;

// Endpoint ids are the places in `endpoints`: 0 .. size-1. An endpoint without a name is named by
// its address.
Result<void> publish_static(std::span<const upstream::EndpointOptions> endpoints,
                            const upstream::RingOptions& ring, const Publish& publish);

}  // namespace ringside::discovery
