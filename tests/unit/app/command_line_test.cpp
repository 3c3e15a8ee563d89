// What the flags ask for, and what is said when they ask for nothing sensible.
#include "app/command_line.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using namespace ringside;
using namespace ringside::app;

namespace {

CommandLine parse(const std::vector<const char*>& arguments) {
  return parse_command_line(arguments, "1.2.3");
}

std::string fault_of(const std::vector<const char*>& arguments) {
  const CommandLine parsed = parse(arguments);
  const auto* print = std::get_if<Print>(&parsed);
  if (print == nullptr || print->exit_code != 2) return "no fault";
  return print->text.substr(0, print->text.find('\n'));
}

}  // namespace

TEST_CASE("command line: --config runs on that file") {
  for (const auto& arguments :
       {std::vector{"--config", "a.yaml"}, std::vector{"--config=a.yaml"}}) {
    const CommandLine parsed = parse(arguments);
    REQUIRE(std::holds_alternative<Run>(parsed));
    CHECK(std::get<Run>(parsed).config_path == "a.yaml");
  }
}

TEST_CASE("command line: --check checks the file, wherever it stands") {
  for (const auto& arguments : {std::vector{"--check", "--config", "a.yaml"},
                                std::vector{"--config", "a.yaml", "--check"}}) {
    const CommandLine parsed = parse(arguments);
    REQUIRE(std::holds_alternative<Check>(parsed));
    CHECK(std::get<Check>(parsed).config_path == "a.yaml");
  }
}

TEST_CASE("command line: without a file there is one listener and one pool, both called mcp") {
  const CommandLine parsed =
      parse({"--listen", "127.0.0.1:8080", "--upstream", "10.0.0.1:80", "--upstream=Pod:81",
             "--admin", "localhost:0", "--workers", "2"});
  REQUIRE(std::holds_alternative<Run>(parsed));
  const Run& run = std::get<Run>(parsed);
  CHECK(run.config_path.empty());
  CHECK(run.options.workers == 2);
  CHECK(run.options.admin.bind.value().text() == "127.0.0.1:0");
  REQUIRE(run.options.listeners.size() == 1);
  CHECK(run.options.listeners[0].name == "mcp");
  CHECK(run.options.listeners[0].bind.text() == "127.0.0.1:8080");
  REQUIRE(run.options.listeners[0].routes.size() == 1);
  CHECK(run.options.listeners[0].routes[0].path == "/");
  CHECK(run.options.listeners[0].routes[0].pool == "mcp");
  REQUIRE(run.options.pools.size() == 1);
  CHECK(run.options.pools[0].name == "mcp");
  REQUIRE(run.options.pools[0].endpoints.size() == 2);
  CHECK(run.options.pools[0].endpoints[0].address == "10.0.0.1:80");
  CHECK(run.options.pools[0].endpoints[1].name == "pod:81");
  CHECK(run.options.pools[0].affinity.mode == session::Mode::learn);
}

TEST_CASE("command line: the admin listener is off and workers are auto when nothing is said") {
  const CommandLine parsed = parse({"--listen", "[::1]:0", "--upstream", "[::1]:80"});
  REQUIRE(std::holds_alternative<Run>(parsed));
  CHECK_FALSE(std::get<Run>(parsed).options.admin.bind.has_value());
  CHECK(std::get<Run>(parsed).options.workers == 0);
}

TEST_CASE("command line: --version and --help print and leave with 0") {
  const CommandLine version = parse({"--version"});
  REQUIRE(std::holds_alternative<Print>(version));
  CHECK(std::get<Print>(version).text == "ringside 1.2.3\n");
  CHECK(std::get<Print>(version).exit_code == 0);
  const CommandLine help = parse({"--config", "a.yaml", "--help"});
  REQUIRE(std::holds_alternative<Print>(help));
  CHECK(std::get<Print>(help).exit_code == 0);
}

TEST_CASE("command line: help names every flag, the admin paths and the signals") {
  const std::string help = std::get<Print>(parse({"--help"})).text;
  for (const char* word : {"--config FILE", "--check", "--listen HOST:PORT", "--upstream HOST:PORT",
                           "--admin HOST:PORT", "--workers N", "--version", "--help", "/healthz",
                           "/readyz", "/metrics", "SIGTERM"}) {
    INFO(word);
    CHECK(help.find(word) != std::string::npos);
  }
}

