// Calls a function on a loop when another thread asks for it.
//
// Threads  wake() from any thread; the function runs on the loop. Several wakes before it runs are
//          one.
#pragma once

#include <functional>

#include "net/loop.h"

namespace ringside::net {

class Wakeup {
 public:
  Wakeup(Loop& loop, std::function<void()> on_wake);
  void wake();
  // Lets the loop end although this is open.
  void unref();

 private:
  std::function<void()> on_wake_;
  Handle<uv_async_t, Wakeup> handle_;
};

}  // namespace ringside::net
