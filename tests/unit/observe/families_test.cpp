// The metrics of the proxy as a scraper sees them.
#include "observe/families.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "exposition_check.h"

using namespace ringside::observe;

namespace {

// Every family with one series at least, labels as the relay uses them.
void count_everything(Registry& registry) {
  registry
      .cell(family::kRequests, {{"listener", "mcp"},
                                {"pool", "p"},
                                {"endpoint", "pod-0"},
                                {"picked_by", "binding"},
                                {"code", "200"}})
      .add();
  registry.cell(family::kRequestErrors,
                {{"listener", "mcp"}, {"pool", "p"}, {"side", "upstream"}, {"error", "reset"}});
  for (const auto name : {family::kConnectionsTotal, family::kConnectionsRefused,
                          family::kRequestBodyBytes, family::kResponseBodyBytes}) {
    registry.cell(name, {{"listener", "mcp"}}).add();
  }
  registry.gauge(family::kConnections, {{"listener", "mcp"}}, [] { return 3; });
  registry.cell(family::kSessionsLost, {{"pool", "p"}, {"cause", cause::kOwnerGone}});
  registry.cell(family::kSessionRequests, {{"pool", "p"}, {"outcome", outcome::kBound}});
  for (const auto name : {family::kSessionsLearned, family::kSessionsEvicted,
                          family::kSessionsUnbound, family::kSessionConflicts}) {
    registry.cell(name, {{"pool", "p"}});
  }
  for (const auto name : {family::kSessions, family::kStreams, family::kUpstreamConnections,
                          family::kEndpointRefusing}) {
    registry.gauge(name, {{"pool", "p"}, {"endpoint", "pod-0"}}, [] { return 1; });
  }
  registry.cell(family::kUpstreamConnects,
                {{"pool", "p"}, {"endpoint", "pod-0"}, {"result", connect_result::kOk}});
  registry.counter(family::kAccessLogDropped, {}, [] { return 0U; });
}

std::string full_text() {
  Registry registry;
  declare_families(registry, "0.1.0-test");
  count_everything(registry);
  return registry.text();
}

double value_of(const std::string& text, const std::string& series) {
  const std::size_t at = text.find("\n" + series + " ");
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + series.size() + 2, nullptr);
}

}  // namespace

TEST_CASE("families: the text of all metrics is well-formed") {
  const auto fault = test::exposition_fault(full_text());
  INFO(fault.value_or(""));
  CHECK_FALSE(fault);
}

TEST_CASE("families: promtool finds no fault with the text, where it is installed") {
  if (std::system("promtool --version >/dev/null 2>&1") != 0) SKIP("promtool is not installed");
  std::array<char, 32> path{"/tmp/ringside-metrics-XXXXXX"};
  const int fd = mkstemp(path.data());
  REQUIRE(fd >= 0);
  std::ofstream(path.data()) << full_text();
  const std::string command = std::string("promtool check metrics <") + path.data() + " 2>&1";
  FILE* const output = popen(command.c_str(), "r");
  REQUIRE(output != nullptr);
  std::string said;
  for (int c = 0; (c = std::fgetc(output)) != EOF;) said += static_cast<char>(c);
  const int status = pclose(output);
  std::remove(path.data());
  INFO(said);
  CHECK(status == 0);
  CHECK(said.empty());
}

TEST_CASE("families: the process tells its version, start, memory and descriptors") {
  const std::string text = full_text();
  CHECK(value_of(text, "ringside_build_info{version=\"0.1.0-test\"}") == 1);
  CHECK(value_of(text, "process_start_time_seconds") > 1.7e9);
  CHECK(value_of(text, "process_resident_memory_bytes") > 1e6);
  CHECK(value_of(text, "process_open_fds") >= 3);
  CHECK(value_of(text, "process_max_fds") >= value_of(text, "process_open_fds"));
}

TEST_CASE("families: docs/operations.md explains every metric") {
  std::ifstream file(std::string(RINGSIDE_SOURCE_DIR) + "/docs/operations.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  const std::string text = full_text();
  constexpr std::string_view kMark = "# TYPE ";
  std::size_t metrics = 0;
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string::npos; ++metrics) {
    at += kMark.size();
    const std::string name = "`" + text.substr(at, text.find(' ', at) - at) + "`";
    INFO(name);
    CHECK(document.find(name) != std::string::npos);
  }
  CHECK(metrics > 20);
}
