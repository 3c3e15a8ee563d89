// docs/configuration.md says what the program does: a row for each key, and faults exactly as they
// are printed. The limits of docs/security.md have the defaults of their keys.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/reader.h"
#include "config/spec.h"

using namespace ringside;

namespace {

std::string document(const std::string& name = "configuration.md") {
  std::ifstream stream(RINGSIDE_SOURCE_DIR "/docs/" + name);
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
  std::string begin = "| `" + key.path + "` | ";
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

// A default as the table of limits writes it: "64KiB" is "64 KiB", "10000" is "10,000".
std::string in_words(const std::string& initial) {
  const std::size_t digits = std::min(initial.find_first_not_of("0123456789"), initial.size());
  std::string number = initial.substr(0, digits);
  if (number == "0") return "none";
  if (number.size() > 4) number.insert(number.size() - 3, ",");
  const std::string unit = initial.substr(digits);
  if (unit.empty() || unit == "%") return number + unit;
  return number + " " + (unit == "m" ? "min" : unit);
}

// Rows whose default is more than that of one key: what the cell says, with {} for each default.
struct Said {
  std::string cell;
  std::vector<std::string> paths;
};
const std::map<std::string, Said> kSaidOtherwise{
    {"`limits.body_rate`", {"{}/s over 10 s", {"limits.body_rate"}}},
    {"`affinity.search.*`",
     {"{} a second for a client, {} of requests in all",
      {"pools.*.affinity.search.per_client", "pools.*.affinity.search.share"}}},
    {"pool's `limits.connections`", {"{}", {"pools.*.limits.connections"}}},
    {"pool's `limits.queue`, `queue_timeout`",
     {"{}, {}", {"pools.*.limits.queue", "pools.*.limits.queue_timeout"}}},
    {"pool's `timeouts`",
     {"connect {}, head {}, within an answer {}",
      {"pools.*.timeouts.connect", "pools.*.timeouts.response_head",
       "pools.*.timeouts.stream_idle"}}},
};

// "`timeouts.keep_alive`" is the one key that ends so, of the file or a listener before a pool.
Said said_of(const std::string& key, const std::map<std::string, std::string>& defaults) {
  if (const auto found = kSaidOtherwise.find(key); found != kSaidOtherwise.end()) {
    return found->second;
  }
  REQUIRE((key.size() > 2 && key.front() == '`' && key.back() == '`'));
  const std::string name = key.substr(1, key.size() - 2);
  for (const std::string at : {"", "listeners[].", "pools.*."}) {
    if (defaults.contains(at + name)) return {"{}", {at + name}};
  }
  FAIL("no such key: " << name);
  return {};
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  for (std::size_t at = 2, end = 0; (end = row.find(" |", at)) != row.npos; at = end + 3) {
    cells.push_back(row.substr(at, end - at));
  }
  return cells;
}

}  // namespace

TEST_CASE("documents: the limits of security.md are all limits, with the defaults they have") {
  std::map<std::string, std::string> defaults;
  for (const config::KeyInfo& key : config::known_keys()) defaults[key.path] = key.initial;
  std::set<std::string> shown;
  const std::string head = "| What | Key | Default | Past it | Why so |\n|---|---|---|---|---|\n";
  for (const std::string& row : lines_of(between(document("security.md"), head, "\n\n", 0))) {
    INFO(row);
    const std::vector<std::string> cells = cells_of(row);
    REQUIRE(cells.size() == 5);
    auto [expected, paths] = said_of(cells[1], defaults);
    for (const std::string& path : paths) {
      REQUIRE(defaults.contains(path));
      expected.replace(expected.find("{}"), 2, in_words(defaults[path]));
      CHECK(shown.insert(path).second);
    }
    CHECK(cells[2] == expected);
  }
  for (const auto& [path, initial] : defaults) {
    const bool is_limit = path.starts_with("limits.") || path.starts_with("pools.*.limits.") ||
                          path.starts_with("listeners[].timeouts.");
    INFO(path);
    CHECK((!is_limit || shown.contains(path)));
  }
}

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
