// uv_signal_t.
#include "net/signal.h"

#include <csignal>

namespace ringside::net {

Signal::Signal(Loop& loop, int number, std::function<void()> on_signal)
    : on_signal_(std::move(on_signal)), handle_(this) {
  uv_signal_init(loop.uv(), handle_.uv());
  uv_signal_start(
      handle_.uv(),
      [](uv_signal_t* signal, int) {
        if (Signal* self = Handle<uv_signal_t, Signal>::owner_of(signal)) self->on_signal_();
      },
      number);
}

void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace ringside::net
