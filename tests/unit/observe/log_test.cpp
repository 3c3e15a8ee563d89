// The process log: the shape of its lines, and what a level keeps out.
#include "observe/log.h"

#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "observe/line.h"

using namespace ringside::observe;

namespace {

const WallTime kTime(std::chrono::milliseconds(1'795'395'106'123));

// What `act` writes to standard error; at most a pipe's buffer.
template <class Act>
std::string stderr_of(Act&& act) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  close(ends[1]);
  act();
  dup2(saved, STDERR_FILENO);  // the last writing end: the pipe ends here
  close(saved);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  return text;
}

}  // namespace

namespace {
std::string line_of(WallTime time, Level level, std::string_view message, LogFields fields,
                    Format format) {
  return log_line(time, level, message, {fields.begin(), fields.size()}, format);
}
}  // namespace

TEST_CASE("log: the ready line in text is exactly the documented one") {
  CHECK(
      line_of(kTime, Level::info, "ready",
              {{"mcp", "127.0.0.1:41234"}, {"admin", "127.0.0.1:41235"}, {"workers", "2"}},
              Format::text) ==
      "2026-11-23T00:51:46.123Z info ready mcp=127.0.0.1:41234 admin=127.0.0.1:41235 workers=2\n");
}

TEST_CASE("log: the ready line in JSON is exactly the documented one") {
  CHECK(line_of(kTime, Level::info, "ready", {{"mcp", "127.0.0.1:41234"}, {"workers", "2"}},
                Format::json) ==
        "{\"time\":\"2026-11-23T00:51:46.123Z\",\"level\":\"info\",\"message\":\"ready\","
        "\"mcp\":\"127.0.0.1:41234\",\"workers\":\"2\"}\n");
}

TEST_CASE("log: a message cannot break its line") {
  CHECK(line_of(kTime, Level::warn, "odd\nline", {}, Format::text) ==
        "2026-11-23T00:51:46.123Z warn odd\\nline\n");
  CHECK(line_of(kTime, Level::error, "say \"x\"", {}, Format::json) ==
        "{\"time\":\"2026-11-23T00:51:46.123Z\",\"level\":\"error\",\"message\":\"say "
        "\\\"x\\\"\"}\n");
}

TEST_CASE("log: a level keeps out what is below it and nothing else") {
  const Log log({.level = Level::warn});
  CHECK_FALSE(log.enabled(Level::debug));
  CHECK_FALSE(log.enabled(Level::info));
  CHECK(log.enabled(Level::warn));
  CHECK(log.enabled(Level::error));
}

TEST_CASE(
    "log: lines are on standard error when the call returns, braces and percent signs unharmed") {
  const std::string written = stderr_of([] {
    Log log({.level = Level::info});
    log.debug("unseen");
    log.info("shape {} %v %s", {{"key", "{0} %d"}});
    log.error("second");
  });
  CHECK(written.find("unseen") == std::string::npos);
  CHECK(written.find(" info shape {} %v %s key=\"{0} %d\"\n") == 24);
  CHECK(written.ends_with(" error second\n"));
}
