// What kind of JSON-RPC message the body of a request is.
//
// Why      Only a request may revive a lost session, since only its sender waits for an answer; and
//          a handshake is recorded, to be played again.
// Bounds   Looks at the first 64 KiB of a body, and no deeper than 256 levels of nesting.
// Errors   None: what is no JSON-RPC, or says two things at once, is `other`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace ringside::session {

inline constexpr std::size_t kRpcLookMax = 64 * kKiB;

enum class RpcKind : std::uint8_t {
  request,
  notification,
  response,
  initialize,   // a request
  initialized,  // a notification
  other,
};

// A batch is a request if it has one, else a notification if it has one, else a response; it is
// `other` if anything in it is, or is an initialize, which no batch may have.
// A body that goes on behind what is looked at (`whole` is false, or it is longer than the bound)
// is judged by the members in sight. Some clients write the id last, so where it is not in sight
// the method's name decides.
RpcKind rpc_kind(std::string_view body, bool whole = true);

// params.protocolVersion of an initialize; empty when there is none, or it is longer than 32 bytes.
std::string protocol_version_of(std::string_view initialize);

}  // namespace ringside::session
