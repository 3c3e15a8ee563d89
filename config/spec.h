// The table of everything that a configuration may say.
//
// Why      Names, types, ranges and reasons stand once, here; defaults once, in the modules'
//          options.h. schema.json and docs/configuration.md are held to both by a test.
#pragma once

#include <vector>

#include "app/options.h"
#include "config/walk.h"

namespace ringside::config {

// Fills `into` from the document; every fault of a single value is reported.
void read_document(Walk& walk, const Cursor& root, app::Options& into);

// The rows, in the order in which they are documented.
std::vector<KeyInfo> known_keys();

}  // namespace ringside::config
