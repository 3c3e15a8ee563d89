// Faults that no single value has: names that nobody defines, two things in one place, sums beyond
// a bound.
#pragma once

#include "app/options.h"
#include "config/walk.h"

namespace ringside::config {

// Requires: `options` was filled from `root` by read_document, faults or not. Values that were
// faulty are at their defaults and are passed over here, so that one mistake is one fault.
void check_document(Walk& walk, const Cursor& root, const app::Options& options);

}  // namespace ringside::config
