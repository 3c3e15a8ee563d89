// The configuration.
//
// Input      A file.
// Invariants Nothing is thrown. A fault has a place in the file and words on one line. What is
//            taken has listeners with a place and pools with a name.
#include "config/reader.h"

#include "fuzz.h"

namespace ringside::fuzz {
namespace {

bool is_one_line(std::string_view text) { return !text.empty() && text.find('\n') == text.npos; }

// yaml-cpp also reads UTF-16, and counts columns in bytes of UTF-8.
int columns_of(std::string_view text) { return 3 * static_cast<int>(text.size()) + 2; }

// A line ends with LF, CR or CRLF; a fault may stand behind the last.
int lines_of(std::string_view text) {
  const auto ends = std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return static_cast<int>(ends) + 2;
}

void check_faults(std::string_view input, const std::vector<config::Fault>& faults) {
  check(!faults.empty() && faults.size() <= 101, "faults, but not without end", {input});
  const int lines = lines_of(input);
  for (const config::Fault& fault : faults) {
    const std::string text = config::text(fault);
    check(fault.line >= 1 && fault.line <= lines && fault.column >= 1 &&
              fault.column <= columns_of(input),
          "a fault has its place in the file", {input, text});
    check(is_one_line(fault.key) && is_one_line(fault.problem) && is_one_line(fault.remedy),
          "a fault has words, on one line", {input, text});
  }
}

void check_options(std::string_view input, const app::Options& options) {
  for (const auto& listener : options.listeners) {
    check(!listener.name.empty() && !listener.bind.empty(), "a listener has name and place",
          {input});
  }
  for (const auto& pool : options.pools) {
    check(!pool.name.empty(), "a pool has a name", {input});
  }
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside;
  using namespace ringside::fuzz;
  const std::string_view input = as_text(data, size);
  const auto options = config::read_text(input, "f.yaml");
  if (options) {
    check_options(input, *options);
  } else {
    check_faults(input, options.error());
  }
  return 0;
}
