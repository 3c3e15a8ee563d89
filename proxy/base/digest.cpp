// SHA-256 by way of OpenSSL; reached once a session and once a logged exchange, never on the plain
// hot path.
#include "base/digest.h"

#include <openssl/evp.h>

#include <array>

namespace ringside {

std::uint64_t session_digest(std::string_view id) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  EVP_Digest(id.data(), id.size(), hash.data(), &size, EVP_sha256(), nullptr);
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < 8; ++i) first = (first << 8) | hash[i];
  return first;
}

std::string digest_text(std::uint64_t digest) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, digest >>= 4) {
    *digit = kHex[digest & 15U];
  }
  return text;
}

}  // namespace ringside
