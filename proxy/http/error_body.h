// The JSON-RPC error bodies of responses that the proxy makes itself.
//
// Why      MCP clients read the body: -32001 with id null makes a client start again; codes of the
//          stateless era (-32020..-32022, -32601) would be misread by clients that speak both eras.
#pragma once

#include <string>
#include <string_view>

namespace ringside::http {

inline constexpr int kSessionNotFound = -32001;
inline constexpr int kServerError = -32000;

// {"jsonrpc":"2.0","id":null,"error":{"code":CODE,"message":"MESSAGE"}}
// Requires: `message` is a constant of ours that needs no escaping.
std::string json_rpc_error(int code, std::string_view message);

// The phrase of RFC 9110 for a status that the proxy uses.
std::string_view reason_phrase(unsigned status);

}  // namespace ringside::http
