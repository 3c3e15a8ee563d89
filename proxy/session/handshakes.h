// The handshakes that clients made, kept to be played again should their sessions be revived.
//
// Why      A revived session should be what its client once asked for: its capabilities, its
//          version, its name. Credentials are none of it: only bodies are kept, and a played
//          handshake has the header fields of the request that waits for it.
// Owns     Copies of the bodies.
// Bounds   10,000 sessions unless told otherwise, 16 KiB a body, 32 MiB in all; past that the
//          least recently recorded or found goes. A body too long is not kept.
// Threads  Safe from any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "session/binding.h"
#include "session/lru_map.h"

namespace ringside::session {

struct Handshake {
  std::string initialize;        // the body of that request
  std::string initialized;       // the body of that notification
  std::string protocol_version;  // that `initialize` asks for; empty when it does not say
};

class Handshakes {
 public:
  static constexpr std::size_t kSessionsMax = 10'000;
  static constexpr std::size_t kBodyMax = 16 * kKiB;
  static constexpr std::size_t kBytesMax = 32 * kMiB;

  explicit Handshakes(std::size_t sessions_max = kSessionsMax)
      : recorded_(sessions_max, kBytesMax) {}

  // Begins the session's record anew. False when the body is too long; the session has none then.
  bool record_initialize(Key key, std::string_view body);

  // False when the body is too long, or the session's `initialize` is not on record.
  bool record_initialized(Key key, std::string_view body);

  // A session whose client never sent `initialized` here has the minimal one.
  std::optional<Handshake> find(Key key);

  bool forget(Key key);

  std::size_t size() const;
  std::size_t bytes() const;

 private:
  bool put(Key key, Handshake handshake);

  mutable std::mutex mutex_;
  LruMap<Key, Handshake, KeyHash> recorded_;
};

// For a session whose own handshake nobody here has seen: no capabilities, the proxy's name. The
// version is 2025-03-26, the protocol's own assumption, unless the one given is short, and of
// letters, digits, '-' and '.' alone: it may come from a header field, and goes into a body.
Handshake minimal_handshake(std::string_view protocol_version);

}  // namespace ringside::session
