// Whatever the bytes, the reader returns: with options, or with faults that have a place.
//
// Method   The examples, cut at every third byte, with bytes changed at random (a fixed seed), with
//          lines left out and doubled, and bytes that are nothing at all. A throw or a crash fails
//          the test; so does a fault without words.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "config/reader.h"

using namespace ringside;

namespace {

constexpr std::array<const char*, 3> kExamples{"sidecar.yaml", "standalone.yaml",
                                               "several-pools.yaml"};

std::string example_path(const std::string& name) {
  return RINGSIDE_SOURCE_DIR "/config/examples/" + name;
}

std::string example(const std::string& name) {
  std::ifstream stream(example_path(name));
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Comments make examples readable and mutations idle.
std::string without_comments(const std::string& yaml) {
  std::istringstream stream(yaml);
  std::string kept;
  for (std::string line; std::getline(stream, line);) {
    line = line.substr(0, line.find(" #"));
    if (!line.empty() && !line.starts_with('#')) kept += line + "\n";
  }
  return kept;
}

void survives(const std::string& yaml) {
  const auto options = config::read_text(yaml, "f.yaml");
  if (options) return;
  bool is_well_formed = !options.error().empty();
  for (const config::Fault& fault : options.error()) {
    is_well_formed = is_well_formed && fault.line >= 1 && fault.column >= 1 && !fault.key.empty() &&
                     !fault.problem.empty() && !fault.remedy.empty() &&
                     config::text(fault).find('\n') == std::string::npos;
  }
  if (!is_well_formed) FAIL("a fault without place or words, of: " << yaml);
}

}  // namespace

TEST_CASE("examples: each loads without a fault") {
  for (const char* name : kExamples) {
    INFO(name);
    const auto options = config::read_file(example_path(name));
    if (!options) FAIL(config::text(options.error().at(0)));
    CHECK_FALSE(options->listeners.empty());
    CHECK_FALSE(options->pools.empty());
  }
}

TEST_CASE("robustness: an example cut short is refused or read, never a crash") {
  for (const char* name : kExamples) {
    const std::string whole = without_comments(example(name));
    REQUIRE(config::read_text(whole, name).has_value());
    for (std::size_t length = 0; length < whole.size(); length += 3)
      survives(whole.substr(0, length));
  }
}

TEST_CASE("robustness: an example with changed bytes is refused or read, never a crash") {
  std::mt19937 random(1);  // NOLINT: the same bytes in every run
  constexpr std::string_view kSpecial = ":-{}[]&*!|>'\"%@`#,?\n\t \\~<0";
  for (const char* name : kExamples) {
    const std::string whole = without_comments(example(name));
    for (int round = 0; round < 400; ++round) {
      std::string changed = whole;
      for (int change = 0; change < 1 + round % 4; ++change) {
        char& byte = changed[random() % changed.size()];
        byte = round % 2 == 0 ? kSpecial[random() % kSpecial.size()]
                              : static_cast<char>(random() % 256);
      }
      survives(changed);
    }
  }
}

TEST_CASE(
    "robustness: an example with lines left out or doubled is refused or read, never a crash") {
  for (const char* name : kExamples) {
    std::vector<std::string> lines;
    std::istringstream stream(without_comments(example(name)));
    for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
    for (std::size_t chosen = 0; chosen < lines.size(); ++chosen) {
      std::string without;
      std::string doubled;
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i != chosen) without += lines[i];
        doubled += i == chosen ? lines[i] + lines[i] : lines[i];
      }
      survives(without);
      survives(doubled);
    }
  }
}

TEST_CASE("robustness: bytes that are nothing at all are refused") {
  std::mt19937 random(2);  // NOLINT: the same bytes in every run
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 256);
    survives(bytes);
  }
}

TEST_CASE("robustness: nesting, aliases and length are bounded") {
  CHECK_FALSE(config::read_text(std::string(100'000, '['), "f.yaml").has_value());
  CHECK_FALSE(config::read_text(std::string(2'000'000, ' '), "f.yaml").has_value());
  CHECK_FALSE(config::read_file("/dev/zero").has_value());

  std::string wide;
  for (int i = 0; i < 40'000; ++i) wide += "a" + std::to_string(i) + ": 1\n";
  const auto crowded = config::read_text(wide, "f.yaml");
  REQUIRE_FALSE(crowded.has_value());
  CHECK(crowded.error()[0].problem == "has 40000 entries");

  // Each line holds the line above ten times: ten to the ninth values, were they written out.
  std::string laughs = "a0: &a0 [x]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    laughs += "]\n";
  }
  const auto options = config::read_text(laughs, "f.yaml");
  REQUIRE_FALSE(options.has_value());
  CHECK(options.error().size() == 1);
  CHECK(options.error()[0].problem == "there are more than 100000 keys and values");

  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  const auto nested = config::read_text(deep, "f.yaml");
  REQUIRE_FALSE(nested.has_value());
  CHECK(nested.error()[0].problem == "values are nested too deeply");
}
