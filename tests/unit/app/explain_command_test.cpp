// `ringside explain`: what the flags ask for, what is printed of an answer, and when nobody
// answers.
#include "app/explain_command.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using namespace ringside;
using namespace ringside::app;

namespace {

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "explain");
  return parse_command_line(arguments, "1.2.3");
}

std::string fault_of(const std::vector<const char*>& arguments) {
  const CommandLine parsed = parse(arguments);
  const auto* print = std::get_if<Print>(&parsed);
  if (print == nullptr || print->exit_code != 2) return "no fault";
  return print->text.substr(0, print->text.find('\n'));
}

std::string target_of(const std::vector<const char*>& arguments) {
  const CommandLine parsed = parse(arguments);
  const auto* command = std::get_if<Explain>(&parsed);
  return command == nullptr ? "no command" : command->target;
}

}  // namespace

TEST_CASE("explain: flags become parameters, escaped, headers in their order") {
  CHECK(target_of({"--config", "a.yaml"}) == "/explain");
  CHECK(target_of({"--config", "a.yaml", "--header", "mcp-session-id: a+b&c", "--client",
                   "10.1.2.3", "--header=Host: \xc3\xa9", "--path", "/mcp?a=1"}) ==
        "/explain?header=mcp-session-id%3A%20a%2Bb%26c&header=Host%3A%20%C3%A9&client=10.1.2.3"
        "&path=%2Fmcp%3Fa%3D1");
  CHECK(target_of({"--config", "a.yaml", "--pool", "p", "--listener", "l", "--method", "GET"}) ==
        "/explain?listener=l&pool=p&method=GET");
}

TEST_CASE("explain: the file and --json are the command's own") {
  const CommandLine parsed = parse({"--json", "--config", "a.yaml"});
  REQUIRE(std::holds_alternative<Explain>(parsed));
  CHECK(std::get<Explain>(parsed).config_path == "a.yaml");
  CHECK(std::get<Explain>(parsed).json);
}

TEST_CASE("explain: --help prints and leaves with 0") {
  const CommandLine parsed = parse({"--help"});
  REQUIRE(std::holds_alternative<Print>(parsed));
  CHECK(std::get<Print>(parsed).exit_code == 0);
  CHECK(std::get<Print>(parsed).text.starts_with("usage: ringside explain --config FILE"));
}

TEST_CASE("explain: what is wrong with the flags is said") {
  CHECK(fault_of({}) == "ringside: --config is missing; it says where the running proxy is");
  CHECK(fault_of({"--config", "a", "--config", "b"}) ==
        "ringside: --config is given twice; keep one");
  CHECK(fault_of({"--config", "a", "--hedder", "b"}) ==
        "ringside: unknown flag \"--hedder\"; did you mean --header?");
  CHECK(fault_of({"--config", "a", "b"}) ==
        "ringside: unexpected argument \"b\"; every value follows a flag");
  CHECK(fault_of({"--config", "--json"}) == "ringside: --config has no value: a flag follows it");
  CHECK(fault_of({"--config", "a", "--client", ""}) == "ringside: --client is empty");
  CHECK(fault_of({"--config"}) != "no fault");
}

TEST_CASE("explain: an answer becomes lines") {
  CHECK(explanation_text(R"({"listener": "mcp", "pool": "p", "client": "10.0.0.1", "row": 3,
      "rule": "r", "picked_by": "ring", "session": "00ab", "bound": false, "owner": null,
      "endpoint": "a", "then": ["b", "c"], "why": "w", "refused": null})") ==
        "listener   mcp\npool       p\nclient     10.0.0.1\nrule       3: r\n"
        "picked by  ring\nsession    00ab, not bound here\nowner      -\nendpoint   a\n"
        "then       b, c\nwhy        w\n");
  CHECK(explanation_text(R"({"row": null, "rule": "r", "session": "00ab", "bound": true,
      "provisional": true, "endpoint": null, "then": [], "why": "w",
      "refused": {"status": 404, "error": "e", "message": "m"}})") ==
        "listener   -\npool       -\nclient     -\nrule       r\npicked by  -\n"
        "session    00ab, bound, provisionally\nowner      -\nrefused    404 e: m\nwhy        w\n");
}

TEST_CASE("explain: an answer of somebody else is none, and prints no control characters") {
  for (const char* json : {"", "{", "[]", "{}", "1", "{\"rule\": 1}", "\xff"}) {
    CHECK(explanation_text(json).empty());
  }
  const std::string odd = explanation_text(
      R"({"why": "a\u001b[31m\n", "bound": 1, "session": 2, "then": "x", "refused": 3})");
  CHECK(odd.find('\x1b') == std::string::npos);
  CHECK(odd.find("why        a\\x1b[31m\\x0a\n") != std::string::npos);
}

TEST_CASE("explain: without an admin listener to ask there is no answer") {
  const Explain command{"a.yaml", "/explain", false};
  Options options;
  CHECK(explain(command, options).exit_code == 1);
  CHECK(explain(command, options).text.find("a.yaml has no admin.bind") != std::string::npos);
  options.admin.bind = Address::parse("127.0.0.1:0");
  CHECK(explain(command, options).text.find("any free port") != std::string::npos);
  options.admin.bind = Address::parse("127.0.0.1:1");
  CHECK(explain(command, options).exit_code == 1);
  CHECK(explain(command, options).text.find("is the proxy running?") != std::string::npos);
}
