// The rows of pools.*.affinity: what keeps a session on its endpoint, and what happens when it is
// lost.
#pragma once

#include <span>

#include "config/walk.h"
#include "session/options.h"

namespace ringside::config {

std::span<const Field<session::Options>> affinity_fields();

}  // namespace ringside::config
