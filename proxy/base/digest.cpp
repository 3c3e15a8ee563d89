// SHA-256 by way of OpenSSL; reached once a session and once a logged exchange, never on the plain
// hot path.
#include "base/digest.h"

// The direct functions, deprecated as they are: the EVP ones load a provider, which costs 2 MiB of
// resident memory, and bring most of libcrypto.a into the binary.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>

namespace ringside {

std::uint64_t session_digest(std::string_view id) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, id.data(), id.size());
  SHA256_Final(hash.data(), &context);
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
