// Calls a function on a loop when the process gets a signal.
#pragma once

#include <functional>

#include "net/loop.h"

namespace ringside::net {

class Signal {
 public:
  Signal(Loop& loop, int number, std::function<void()> on_signal);

 private:
  std::function<void()> on_signal_;
  Handle<uv_signal_t, Signal> handle_;
};

// A write to a closed connection must be an error, not the end of the process.
void ignore_broken_pipes();

}  // namespace ringside::net
