// Names to addresses, by the system's resolver. Blocks: for the start of the process only.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace ringside::net {

// "10.0.0.1:80", "[::1]:80" or "name:80". Of a name with several addresses the first IPv4 one, else
// the first: one endpoint is one pod. The error names the host and what the resolver said.
Result<Address> resolve(const std::string& host_port);

}  // namespace ringside::net
