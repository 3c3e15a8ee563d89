// What the configuration of a pool says about sessions (pools.*.affinity).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"

namespace ringside::session {

enum class Mode : std::uint8_t {
  learn,   // a session stays on the endpoint that issued its id
  tag,     // the id that the client is given names its endpoint, authenticated
  cookie,  // a cookie of the proxy names the endpoint, authenticated, where no session id does
  client,  // the client's identity alone decides, as Service ClientIP affinity does
  none,    // no affinity: spread by requests under way
};

// What happens to a session whose owner is lost.
enum class OnOwnerLost : std::uint8_t {
  not_found,     // 404: the client starts a new one
  reinitialize,  // it is revived on another endpoint
};

// Where requests of the stateless revisions (2026-07-28 and later) go.
enum class Stateless : std::uint8_t {
  least_requests,  // to the less busy of two endpoints
  client,          // where the client's identity says
};

// What revival may do (pools.*.affinity.revive), with OnOwnerLost::reinitialize.
struct ReviveOptions {
  std::uint32_t per_second = 100;  // handshakes for the pool
  bool unknown = false;            // also sessions that this proxy never saw
};

// What looking for the owner of an unknown session may cost (pools.*.affinity.search).
struct SearchOptions {
  unsigned attempts = 64;               // endpoints asked for one request
  unsigned in_flight = 1024;            // searches at once; of one client half as many
  unsigned per_client = 10;             // failed searches a second, of one client
  double share = 0.2;                   // of the pool's upstream requests, for wasted attempts
  std::size_t body_bytes = 256 * kKiB;  // of a request's body, kept to be sent again
  milliseconds remember = std::chrono::seconds(5);  // that a search found nobody
  std::vector<std::string> unknown_forms;           // further texts that mean "unknown session"
};

// What else names state, beside a session id (row 5 of the routing table).
enum class HandleKind : std::uint8_t {
  header,
  query,  // a key of the request target's query, escapes decoded
  cookie,
  tasks,  // the task that tasks/get, update, cancel or result is about
};

struct HandleOptions {
  HandleKind kind = HandleKind::header;
  std::string name;  // of the field, key or cookie; empty with HandleKind::tasks
};

inline constexpr std::size_t kTagKeysMax = 8;

// The keys of modes tag and cookie (pools.*.affinity.tag). The first signs, all verify; files come
// before variables.
struct TagOptions {
  std::vector<std::string> key_files;
  std::vector<std::string> key_env;  // names of environment variables
};

// The cookie of mode cookie (pools.*.affinity.cookie).
struct CookieOptions {
  std::string name = "ringside";
  milliseconds ttl = std::chrono::hours(3);
  std::string path = "/";
  bool secure = false;
};

struct Options {
  Mode mode = Mode::learn;
  std::string header = "mcp-session-id";
  milliseconds idle_ttl = std::chrono::hours(3);
  milliseconds owner_grace = std::chrono::seconds(10);
  std::uint32_t max_sessions = 100'000;
  std::uint32_t max_sessions_per_client = 0;     // 0: none
  std::uint32_t max_streams_per_session = 1000;  // 0: none
  OnOwnerLost on_owner_lost = OnOwnerLost::not_found;
  ReviveOptions revive;
  SearchOptions search;
  TagOptions tag;
  CookieOptions cookie;
  std::vector<HandleOptions> handles;  // asked in this order; none by default
  Stateless stateless = Stateless::least_requests;
};

}  // namespace ringside::session
