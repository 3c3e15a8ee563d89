// Byte by byte: nearly every host is short and plain.
#include "http/authority.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/address.h"

namespace ringside::http {
namespace {

constexpr std::array<bool, 256> name_bytes() {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 26; ++c) table['a' + c] = table['A' + c] = true;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (const char c : std::string_view("-._~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kNameBytes = name_bytes();

// What stands behind the host: nothing, or ":" and a port, which may be empty.
bool is_port(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() != ':') return false;
  std::uint32_t port = 0;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
    if (port > 65535) return false;
  }
  return true;
}

}  // namespace

bool is_authority(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view address = text.substr(1, end - 1);
    return address.find(':') != std::string_view::npos &&
           Address::parse_host(address).has_value() && is_port(text.substr(end + 1));
  }
  const auto* const end = std::find_if_not(
      text.begin(), text.end(), [](char c) { return kNameBytes[static_cast<unsigned char>(c)]; });
  if (end == text.begin()) return false;
  return is_port(text.substr(static_cast<std::size_t>(end - text.begin())));
}

}  // namespace ringside::http
