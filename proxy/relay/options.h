// What the configuration says about listeners, pools and limits: the relay's share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/limits.h"
#include "session/options.h"
#include "upstream/options.h"

namespace ringside::relay {

struct RouteOptions {
  std::string host;        // lower case, without port; empty: any
  std::string path = "/";  // a prefix that ends at a path segment
  std::string pool;
};

struct ListenerTimeouts {
  milliseconds request_head = std::chrono::seconds(10);  // the whole head
  milliseconds request_body = std::chrono::seconds(60);  // without a byte
  milliseconds keep_alive = std::chrono::seconds(75);
  milliseconds response_read = std::chrono::seconds(60);  // without a byte of it
};

// What becomes of a field whose name is that of one that matters, but for '_' (lookalikes.h).
enum class Underscores : std::uint8_t { refuse, drop, pass };

struct ListenerOptions {
  std::string name;
  Address bind;
  std::vector<RouteOptions> routes;  // `pool: NAME` is one route that matches all
  std::vector<Cidr> trusted_proxies;
  std::vector<std::string> allowed_origins;  // scheme://host[:port], lower case; empty: any
  Underscores underscores = Underscores::refuse;
  ListenerTimeouts timeouts;
};

// 0: none.
struct PoolTimeouts {
  milliseconds connect = std::chrono::seconds(2);
  milliseconds response_head = std::chrono::minutes(10);  // spares GETs that accept an event stream
  milliseconds stream_idle = milliseconds(0);
  milliseconds stream_keep_alive = milliseconds(0);  // a silent event stream is sent a comment
  milliseconds tunnel = std::chrono::hours(1);       // without a byte either way
};

// Towards each endpoint, over all workers.
struct PoolLimits {
  std::uint32_t connections = 0;  // 0: none
  std::uint32_t queue = 1024;     // requests that wait for one
  milliseconds queue_timeout = std::chrono::seconds(5);
};

struct PoolOptions {
  std::string name;
  std::vector<upstream::EndpointOptions> endpoints;
  session::Options affinity;
  upstream::PlacementOptions placement;
  upstream::RingOptions ring;
  PoolTimeouts timeouts;
  bool websocket = true;  // a request may switch to it
  PoolLimits limits;
};

struct Limits {
  std::size_t header_bytes = 64 * kKiB;
  std::uint32_t header_fields = 256;          // nginx and Node stop at about as many
  std::size_t target_bytes = 16 * kKiB;       // HAProxy takes as much in all, nginx the half of it
  std::uint64_t body_bytes = 0;               // 0: none
  std::uint64_t body_rate = 128;              // bytes a second of a request's body; 0: none
  std::uint32_t connections = 10'000;         // clients', over all listeners and workers
  std::uint32_t connections_per_client = 0;   // of one address; 0: none
  std::uint32_t requests_per_connection = 0;  // 0: none
  std::size_t pipeline_bytes = 64 * kKiB;     // of requests that wait for the one before them
};

}  // namespace ringside::relay
