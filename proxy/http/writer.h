// Writes outgoing heads and body framing from parsed parts.
//
// Why      What leaves the proxy is built, not passed on: a head has exactly the fields that the
//          rules allow and exactly one framing field, whatever came in.
// Owns     Nothing: everything is appended to a buffer of the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/head.h"

namespace ringside::http {

// What the proxy tells the endpoint about the client.
struct ForwardedBy {
  std::string_view peer;      // the peer's address, as text
  std::string_view protocol;  // "http"
  bool peer_is_trusted;  // its X-Forwarded-* and Forwarded are kept and added to, else replaced
  std::span<const std::string> routed_by = {};  // fields that the client cannot have removed
};

// The head for the endpoint: the client's fields less the hop-by-hop ones, with Via and
// X-Forwarded-*. The framing is the head's own: a length stays a length, chunked stays chunked.
// Where the head asks for WebSocket, with Connection and Upgrade of its own. Max-Forwards of an
// OPTIONS is one less; an Expect of HTTP/1.0, which does not know it, stays behind.
void write_request_head(std::string& out, const RequestHead& head, const ForwardedBy& forwarded);

// How the response leaves: its framing towards this client, and what the proxy adds.
struct ResponseShape {
  Framing framing;
  bool close = false;       // adds Connection: close
  bool keep_alive = false;  // adds Connection: keep-alive (an HTTP/1.0 client that asked for it)
  bool websocket = false;   // 101: adds Connection and Upgrade
  bool bodiless = false;    // answers HEAD, or 304: Content-Length stays as information
};
void write_response_head(std::string& out, const ResponseHead& head, const ResponseShape& shape);

void write_chunk_size(std::string& out, std::uint64_t size);  // "1f\r\n"
inline constexpr std::string_view kChunkEnd = "\r\n";

// The last chunk, with the trailer fields that may pass: none that the proxy knows as a head's, or
// that requests are `routed_by`.
void write_last_chunk(std::string& out, std::span<const Field> trailers,
                      std::span<const std::string> routed_by = {});

// True for a field that concerns one connection only (RFC 9110, 7.6.1), or that one of `fields`'
// Connection values names.
bool is_hop_by_hop(const Field& field, std::span<const Field> fields);

}  // namespace ringside::http
