// Six bits a character, most significant first.
#include "base/base64url.h"

#include <algorithm>
#include <array>

namespace ringside {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNone = 0xff;

constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

std::uint8_t value_of(char c) { return kValues[static_cast<unsigned char>(c)]; }

}  // namespace

bool is_base64url(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return value_of(c) != kNone; });
}

void encode_base64url(std::span<const std::uint8_t> bytes, std::span<char> text) {
  std::uint32_t bits = 0;  // the low `count` of them are not written yet
  unsigned count = 0;
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8U) | byte;
    for (count += 8; count >= 6;) text[at++] = kAlphabet[(bits >> (count -= 6)) & 63U];
  }
  if (count > 0) text[at] = kAlphabet[(bits << (6 - count)) & 63U];
}

bool decode_base64url(std::string_view text, std::span<std::uint8_t> bytes) {
  if (text.size() != base64url_size(bytes.size())) return false;
  std::uint32_t bits = 0;  // the low `count` of them are not read yet
  unsigned count = 0;
  std::size_t at = 0;
  for (const char c : text) {
    const std::uint8_t value = value_of(c);
    if (value == kNone) return false;
    bits = (bits << 6U) | value;
    count += 6;
    if (count >= 8) bytes[at++] = static_cast<std::uint8_t>(bits >> (count -= 8));
  }
  return (bits & ((1U << count) - 1)) == 0;
}

}  // namespace ringside
