// docs/configuration.md says what the program does: a row for each key, and faults exactly as they
// are printed.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/reader.h"
#include "config/spec.h"

using namespace ringside;

namespace {

std::string document() {
  std::ifstream stream(RINGSIDE_SOURCE_DIR "/docs/configuration.md");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The row of a key, up to the prose.
std::string row_of(const config::KeyInfo& key) {
  const std::string begin = "| `" + key.path + "` | ";
  if (!key.supported) return begin;
  std::string words;
  for (const std::string& word : key.words) words += (words.empty() ? "" : ", ") + word;
  const std::string initial = key.required          ? "required"
                              : key.initial.empty() ? "-"
                                                    : "`" + key.initial + "`";
  const std::string range = key.range.empty() ? "-" : key.range;
  return begin + (words.empty() ? key.type : words) + " | " + initial + " | " + range + " | ";
}

// What stands between two marks, the first after `from`.
std::string between(const std::string& text, const std::string& first, const std::string& last,
                    std::size_t from) {
  const std::size_t begin = text.find(first, from);
  REQUIRE(begin != std::string::npos);
  const std::size_t start = begin + first.size();
  const std::size_t end = text.find(last, start);
  REQUIRE(end != std::string::npos);
  return text.substr(start, end - start);
}

}  // namespace

TEST_CASE(
    "documents: every key has a row with its type, default and range, and no other key has one") {
  const auto lines = lines_of(document());
  std::set<std::string> known;
  for (const config::KeyInfo& key : config::known_keys()) {
    known.insert("| `" + key.path + "` ");
    if (key.type == "mapping" && key.range.empty()) continue;  // its keys have rows
    const std::string row = row_of(key);
    INFO(row);
    int found = 0;
    for (const std::string& line : lines) found += line.starts_with(row) ? 1 : 0;
    CHECK(found == 1);
  }
  for (const std::string& line : lines) {
    if (!line.starts_with("| `")) continue;
    INFO(line);
    CHECK(known.contains(line.substr(0, line.find("` ") + 2)));
  }
}

TEST_CASE("documents: the faults of the faulty example are printed as the program prints them") {
  const std::string text = document();
  const std::size_t faults = text.find("## Faults");
  REQUIRE(faults != std::string::npos);
  const std::string example = between(text, "```yaml\n", "```", faults);
  const std::string expected = between(text, "```text\n", "```", faults);
  const auto options = config::read_text(example, "ringside.yaml");
  REQUIRE_FALSE(options.has_value());
  std::string printed;
  for (const auto& fault : options.error()) printed += config::text(fault) + "\n";
  CHECK(printed == expected);
}

TEST_CASE("documents: the smallest useful file has no fault") {
  const std::string example = between(document(), "```yaml\n", "```", 0);
  CHECK(config::read_text(example, "ringside.yaml").has_value());
}
