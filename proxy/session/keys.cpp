// Checks keys and derives what each purpose uses.
#include "session/keys.h"

#include <string>

namespace ringside::session {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

HmacKey subkey(const HmacKey& secret, std::string_view purpose) {
  return HmacKey(as_text(secret.mac({purpose})));
}

}  // namespace

TagKey::TagKey(std::string_view secret)
    : tag(subkey(HmacKey(secret), "ringside session tag")),
      endpoint(subkey(HmacKey(secret), "ringside endpoint")),
      cookie(subkey(HmacKey(secret), "ringside cookie")) {}

Result<void> TagKeys::add(std::string_view text) {
  const std::string_view secret = trimmed(text);
  if (secret.empty()) return fail("the key is empty");
  if (secret.size() < kTagKeyMinBytes) {
    return fail("the key has " + std::to_string(secret.size()) + " bytes, at least " +
                std::to_string(kTagKeyMinBytes) + " are needed and 32 recommended");
  }
  if (secret.size() > kTagKeyMaxBytes) {
    return fail("the key has " + std::to_string(secret.size()) + " bytes, at most " +
                std::to_string(kTagKeyMaxBytes) + " are allowed");
  }
  if (keys_.size() == kTagKeysMax) {
    return fail("there are more than " + std::to_string(kTagKeysMax) + " keys");
  }
  keys_.emplace_back(secret);
  return {};
}

}  // namespace ringside::session
