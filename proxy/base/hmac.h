// HMAC-SHA-256: proof that bytes come from someone who has the key.
//
// Why      Ids and cookies that name an endpoint pass through clients; only those that a proxy with
//          the same key wrote may be believed.
// Bounds   A key is 64 bytes, whatever the length of the secret. It is hashed once, here: a MAC of
//          up to 55 bytes then takes two compressions, and one more for each further 64.
// Threads  A key is immutable.
// Source   RFC 2104.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace ringside {

using Mac = std::array<std::uint8_t, 32>;

class HmacKey {
 public:
  explicit HmacKey(std::string_view secret);

  // Of the parts one after the other. What separates them is the caller's to add.
  Mac mac(std::initializer_list<std::string_view> parts) const;

 private:
  using Words = std::array<std::uint32_t, 8>;  // SHA-256 after one block
  static Words after_block(const std::array<unsigned char, 64>& block);

  Words inner_;
  Words outer_;
};

// Takes the same time wherever they differ. False when the lengths do.
bool equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

// Bytes as the text that mac() takes.
inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ringside
