// What fuzzing has found stays found where no fuzzer is built: each input of its corpora, cut at
// every byte, is read as it is whole.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "record.h"

namespace ringside::http {
namespace {

struct Input {
  std::string name;
  std::string bytes;
};

std::vector<Input> corpus(const std::string& name) {
  std::vector<Input> inputs;
  for (const auto& file :
       std::filesystem::directory_iterator(RINGSIDE_SOURCE_DIR "/tests/fuzz/corpus/" + name)) {
    std::ifstream stream(file.path(), std::ios::binary);
    inputs.push_back(
        {file.path().filename().string(), std::string(std::istreambuf_iterator<char>(stream), {})});
  }
  const bool has_crashes = std::ranges::any_of(
      inputs, [](const Input& input) { return input.name.starts_with("crash-"); });
  REQUIRE(has_crashes);
  return inputs;
}

std::string byte_by_byte(bool requests, Method answered, std::string_view bytes) {
  Feeder feeder(requests, answered);
  for (const char& byte : bytes) feeder.feed({&byte, 1});
  if (!requests) feeder.close();
  return feeder.text();
}

// Less the kind of a fault at its end, which depends on how much of the message was there.
std::string without_kind(const std::string& text) {
  const std::size_t end = text.find_last_not_of("0123456789 ") + 1;
  return text.substr(0, end).ends_with("fault") ? text.substr(0, end) : text;
}

// For people: no byte that a terminal would obey.
std::string shown(std::string text) {
  std::ranges::replace_if(text, [](char c) { return (c < ' ' && c != '\n') || c > '~'; }, '?');
  return text;
}

TEST_CASE("corpus: every request of the fuzzer reads alike, whole and byte by byte") {
  for (const Input& input : corpus("request")) {
    const std::string whole = without_kind(requests_in({input.bytes}));
    const std::string cut = without_kind(byte_by_byte(true, Method::post, input.bytes));
    INFO(input.name << ":\n" << shown(whole) << "\n---- cut:\n" << shown(cut));
    // a line without a version is refused where a read ends; one that goes on may tell later
    const bool is_told_sooner = cut.starts_with(whole) && cut.ends_with("fault");
    CHECK((cut == whole || is_told_sooner));
  }
}

TEST_CASE("corpus: every response of the fuzzer reads alike, whole and byte by byte") {
  for (const Input& input : corpus("response")) {
    for (const Method answered : {Method::get, Method::head}) {
      const std::string whole = without_kind(responses_in({input.bytes}, answered, true));
      const std::string cut = without_kind(byte_by_byte(false, answered, input.bytes));
      INFO(input.name << ":\n" << shown(whole) << "\n---- cut:\n" << shown(cut));
      // as above; whole it is cut off by the end
      const std::size_t end = whole.rfind("cut off");
      const bool is_told_sooner = end != whole.npos && cut.starts_with(whole.substr(0, end)) &&
                                  std::string_view(cut).substr(end).starts_with("fault");
      CHECK((cut == whole || is_told_sooner));
    }
  }
}

}  // namespace
}  // namespace ringside::http
