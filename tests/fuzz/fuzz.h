// What the fuzz targets share: a check, and an input in pieces.
//
// Why      An input is the bytes that the program would read, and nothing else, so that a corpus
//          file can be read and written by hand. What a target must choose beside them (where to
//          cut, which byte to change) it draws from a generator seeded with their hash.
// Errors   A check that does not hold ends the process; libFuzzer keeps the input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "http/head.h"

namespace ringside::fuzz {

// `seen` is shown, so that a crash can be read without a debugger.
inline void check(bool holds, std::string_view what,
                  std::initializer_list<std::string_view> seen = {}) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  for (const std::string_view text : seen) {
    std::fputs("---- seen:\n", stderr);
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fputs("\n", stderr);
  }
  std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline Random random_for(std::string_view input) { return Random(hash64(input, 0)); }

inline void flip_a_bit(char& byte, Random& random) {
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.below(7)));
}

// Up to eight pieces; every fourth input byte by byte.
inline std::vector<std::string_view> pieces_of(std::string_view bytes, Random& random) {
  std::vector<std::size_t> cuts;
  if (random.below(4) == 0) {
    for (std::size_t at = 1; at < bytes.size(); ++at) cuts.push_back(at);
  } else {
    for (std::uint32_t left = random.below(8); left > 0; --left) {
      cuts.push_back(random.below(static_cast<std::uint32_t>(bytes.size()) + 1));
    }
    std::ranges::sort(cuts);
  }
  cuts.push_back(bytes.size());
  std::vector<std::string_view> pieces;
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    pieces.push_back(bytes.substr(from, cut - from));
    from = cut;
  }
  return pieces;
}

// Fields from lines of "name: value". Names have the visible bytes that the parser lets through;
// values have any, since rules should not depend on what else it refuses.
inline std::vector<http::Field> fields_of(std::string_view lines) {
  std::vector<http::Field> fields;
  while (!lines.empty() && fields.size() < 64) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    const std::string_view name = line.substr(0, colon);
    if (!std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; })) continue;
    fields.push_back({name, value, http::field_id(name)});
  }
  return fields;
}

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

inline std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

}  // namespace ringside::fuzz
