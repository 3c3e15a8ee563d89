// Calls a function on a loop when the process gets one of some signals.
//
// Why      The signals are blocked on every thread and read from a descriptor, so that no handler
//          ever interrupts one: a signal is an event of the loop like any other.
// Threads  Make it before the process starts a thread that does not block all signals itself: a
//          thread inherits what its parent blocks.
#pragma once

#include <functional>
#include <initializer_list>

#include "net/loop.h"

namespace ringside::net {

class Signals {
 public:
  Signals(Loop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void read_all();

  std::function<void(int)> on_signal_;
  int descriptor_;
  Handle<uv_poll_t, Signals> handle_;
};

// A write to a closed connection must be an error, not the end of the process.
void ignore_broken_pipes();

}  // namespace ringside::net
