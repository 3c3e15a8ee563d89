// The access log: its lines, and that nothing is lost without being counted.
#include "observe/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

using namespace ringside;
using namespace ringside::observe;

namespace {

const std::chrono::system_clock::time_point kTime(std::chrono::milliseconds(1'795'395'106'123));

ExchangeRecord full_record() {
  return {.listener = "mcp",
          .client = *Address::parse("10.0.0.9:51000"),
          .method = "POST",
          .path = "/mcp",
          .status = 200,
          .pool = "burger",
          .endpoint = "pod-1",
          .picked_by = PickedBy::binding,
          .has_session = true,
          .session_digest = 0x0123456789abcdefU,
          .request_bytes = 120,
          .response_bytes = 4096,
          .us_route = 15,
          .us_connect = 0,
          .us_head = 2300,
          .us_total = 2400};
}

std::string line_of(const ExchangeRecord& record, Format format) {
  std::string line;
  append_line(line, record, kTime, format);
  return line;
}

// A folder that goes with the test.
struct Folder {
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path.data()); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return std::string(path.data()) + "/" + name; }
  std::array<char, 32> path{"/tmp/ringside-access-XXXXXX"};
};

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::unique_ptr<AccessLog> opened(const std::string& path) {
  auto log = AccessLog::open(path, Format::text);
  REQUIRE(log.has_value());
  return std::move(*log);
}

}  // namespace

TEST_CASE("access log: a text line has every key in its documented order") {
  CHECK(line_of(full_record(), Format::text) ==
        "time=2026-11-23T00:51:46.123Z listener=mcp client=10.0.0.9:51000 method=POST path=/mcp "
        "status=200 pool=burger endpoint=pod-1 picked_by=binding session=0123456789abcdef "
        "request_bytes=120 response_bytes=4096 us_route=15 us_connect=0 us_head=2300 us_total=2400 "
        "error_side=- error=-\n");
}

TEST_CASE("access log: in JSON numbers are numbers and absent texts are dashes") {
  CHECK(
      line_of({.client = *Address::parse_host("::1"),
               .status = 0,
               .error_side = ErrorSide::upstream,
               .error = "connect_refused"},
              Format::json) ==
      "{\"time\":\"2026-11-23T00:51:46.123Z\",\"listener\":\"-\",\"client\":\"::1\",\"method\":\"-"
      "\","
      "\"path\":\"-\",\"status\":0,\"pool\":\"-\",\"endpoint\":\"-\",\"picked_by\":\"-\","
      "\"session\":\"-\",\"request_bytes\":0,\"response_bytes\":0,\"us_route\":0,\"us_connect\":0,"
      "\"us_head\":0,\"us_total\":0,\"error_side\":\"upstream\",\"error\":\"connect_refused\"}\n");
}

TEST_CASE("access log: a query, which may carry a session id, never reaches a line") {
  ExchangeRecord record = full_record();
  record.path = "/messages?session_id=secret";
  CHECK(line_of(record, Format::text).find(" path=/messages status=") != std::string::npos);
  CHECK(line_of(record, Format::json).find("secret") == std::string::npos);
}

TEST_CASE("access log: a hostile path stays on its line and within bounds") {
  ExchangeRecord record = full_record();
  const std::string path = "/a\nstatus=500 \"\xff" + std::string(60'000, 'x');
  record.path = path;
  for (const Format format : {Format::text, Format::json}) {
    const std::string line = line_of(record, format);
    CHECK(lines_of(line) == 1);
    CHECK(line.size() < 2000);
  }
  CHECK(line_of(record, Format::text).find("path=\"/a\\nstatus=500 \\\"\\xff") !=
        std::string::npos);
}

TEST_CASE("access log: the destructor writes every line that was accepted, from several threads") {
  constexpr std::size_t kEach = 300;
  const Folder folder;
  const std::string path = folder.file("log");
  {
    const auto log = opened(path);
    const auto work = [&log] {
      for (std::size_t i = 0; i < kEach; ++i) log->write(full_record());
    };
    std::thread one(work);
    std::thread two(work);
    one.join();
    two.join();
    CHECK(log->dropped() == 0);
  }
  const std::string text = content_of(path);
  CHECK(lines_of(text) == 2 * kEach);
  CHECK(text.ends_with("error_side=- error=-\n"));
}

TEST_CASE("access log: an existing file is appended to, not truncated") {
  const Folder folder;
  const std::string path = folder.file("log");
  opened(path)->write(full_record());
  opened(path)->write(full_record());
  CHECK(lines_of(content_of(path)) == 2);
}

TEST_CASE("access log: a line reaches the file while the log is still open") {
  const Folder folder;
  const std::string path = folder.file("pipe");
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  const auto log = opened(path);
  REQUIRE(fcntl(reader, F_SETFL, 0) == 0);
  log->write(full_record());
  std::array<char, 1024> buffer{};
  const ssize_t size = read(reader, buffer.data(), buffer.size());  // blocks until the line comes
  CHECK(size > 0);
  close(reader);
}

TEST_CASE(
    "access log: with a reader that does not read, write() never waits and the loss is counted") {
  const Folder folder;
  const std::string path = folder.file("pipe");
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  auto log = opened(path);
  const std::size_t line_bytes = line_of(full_record(), Format::text).size();
  // The pipe and two buffers can hold less than this.
  const std::size_t count = 3 * kAccessLogBytes / line_bytes;
  for (std::size_t i = 0; i < count; ++i) log->write(full_record());
  CHECK(log->dropped() > 0);
  const auto start = std::chrono::steady_clock::now();
  log.reset();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  close(reader);
}

TEST_CASE("access log: lines that the disk refuses count as dropped") {
  auto log = AccessLog::open("/dev/full", Format::text);
  REQUIRE(log.has_value());
  (*log)->write(full_record());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while ((*log)->dropped() == 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK((*log)->dropped() == 1);
}

TEST_CASE("access log: a file that cannot be opened is an error that names it") {
  const auto log = AccessLog::open("/nonexistent/folder/log", Format::text);
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().code == ENOENT);
  CHECK(log.error().detail.find("/nonexistent/folder/log") != std::string::npos);
}
