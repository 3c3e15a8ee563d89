// Base64url without padding (RFC 4648, 5): bytes as text that fits ids, cookies and URLs.
//
// Errors   Only the one canonical spelling is read back: a text whose last character has bits that
//          stand for nothing would be a second spelling of the same bytes, and is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringside {

constexpr std::size_t base64url_size(std::size_t bytes) { return (bytes * 8 + 5) / 6; }

// True when all of `text` is of the alphabet A-Z a-z 0-9 - _.
bool is_base64url(std::string_view text);

// Requires: text.size() == base64url_size(bytes.size()).
void encode_base64url(std::span<const std::uint8_t> bytes, std::span<char> text);

// False when `text` is not the canonical spelling of exactly bytes.size() bytes; `bytes` is then
// of no use.
bool decode_base64url(std::string_view text, std::span<std::uint8_t> bytes);

}  // namespace ringside
