// One GET over a connection of its own, and the whole answer: for a command that asks the running
// proxy.
//
// Bounds   An answer of kAnswerBytes.
// Time     Blocks, for at most kGetTime.
// Errors   Whoever cannot be reached or does not answer in HTTP is an Error, with the errno where
//          there is one.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"

namespace ringside::app {

inline constexpr std::size_t kAnswerBytes = 1 * kMiB;
inline constexpr milliseconds kGetTime = std::chrono::seconds(5);

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

Result<HttpAnswer> http_get(const Address& server, std::string_view target);

}  // namespace ringside::app
