// The client's identity: what a client without a session is known by on the ring.
//
// Why      In a sidecar every client is 127.0.0.1; behind an ingress every client is the ingress.
//          The identity is the nearest address that can be believed, else, for a loopback client,
//          the pod that the proxy runs in.
// Errors   A forwarded entry that is no address ends the search: the last believable address
//          counts.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/address.h"
#include "http/head.h"

namespace ringside::session {

// The nearest believable address of the client: the peer's, or, when the peer is in `trusted`, the
// rightmost entry of X-Forwarded-For (else of Forwarded, RFC 7239) that is not in `trusted`; the
// leftmost when all are. All fields of the name count as one list. Takes time in proportion to the
// fields.
Address client_address(const Address& peer, const http::RequestHead& head,
                       std::span<const Cidr> trusted);

// The ring's key for that client: the bytes of its address, so that 10.0.0.1 and ::ffff:10.0.0.1
// are one; for a loopback client `host_identity` (POD_IP, else the host name). A view into `client`
// or `host_identity`.
std::string_view ring_key(const Address& client, std::string_view host_identity);

}  // namespace ringside::session
