// The command line, parsed by CLI11; its words for faults are replaced where they do not say what
// to do.
#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <utility>
#include <vector>

#include "app/explain_command.h"
#include "base/address_text.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "config/names.h"

namespace ringside::app {
namespace {

constexpr std::string_view kUsage = R"(usage: ringside --config FILE [--check]
       ringside --listen HOST:PORT --upstream HOST:PORT [--upstream HOST:PORT ...]
                [--admin HOST:PORT] [--workers N]
       ringside explain --config FILE [--header 'NAME: VALUE' ...] [--client ADDRESS]
       ringside --help | --version
)";

constexpr std::string_view kHelp = R"(
Ringside keeps every MCP session on the server that issued it.

Run from a configuration file (its keys: docs/configuration.md, config/examples/):
  ringside --config ringside.yaml            run; SIGTERM ends it
  ringside --check --config ringside.yaml    say every fault, with line and column; exit 0, or 2

Run without a file, one listener and one pool, both called mcp:
  ringside --listen 127.0.0.1:8080 --admin 127.0.0.1:9901 \
           --upstream 10.0.1.5:3000 --upstream 10.0.1.6:3000
  then point the MCP client at http://127.0.0.1:8080/mcp, with the path that the servers serve

Ask the running proxy of a file where a request would go, and why:
  ringside explain --config ringside.yaml --header 'mcp-session-id: ID' --client 10.1.2.3
  ringside explain --help                    its other flags

  --config FILE         read the configuration from FILE
  --check               only check it
  --listen HOST:PORT    where clients connect: an IP address or localhost; port 0 is a free port
  --upstream HOST:PORT  an MCP server; once for each of them
  --admin HOST:PORT     serve health, metrics and sessions here; off when absent
  --workers N           event loops, 1 to 256, or auto (the usable CPUs, at most 4)
  --version             print the version
  --help                print this

When every listener is bound, one line on standard error says `ready` with the addresses.

The admin address answers
  GET /healthz   200 while the process lives
  GET /readyz    200 while it takes traffic, 503 once it drains
  GET /metrics   counters for Prometheus
  GET /sessions, /sessions/DIGEST, /explain and commands on sessions: docs/operations.md

Signals
  SIGTERM, SIGINT   take no new connection, finish what is under way, exit 0
                    a second one exits at once

Exit codes
  0 done   1 could not start, such as an address in use   2 a fault of the command line or the file
)";

// Values as they were given; a flag may come more often than it should.
struct Given {
  std::vector<std::string> config;
  std::vector<std::string> listen;
  std::vector<std::string> upstream;
  std::vector<std::string> admin;
  std::vector<std::string> workers;
  bool check = false;
  bool help = false;
  bool version = false;
  std::vector<std::string> rest;
};

constexpr std::array<std::string_view, 8> kFlags{"--config", "--check",   "--listen",  "--upstream",
                                                 "--admin",  "--workers", "--version", "--help"};

Print fault(const std::string& what) {
  return {"ringside: " + what + "\nTry: ringside --help\n", 2};
}

// CLI11 says "--flag: ..." of a flag without its value, "flag was given ..." of one that takes
// none.
std::string mismatch(const std::string& said) {
  if (said.starts_with("--")) return said.substr(0, said.find(':')) + " has no value";
  return "--" + said.substr(0, said.find(' ')) + " takes no value";
}

Result<Given, Print> split(std::span<const char* const> arguments) {
  Given given;
  CLI::App parser;
  parser.set_help_flag();
  parser.allow_extras();
  const auto values = [&](const char* flag, std::vector<std::string>& into) {
    parser.add_option(flag, into)->allow_extra_args(false);
  };
  values("--config", given.config);
  values("--listen", given.listen);
  values("--upstream", given.upstream);
  values("--admin", given.admin);
  values("--workers", given.workers);
  parser.add_flag("--check", given.check)->disable_flag_override();
  parser.add_flag("--help,-h", given.help)->disable_flag_override();
  parser.add_flag("--version", given.version)->disable_flag_override();
  // CLI11 takes what is left from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    parser.parse(std::move(reversed));
    given.rest = parser.remaining();
  } catch (const CLI::ArgumentMismatch& error) {
    return std::unexpected(fault(mismatch(error.what())));
  } catch (const std::exception& error) {
    return std::unexpected(fault(error.what()));
  }
  return given;
}

Print unknown(const std::string& argument) {
  const std::string flag = argument.substr(0, argument.find('='));
  if (!flag.starts_with('-'))
    return fault("unexpected argument " + in_quotes(argument) + "; every value follows a flag");
  return fault("unknown flag " + in_quotes(flag) + "; did you mean " +
               std::string(nearest(flag, kFlags)) + "?");
}

