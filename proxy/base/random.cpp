// The system's generator, by getrandom(2).
#include "base/random.h"

#include <sys/random.h>

#include <cstdio>
#include <cstdlib>

namespace ringside {

std::uint64_t system_random() {
  std::uint64_t value = 0;
  if (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) {
    std::fputs("ringside: the system has no random numbers (getrandom failed)\n", stderr);
    std::abort();
  }
  return value;
}

}  // namespace ringside
