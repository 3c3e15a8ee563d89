// A small, fast generator for choices that need no secrecy (xoroshiro128+, Blackman and Vigna
// 2018), and seeds from the system for those that do.
//
// Threads  One Random a loop; not shared.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace ringside {

// 64 bits from the system's generator; ends the process when there is none (it cannot run safely
// then).
std::uint64_t system_random();

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t* word :
         {&low_, &high_}) {  // splitmix64: spreads a small seed over the state
      std::uint64_t z = (seed += 0x9e3779b97f4a7c15U);
      z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
      z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
      *word = z ^ (z >> 31U);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = low_ + high_;
    const std::uint64_t mixed = high_ ^ low_;
    low_ = std::rotl(low_, 24) ^ mixed ^ (mixed << 16U);
    high_ = std::rotl(mixed, 37);
    return result;
  }

  // 0 .. bound-1. Requires: bound > 0.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32U) * bound) >> 32U);
  }

 private:
  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
};

}  // namespace ringside
