// What the configuration says about the admin listener.
#pragma once

#include <optional>

#include "base/address.h"

namespace ringside::admin {

struct Options {
  std::optional<Address> bind;  // off when absent
};

}  // namespace ringside::admin
