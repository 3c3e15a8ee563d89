// A thread with an event loop and a server on it.
//
// Owns     The thread, the loop and the server.
// Threads  Everything but the loop's run belongs to the control thread; drain() and cut_off() are
//          handed over.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "net/wakeup.h"
#include "relay/server.h"

namespace ringside::app {

class WorkerThread {
 public:
  // `on_done` is called on the worker's thread when drain() has come to its end.
  WorkerThread(relay::Shared& shared, const std::vector<net::Bound>& bound,
               std::function<void()> on_done);

  void start();
  void drain();
  void cut_off();
  // Waits for the thread; false when a handle was left open (a leak).
  bool join();

 private:
  enum class Command : int { none, drain, cut_off };
  void order(Command command);
  void obey();

  net::Loop loop_;
  std::function<void()> on_done_;
  std::atomic<Command> command_{Command::none};
  std::unique_ptr<net::Wakeup> wakeup_;
  std::unique_ptr<relay::Server> server_;
  std::thread thread_;
};

}  // namespace ringside::app
