// The running process: its parts, and its way from start to exit.
//
// Why      One place says which parts there are and in which order they begin and end.
// Owns     Everything.
// Threads  The control thread (the caller of run()) has signals, the admin listener, probes and
//          housekeeping; each worker has a thread of its own.
// Errors   What prevents the start is an Error from start(), said to the user by main.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/server.h"
#include "app/options.h"
#include "app/session_views.h"
#include "app/state_file.h"
#include "app/worker_thread.h"
#include "base/result.h"
#include "health/refusal_probe.h"
#include "net/signal.h"
#include "net/timer.h"
#include "net/wakeup.h"
#include "observe/access_log.h"
#include "observe/log.h"
#include "observe/registry.h"
#include "relay/worker.h"

namespace ringside::app {

class Process {
 public:
  Process(Options options, observe::Log& log);
  ~Process();

  // Resolves, binds, builds. Nothing is served before run().
  Result<void> start();
  // Serves until a signal ends it; the exit code.
  int run();

 private:
  enum class Phase { starting, ready, waiting, draining };

  void limit_sockets(std::uint64_t descriptors);
  Result<void> open_access_log();
  Result<void> open_state_file();
  const session::SavedPool* saved_pool(const std::string& name) const;
  void restore_pools();
  Result<void> start_saving();
  Result<void> make_pools();
  Result<void> bind_listeners();
  Result<void> bind_admin();
  void publish_metrics();
  void publish_pool_metrics(relay::Pool& pool);
  void say_ready();
  std::string not_ready() const;

  void on_stop_signal();
  void on_reload_signal();
  void begin_drain();
  void on_worker_done();
  void keep_house();

  Options options_;
  observe::Log& log_;
  Phase phase_ = Phase::starting;

  observe::Registry registry_;
  std::unique_ptr<observe::AccessLog> access_log_;
  std::unique_ptr<relay::Shared> shared_;
  std::unique_ptr<StateFile> state_file_;  // its thread looks at the tables
  std::size_t restored_sessions_ = 0;
  std::vector<std::vector<net::Bound>> bound_;  // by worker, then listener

  net::Loop control_;
  std::unique_ptr<health::RefusalProbe> probe_;
  std::unique_ptr<SessionViews> session_views_;
  std::unique_ptr<admin::Server> admin_;
  std::string admin_address_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::atomic<std::size_t> workers_running_{0};

  // Only while run() runs.
  struct Controls;
  std::unique_ptr<Controls> controls_;
};

// Usable CPUs (affinity and the container's CPU limit), at least 1 and at most 4.
unsigned automatic_workers();

}  // namespace ringside::app
