// A rate that may be exceeded in bursts: tokens that drip into a bucket and are taken out of it.
//
// Why      Everything that hostile input can cause more than once is paid for from one of these.
// Bounds   Never holds more than its burst; holds less than nothing when tokens are taken on
//          credit.
// Time     Passed in. A clock that is behind an earlier call's neither adds nor removes tokens.
// Threads  None of its own; LockedTokenBucket is safe from any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>

#include "base/clock.h"

namespace ringside {

class TokenBucket {
 public:
  // Begins full.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  double tokens(Time now) {
    if (now > filled_) {
      const std::chrono::duration<double> elapsed = now - filled_;
      filled_ = now;
      give(elapsed.count() * per_second_);
    }
    return tokens_;
  }

  // False, and nothing taken, when there are fewer.
  bool take(Time now, double count = 1) {
    if (tokens(now) < count) return false;
    tokens_ -= count;
    return true;
  }

  // Owes `owed_max` at most; what would be more is forgiven.
  void take_on_credit(double count = 1, double owed_max = std::numeric_limits<double>::infinity()) {
    tokens_ = std::max(tokens_ - count, std::min(tokens_, -owed_max));
  }

  // What is past the burst is lost.
  void give(double count = 1) { tokens_ = std::min(burst_, tokens_ + count); }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Time filled_{};
};

class LockedTokenBucket {
 public:
  LockedTokenBucket(double per_second, double burst) : bucket_(per_second, burst) {}

  bool take(Time now, double count = 1) {
    const std::lock_guard lock(mutex_);
    return bucket_.take(now, count);
  }

 private:
  std::mutex mutex_;
  TokenBucket bucket_;
};

}  // namespace ringside