TEST_CASE("command line: an unknown flag is told the nearest known one") {
  CHECK(fault_of({"--lisen", "127.0.0.1:0"}) ==
        "ringside: unknown flag \"--lisen\"; did you mean --listen?");
  CHECK(fault_of({"--conf=a.yaml"}) == "ringside: unknown flag \"--conf\"; did you mean --config?");
  CHECK(fault_of({"--config", "a", "--chekc"}) ==
        "ringside: unknown flag \"--chekc\"; did you mean --check?");
  CHECK(fault_of({"a.yaml"}) ==
        "ringside: unexpected argument \"a.yaml\"; every value follows a flag");
  CHECK(fault_of({"--upstream", "a:1", "b:2"}) ==
        "ringside: unexpected argument \"b:2\"; every value follows a flag");
}

TEST_CASE("command line: nothing at all prints the usage and leaves with 2") {
  const CommandLine parsed = parse({});
  REQUIRE(std::holds_alternative<Print>(parsed));
  CHECK(std::get<Print>(parsed).exit_code == 2);
  CHECK(std::get<Print>(parsed).text.starts_with("usage: ringside --config FILE"));
}

TEST_CASE("command line: flags that do not go together are refused") {
  CHECK(fault_of({"--config", "a", "--listen", "127.0.0.1:0"}) ==
        "ringside: --config stands beside --listen, --upstream, --admin or --workers; set these in "
        "the file");
  CHECK(fault_of({"--config", "a", "--workers", "1"})
            .starts_with("ringside: --config stands beside"));
  CHECK(fault_of({"--check"}) == "ringside: --check has no file to check; add --config FILE");
  CHECK(fault_of({"--check", "--listen", "127.0.0.1:0"}) ==
        "ringside: --check has no file to check; add --config FILE");
  CHECK(fault_of({"--listen", "127.0.0.1:0"}) ==
        "ringside: --upstream is missing; add --upstream HOST:PORT");
  CHECK(fault_of({"--upstream", "a:1"}) ==
        "ringside: --listen is missing; add --listen 127.0.0.1:8080");
  CHECK(fault_of({"--config", "a", "--config", "b"}) ==
        "ringside: --config is given twice; one file is read");
  CHECK(fault_of({"--config", ""}) == "ringside: --config names no file; give its path");
}

TEST_CASE("command line: a flag without its value is named") {
  CHECK(fault_of({"--config"}) == "ringside: --config has no value");
  CHECK(fault_of({"--config", "--check"}) == "ringside: --config has no value: a flag follows it");
  CHECK(fault_of({"--listen", "--upstream", "a:1"}).starts_with("ringside: --listen has no value"));
  CHECK(fault_of({"--check=yes", "--config", "a"}) == "ringside: --check takes no value");
}

TEST_CASE("command line: values are held to the same forms as in the file") {
  const auto with = [](const char* listen, const char* upstream, const char* workers) {
    return fault_of({"--listen", listen, "--upstream", upstream, "--workers", workers});
  };
  CHECK(with("example.com:80", "a:1", "1") ==
        "ringside: --listen: \"example.com:80\" has no IP address; names are not looked up here; "
        "write 127.0.0.1:8080 (or "
        "0.0.0.0:8080 for every interface)");
  CHECK(with("127.0.0.1:0", "http://a:1", "1") ==
        "ringside: --upstream: \"http://a:1\" is no HOST:PORT; leave the scheme and the path out, "
        "such as 10.0.1.5:3000");
  CHECK(with("127.0.0.1:0", "a:1", "257") ==
        "ringside: --workers: 257 is outside 1..256; stay within it, or write auto (the usable "
        "CPUs, at most 4)");
  CHECK(fault_of({"--listen", "127.0.0.1:0", "--upstream", "A:1", "--upstream", "a:1"}) ==
        "ringside: --upstream: \"a:1\" is given twice; list each server once");
  CHECK(fault_of({"--listen", "127.0.0.1:80", "--upstream", "a:1", "--admin", "localhost:80"}) ==
        "ringside: --admin: \"localhost:80\" is that of --listen; give another port");
}
