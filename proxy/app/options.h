// The whole configuration: what config/ reads and main hands out.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "admin/options.h"
#include "observe/log.h"
#include "relay/options.h"

namespace ringside::app {

struct ShutdownOptions {
  milliseconds wait = milliseconds(0);  // still serving after readiness fails
  milliseconds deadline = std::chrono::seconds(30);
};

struct Options {
  unsigned workers = 0;  // 0: auto = usable CPUs, at most 4
  admin::Options admin;
  observe::LogOptions log;
  ShutdownOptions shutdown;
  std::vector<relay::ListenerOptions> listeners;
  std::vector<relay::PoolOptions> pools;
  relay::Limits limits;
  std::string state_file;  // where bindings outlive the process; empty: nowhere
};

}  // namespace ringside::app
