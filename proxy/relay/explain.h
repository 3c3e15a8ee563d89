// Where a request would go, and why: the decision about a request that is not sent.
//
// Why      An operator who asks why a session is where it is should not have to try: a try binds,
//          counts as a use, and reaches a server.
// Bounds   A look at the table and at the ring; no binding, no budget and no counter changes.
// Threads  Any.
// Errors   A request that would be refused is explained as such.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "observe/access_log.h"
#include "relay/failure.h"
#include "relay/pool.h"
#include "relay/worker.h"
#include "session/cookie.h"

namespace ringside::relay {

struct Question {
  std::size_t listener = 0;         // its index
  std::optional<std::size_t> pool;  // in place of the one that the listener's routes say
  Address peer;
  std::string_view head;  // of the request, to the empty line
};

struct Explanation {
  const Pool* pool = nullptr;  // nullptr: no route
  Address client;              // whom the request counts as, without a port
  Failure refused = Failure::none;
  unsigned row = 0;       // of the routing table (docs/architecture.md); 0: none of it
  std::string_view rule;  // what the row is about; empty: refused before any
  std::string_view why;
  observe::PickedBy picked_by = observe::PickedBy::none;
  std::optional<std::uint64_t> digest;  // of the session or handle
  bool is_bound = false;
  bool is_provisional = false;
  bool is_revived = false;
  const upstream::Endpoint* owner = nullptr;
  // In the order in which they would be asked; empty where two are drawn at random. They live as
  // long as the pool's snapshot.
  std::vector<const upstream::Endpoint*> endpoints;
};

Explanation explain(Shared& shared, const Question& question, Time now,
                    session::sys_seconds wall_now);

}  // namespace ringside::relay
