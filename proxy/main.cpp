// Ringside: a session-aware proxy for replicated MCP servers.
//
// Parses the flags, loads the configuration, builds the process and runs it.
#include <malloc.h>

#include <cstdio>
#include <span>
#include <string>
#include <variant>

#include "app/command_line.h"
#include "app/explain_command.h"
#include "app/process.h"
#include "base/limits.h"
#include "config/reader.h"
#include "observe/log.h"

namespace {

using namespace ringside;

constexpr int kExitBadConfiguration = 2;
constexpr int kExitCannotStart = 1;

int print(const app::Print& print) {
  std::fputs(print.text.c_str(), print.exit_code == 0 ? stdout : stderr);
  return print.exit_code;
}

int refuse(const std::vector<config::Fault>& faults) {
  for (const config::Fault& fault : faults) {
    std::fprintf(stderr, "%s\n", config::text(fault).c_str());
  }
  return kExitBadConfiguration;
}

int check(const app::Check& check) {
  const auto options = config::read_file(check.config_path);
  if (!options) return refuse(options.error());
  std::printf("%s: the configuration is valid\n", check.config_path.c_str());
  return 0;
}

int explain(const app::Explain& explain) {
  const auto options = config::read_file(explain.config_path);
  if (!options) return refuse(options.error());
  return print(app::explain(explain, *options));
}

// What a crowd of slow clients took goes back to the system when they have gone: left to itself,
// glibc raises these thresholds with every such crowd, and keeps it.
void return_memory_when_freed() {
  mallopt(M_MMAP_THRESHOLD, 64 * kKiB);
  mallopt(M_TRIM_THRESHOLD, 128 * kKiB);
}

int run(app::Options options) {
  return_memory_when_freed();
  observe::Log log(options.log);
  app::Process process(std::move(options), log);
  if (const auto started = process.start(); !started) {
    log.error("cannot start: " + started.error().detail);
    return kExitCannotStart;
  }
  return process.run();
}

int run(const app::Run& run_command) {
  if (run_command.config_path.empty()) return run(run_command.options);
  auto options = config::read_file(run_command.config_path);
  if (!options) return refuse(options.error());
  return run(std::move(*options));
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<const char* const> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
  const app::CommandLine command = app::parse_command_line(arguments, RINGSIDE_VERSION);
  if (const auto* text = std::get_if<app::Print>(&command)) return print(*text);
  if (const auto* file = std::get_if<app::Check>(&command)) return check(*file);
  if (const auto* question = std::get_if<app::Explain>(&command)) return explain(*question);
  return run(std::get<app::Run>(command));
}
