// HMAC by way of OpenSSL's SHA-256, resumed after the block that the key fills.
#include "base/hmac.h"

// The direct functions, deprecated as they are: EVP costs 2 MiB of resident memory, and does not
// link statically on Debian 13.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

namespace ringside {
namespace {

constexpr std::size_t kBlockBytes = SHA256_CBLOCK;

Mac finish(SHA256_CTX& context) {
  Mac mac;
  SHA256_Final(mac.data(), &context);
  return mac;
}

// A context that has taken in the one block that `words` stand for.
SHA256_CTX resume(const std::array<std::uint32_t, 8>& words) {
  SHA256_CTX context;
  SHA256_Init(&context);
  std::ranges::copy(words, context.h);
  context.Nl = kBlockBytes * 8;  // the length so far, in bits
  return context;
}

}  // namespace

HmacKey::Words HmacKey::after_block(const std::array<unsigned char, 64>& block) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Transform(&context, block.data());
  Words words;
  std::ranges::copy(context.h, words.begin());
  return words;
}

HmacKey::HmacKey(std::string_view secret) : inner_(), outer_() {
  std::array<unsigned char, kBlockBytes> block{};
  if (secret.size() <= block.size()) {
    std::ranges::copy(secret, block.begin());
  } else {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, secret.data(), secret.size());
    std::ranges::copy(finish(context), block.begin());
  }
  for (unsigned char& byte : block) byte ^= 0x36U;
  inner_ = after_block(block);
  for (unsigned char& byte : block) byte ^= 0x36U ^ 0x5cU;
  outer_ = after_block(block);
}

Mac HmacKey::mac(std::initializer_list<std::string_view> parts) const {
  SHA256_CTX context = resume(inner_);
  for (const std::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
  const Mac inner = finish(context);
  context = resume(outer_);
  SHA256_Update(&context, inner.data(), inner.size());
  return finish(context);
}

bool equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ringside
