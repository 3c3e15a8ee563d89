// Placement: choosing the endpoint for a request that no binding decides.
//
// Why      New sessions must spread evenly, one client should keep meeting one pod, and a dead pod
//          must cost nobody an answer.
// Bounds   Each function looks at every endpoint at most a few times and allocates nothing in the
//          ordinary case.
// Errors   nullptr: every endpoint was tried already, or the pool is empty.
//
// All of them pass over endpoints in `tried` (refused within this very exchange), and prefer
// endpoints that are not known to refuse connections; when only such are left they are tried all
// the same.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "upstream/endpoint.h"
#include "upstream/pool_snapshot.h"

namespace ringside::upstream {

// Endpoints that refused this exchange; empty (and without memory) nearly always.
using Tried = std::vector<EndpointId>;

// The ring owner of `hash`, whatever its load.
const Endpoint* place_on_ring(const PoolSnapshot& pool, std::uint64_t hash, const Tried& tried);

// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): the ring owner of
// `hash`, walked clockwise past endpoints whose live sessions and placements under way have reached
// ceil(balance_factor x (all of them + 1) x weight / total weight). "All" and "total" are those of
// the endpoints that may be chosen: the sessions of a dead one are no reason to crowd the living,
// nor is its share theirs to miss. An answer is certain while an endpoint is untried.
// Requires: balance_factor >= 1, so that one of them is always below its bound.
const Endpoint* place_bounded(const PoolSnapshot& pool, std::uint64_t hash, double balance_factor,
                              const Tried& tried);

// The endpoint with the fewest live sessions and placements under way for its weight; ties go to
// the first clockwise from `hash`.
const Endpoint* place_least_sessions(const PoolSnapshot& pool, std::uint64_t hash,
                                     const Tried& tried);

// Of two endpoints drawn at random (by weight), the one with fewer exchanges under way for its
// weight.
const Endpoint* place_least_requests(const PoolSnapshot& pool, Random& random, const Tried& tried);

}  // namespace ringside::upstream
