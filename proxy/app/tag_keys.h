// Reads the keys of a pool's modes tag and cookie, from files and from the environment.
//
// Errors   A key that cannot be read, or is no key, names its file or variable; never the key.
#pragma once

#include "base/result.h"
#include "session/keys.h"
#include "session/options.h"

namespace ringside::app {

// Files first, then variables, each in the order of the configuration.
Result<session::TagKeys> load_tag_keys(const session::TagOptions& options);

}  // namespace ringside::app
