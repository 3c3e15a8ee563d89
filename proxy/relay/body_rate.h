// The rate at which a request's body comes, over windows of about ten seconds.
//
// Why      A client that sends a byte now and then never lets the time without a byte run out, and
//          would hold its connection and an endpoint's for as long as it likes.
// Time     Now is an argument, that of a part of the body: a window ends with the first part that
//          comes ten seconds after it began. So there is no timer, and nothing to do for a body
//          that comes at once.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace ringside::relay {

class BodyRate {
 public:
  static constexpr milliseconds kWindow = std::chrono::seconds(10);

  // A window begins with the next part: the client could not, or need not, send until now.
  void restart() { began_ms_ = 0; }

  // A part has come, and with it `bytes` in all. True when a window ends here that brought fewer
  // than `least` a second; 0: none.
  bool too_slow(Time now, std::uint64_t bytes, std::uint64_t least) {
    const std::uint32_t now_ms = static_cast<std::uint32_t>(now.time_since_epoch().count());
    const std::uint64_t past_ms = std::uint32_t{now_ms - began_ms_};
    if (began_ms_ != 0 && past_ms < static_cast<std::uint64_t>(kWindow.count())) return false;
    const std::uint64_t brought = std::uint32_t{static_cast<std::uint32_t>(bytes) - bytes_before_};
    const bool is_slow = began_ms_ != 0 && brought * 1000 < least * past_ms;
    began_ms_ = now_ms;
    bytes_before_ = static_cast<std::uint32_t>(bytes);
    return is_slow;
  }

 private:
  // Both modulo 2^32, which no window comes near.
  std::uint32_t began_ms_ = 0;  // 0: not yet
  std::uint32_t bytes_before_ = 0;
};

}  // namespace ringside::relay
