// One event loop a thread.
#include "app/worker_thread.h"

namespace ringside::app {

WorkerThread::WorkerThread(relay::Shared& shared, const std::vector<net::Bound>& bound,
                           std::function<void()> on_done)
    : on_done_(std::move(on_done)),
      wakeup_(std::make_unique<net::Wakeup>(loop_, [this] { obey(); })),
      server_(std::make_unique<relay::Server>(loop_, shared, bound)) {}

void WorkerThread::start() {
  thread_ = std::thread([this] {
    loop_.run();
    loop_.bury();  // what died in the last turn has slots that other workers wait for
    on_done_();
  });
}

void WorkerThread::drain() { order(Command::drain); }

void WorkerThread::cut_off() { order(Command::cut_off); }

void WorkerThread::order(Command command) {
  command_.store(command);
  wakeup_->wake();
}

// A later command overtakes an earlier one: cutting off includes draining.
void WorkerThread::obey() {
  const Command command = command_.load();
  if (command == Command::none) return;
  if (!server_->draining()) server_->drain([this] { loop_.stop(); });
  if (command == Command::cut_off) server_->cut_off();
}

bool WorkerThread::join() {
  thread_.join();
  server_.reset();
  wakeup_.reset();
  return loop_.run_dry();
}

}  // namespace ringside::app