// `--config --check`: a flag where a value should be.
std::string missing_value(const Given& given) {
  const auto is_flag = [](const std::string& value) { return value.starts_with("--"); };
  const auto check = [&](std::string_view flag, const std::vector<std::string>& values) {
    return std::ranges::any_of(values, is_flag)
               ? std::string(flag) + " has no value: a flag follows it"
               : "";
  };
  std::string what;
  for (const auto& [flag, values] :
       {std::pair{"--config", &given.config}, std::pair{"--listen", &given.listen},
        std::pair{"--upstream", &given.upstream}, std::pair{"--admin", &given.admin},
        std::pair{"--workers", &given.workers}}) {
    if (what.empty()) what = check(flag, *values);
  }
  return what;
}

// What the flags do not allow together; empty when all is well.
std::string conflict(const Given& given) {
  const auto twice = [](const auto& values) { return values.size() > 1; };
  if (twice(given.config)) return "--config is given twice; one file is read";
  if (twice(given.listen))
    return "--listen is given twice; several listeners need a file (--config)";
  if (twice(given.admin)) return "--admin is given twice; keep one";
  if (twice(given.workers)) return "--workers is given twice; keep one";
  const bool has_flags = !given.listen.empty() || !given.upstream.empty() || !given.admin.empty() ||
                         !given.workers.empty();
  if (!given.config.empty() && has_flags) {
    return "--config stands beside --listen, --upstream, --admin or --workers; set these in the "
           "file";
  }
  if (given.check && given.config.empty()) return "--check has no file to check; add --config FILE";
  if (given.config.empty() && given.listen.empty())
    return "--listen is missing; add --listen 127.0.0.1:8080";
  if (given.config.empty() && given.upstream.empty())
    return "--upstream is missing; add --upstream HOST:PORT";
  if (!given.config.empty() && given.config[0].empty())
    return "--config names no file; give its path";
  return "";
}

Print fault(std::string_view flag, const Complaint& complaint) {
  return fault(std::string(flag) + ": " + complaint.problem + "; " + complaint.remedy);
}

Result<relay::PoolOptions, Print> pool_of(const std::vector<std::string>& upstreams) {
  relay::PoolOptions pool;
  pool.name = "mcp";
  for (const std::string& written : upstreams) {
    auto address = upstream_address(written);
    if (!address) return std::unexpected(fault("--upstream", address.error()));
    if (std::ranges::find(pool.endpoints, *address, &upstream::EndpointOptions::address) !=
        pool.endpoints.end()) {
      return std::unexpected(
          fault("--upstream: " + in_quotes(written) + " is given twice; list each server once"));
    }
    pool.endpoints.push_back({.name = *address, .address = *address});
  }
  if (pool.endpoints.size() > kEndpointsMax) {
    return std::unexpected(fault("--upstream: there are more than 1024; use fewer"));
  }
  return pool;
}

Result<Options, Print> options_of(const Given& given) {
  Options options;
  if (!given.workers.empty()) {
    const auto workers = config::parse_workers(given.workers[0]);
    if (!workers) return std::unexpected(fault("--workers", workers.error()));
    options.workers = *workers;
  }
  const auto bind = listen_address(given.listen[0]);
  if (!bind) return std::unexpected(fault("--listen", bind.error()));
  if (!given.admin.empty()) {
    const auto admin = listen_address(given.admin[0]);
    if (!admin) return std::unexpected(fault("--admin", admin.error()));
    if (*admin == *bind && bind->port() != 0) {
      return std::unexpected(fault("--admin: " + in_quotes(given.admin[0]) +
                                   " is that of --listen; give another port"));
    }
    options.admin.bind = *admin;
  }
  auto pool = pool_of(given.upstream);
  if (!pool) return std::unexpected(std::move(pool.error()));
  relay::ListenerOptions& listener = options.listeners.emplace_back();
  listener.name = "mcp";
  listener.bind = *bind;
  listener.routes.push_back({.host = "", .path = "/", .pool = pool->name});
  options.pools.push_back(std::move(*pool));
  return options;
}

}  // namespace

CommandLine parse_command_line(std::span<const char* const> arguments, std::string_view version) {
  if (arguments.empty()) return Print{std::string(kUsage) + "Try: ringside --help\n", 2};
  if (std::string_view(arguments[0]) == "explain") return parse_explain(arguments.subspan(1));
  auto given = split(arguments);
  if (!given) return std::move(given.error());
  if (const std::string what = missing_value(*given); !what.empty()) return fault(what);
  if (!given->rest.empty()) return unknown(given->rest[0]);
  if (given->help) return Print{std::string(kUsage) + std::string(kHelp), 0};
  if (given->version) return Print{"ringside " + std::string(version) + "\n", 0};
  if (const std::string what = conflict(*given); !what.empty()) return fault(what);
  if (given->check) return Check{given->config[0]};
  if (!given->config.empty()) return Run{given->config[0], {}};
  auto options = options_of(*given);
  if (!options) return std::move(options.error());
  return Run{"", std::move(*options)};
}

}  // namespace ringside::app
