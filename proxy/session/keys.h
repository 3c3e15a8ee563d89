// The secret keys that sign and verify what names an endpoint: tags in session ids, and cookies.
//
// Why      A key is used for three purposes, and what one made must never pass as another. So it is
//          never used itself: each purpose has a subkey, HMAC-SHA-256(key, name of the purpose).
// Bounds   kTagKeysMax keys, since a forged tag costs a MAC for each; 192 bytes a key. The secrets
//          themselves are not kept.
// Threads  Immutable once filled.
// Errors   A key that is too short or too long is refused in a sentence that names neither it nor
//          its file: the caller knows the file.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/hmac.h"
#include "base/result.h"
#include "session/options.h"

namespace ringside::session {

inline constexpr std::size_t kTagKeyMinBytes = 16;  // 32 are better: openssl rand -hex 32
inline constexpr std::size_t kTagKeyMaxBytes = 4096;

// One key: its subkeys.
struct TagKey {
  explicit TagKey(std::string_view secret);

  HmacKey tag;       // "ringside session tag": tag.h
  HmacKey endpoint;  // "ringside endpoint": the code that an endpoint goes by
  HmacKey cookie;    // "ringside cookie": cookie.h
};

// Keys in order: the first signs, all verify. To rotate, add the new key behind the others in every
// proxy, then move it to the front, then drop the old one when what it signed has lapsed.
class TagKeys {
 public:
  // Adds what a key file holds: one key, in any form, without the white space around it.
  Result<void> add(std::string_view text);

  bool empty() const { return keys_.empty(); }
  std::size_t size() const { return keys_.size(); }
  const TagKey& operator[](std::size_t index) const { return keys_[index]; }

 private:
  std::vector<TagKey> keys_;
};

}  // namespace ringside::session
