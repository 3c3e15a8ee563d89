// The table of failures: its words, its document, and the answers made from it.
#include "relay/failure.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace ringside::relay {
namespace {

std::vector<FailureRow> rows() {
  std::vector<FailureRow> rows;
  for (unsigned i = 1; i <= static_cast<unsigned>(Failure::stream_timeout); ++i) {
    rows.push_back(row_of(static_cast<Failure>(i)));
  }
  return rows;
}

std::vector<std::string> lines_of_document() {
  std::ifstream stream(RINGSIDE_SOURCE_DIR "/docs/reasons.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string written(Failure failure, const ReplyShape& shape) {
  std::string out;
  write_failure(out, failure, shape);
  return out;
}

TEST_CASE("failures: docs/reasons.md has each row once, and no other") {
  const auto lines = lines_of_document();
  std::set<std::string> words;
  for (const FailureRow& row : rows()) {
    words.insert(std::string(row.word));
    const std::string status = row.status == 0 ? "-" : std::to_string(row.status);
    const std::string begin = "| `" + std::string(row.word) + "` | " + status + " | " +
                              std::string(observe::text(row.side)) + " | ";
    INFO(begin);
    int found = 0;
    for (const std::string& line : lines) found += line.starts_with(begin) ? 1 : 0;
    CHECK(found == 1);
  }
  for (const std::string& line : lines) {
    if (!line.starts_with("| `")) continue;
    INFO(line);
    CHECK(words.contains(line.substr(3, line.find('`', 3) - 3)));
  }
}

TEST_CASE("failures: words differ, and what is answered needs no escaping") {
  std::set<std::string_view> words;
  for (const FailureRow& row : rows()) {
    INFO(row.word);
    CHECK(words.insert(row.word).second);
    CHECK(row.word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK((row.status == 0) == row.message.empty());
    CHECK(row.message.find_first_of("\"\\\n") == std::string_view::npos);
    const bool may_come_again = row.status == 503 || row.status == 429;
    CHECK(row.retry_after == may_come_again);
  }
}

TEST_CASE("failures: every fault of a parser has a row of its own") {
  std::set<Failure> failures;
  for (unsigned i = 0; i <= static_cast<unsigned>(http::ParseFault::switching_protocols); ++i) {
    const Failure failure = failure_of(static_cast<http::ParseFault>(i));
    const bool is_general = failure == Failure::bad_request;
    CHECK((is_general || failures.insert(failure).second));
    CHECK(row_of(failure).side == observe::ErrorSide::client);
  }
}

TEST_CASE("failures: the answer is a JSON-RPC error, or its sentence") {
  const std::string json = written(Failure::bad_length, {});
  CHECK(json.starts_with("HTTP/1.1 400 Bad Request\r\nserver: ringside\r\n"));
  CHECK(json.find("\r\ncontent-type: application/json\r\n") != std::string::npos);
  CHECK(json.find("\r\nconnection: close\r\n") != std::string::npos);
  CHECK(json.ends_with(R"("error":{"code":-32000,"message":"Bad Request: Content-Length must occur)"
                       R"( once, as a decimal number below 2^64"}})"));
  const std::string text = written(Failure::no_endpoint, {.close = false, .form = BodyForm::text});
  CHECK(text.find("\r\ncontent-type: text/plain\r\n") != std::string::npos);
  CHECK(text.find("\r\nretry-after: 1\r\n") != std::string::npos);
  CHECK(text.find("connection:") == std::string::npos);
  CHECK(text.ends_with("\r\n\r\nService Unavailable: no server accepts connections, try again\n"));
  const std::string denied =
      written(Failure::handshake_unauthorized, {.fields = "a: 1\r\nb: 2\r\n"});
  CHECK(denied.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
  CHECK(denied.find("\r\na: 1\r\nb: 2\r\n\r\n{") != std::string::npos);
  CHECK(written(Failure::bad_length, {.head_request = true}).ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace ringside::relay
