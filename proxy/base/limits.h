// Every bound that is not configuration, in one place, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringside {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// The read buffer that all connections of a loop share. A head that fits is parsed where it lies.
inline constexpr std::size_t kReadBufferBytes = 32 * kKiB;

// Fields in one head of a response; more is 502. For requests it is what is configured.
inline constexpr std::size_t kFieldsMax = 256;

// What waits for a slow reader, in one direction of one exchange: past high, reading stops; below
// low, it goes on. The kernel's buffers come before it, so this need not keep a reader busy; it is
// what a thousand clients that never read cost, with one read on top: 47 MiB.
struct Watermarks {
  std::size_t high_bytes;
  std::size_t low_bytes;
};
inline constexpr Watermarks kRelayWatermarks{.high_bytes = 16 * kKiB, .low_bytes = 4 * kKiB};
static_assert(kRelayWatermarks.low_bytes < kRelayWatermarks.high_bytes);

// Interim (1xx) responses to one request; more is a broken upstream.
inline constexpr unsigned kInterimResponsesMax = 16;

// Idle upstream connections kept by one worker for one endpoint.
inline constexpr std::size_t kIdleUpstreamsMax = 256;

// Endpoints in one pool.
inline constexpr std::size_t kEndpointsMax = 1024;

}  // namespace ringside
