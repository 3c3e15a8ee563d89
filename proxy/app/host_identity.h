// Who the clients of a sidecar are: the pod that the process runs in.
#pragma once

#include <string>

namespace ringside::app {

// The ring's key for loopback clients: the address bytes of POD_IP from the environment (the key
// that the pod has at a standalone proxy), else the host name. Not for logs.
std::string host_identity();

}  // namespace ringside::app
