// signalfd(2) and uv_poll_t.
#include "net/signal.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace ringside::net {
namespace {

int open_blocked(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

}  // namespace

Signals::Signals(Loop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)), descriptor_(open_blocked(numbers)), handle_(this) {
  uv_poll_init(loop.uv(), handle_.uv(), descriptor_);
  uv_poll_start(handle_.uv(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (Signals* self = Handle<uv_poll_t, Signals>::owner_of(poll)) self->read_all();
  });
}

// The loop must have let go of the descriptor before its number is free for another.
Signals::~Signals() {
  uv_poll_stop(handle_.uv());
  close(descriptor_);
}

void Signals::read_all() {
  signalfd_siginfo info;
  while (read(descriptor_, &info, sizeof info) == sizeof info) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace ringside::net
