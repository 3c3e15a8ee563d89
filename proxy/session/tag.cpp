// Makes, signs and verifies tags.
#include "session/tag.h"

#include <algorithm>
#include <tuple>

#include "base/base64url.h"

namespace ringside::session {
namespace {

constexpr std::size_t kCodeBytes = std::tuple_size_v<decltype(EndpointCode::bytes)>;
constexpr std::size_t kMacBytes = 10;
constexpr std::size_t kSuffixSize = std::tuple_size_v<TagSuffix>;

using TagBytes = std::array<std::uint8_t, kCodeBytes + kMacBytes>;
static_assert(kSuffixSize == 1 + base64url_size(sizeof(TagBytes)));

// The code is of one length and comes last, so no two pairs of id and code are the same bytes.
Mac mac_of(const TagKey& key, std::string_view id, const EndpointCode& code) {
  return key.tag.mac({id, std::string_view("\0", 1), as_text(code.bytes)});
}

}  // namespace

EndpointCode code_of(const TagKey& key, std::string_view identity) {
  const Mac mac = key.endpoint.mac({identity});
  EndpointCode code;
  std::copy_n(mac.begin(), kCodeBytes, code.bytes.begin());
  return code;
}

EndpointCodes::EndpointCodes(const TagKeys& keys, std::span<const std::string_view> identities) {
  entries_.reserve(keys.size() * identities.size());
  first_.reserve(identities.size());
  for (std::size_t key = 0; key < keys.size(); ++key) {
    for (std::uint32_t endpoint = 0; endpoint < identities.size(); ++endpoint) {
      const EndpointCode code = code_of(keys[key], identities[endpoint]);
      entries_.push_back({code, endpoint});
      if (key == 0) first_.push_back(code);
    }
    std::sort(entries_.end() - static_cast<std::ptrdiff_t>(identities.size()), entries_.end());
  }
}

std::optional<std::size_t> EndpointCodes::find(const EndpointCode& code, std::size_t key) const {
  const std::size_t from = key * first_.size();
  if (from >= entries_.size()) return std::nullopt;
  const auto of_key = std::span(entries_).subspan(from, first_.size());
  const auto found = std::ranges::lower_bound(of_key, code, {}, &Entry::code);
  if (found == of_key.end() || found->code != code) return std::nullopt;
  return found->endpoint;
}

TagSuffix tag_suffix(const TagKeys& keys, std::string_view id, const EndpointCode& code) {
  const Mac mac = mac_of(keys[0], id, code);
  TagBytes bytes;
  const auto after_code = std::ranges::copy(code.bytes, bytes.begin()).out;
  std::copy_n(mac.begin(), kMacBytes, after_code);
  TagSuffix suffix;
  suffix[0] = '.';
  encode_base64url(bytes, std::span(suffix).subspan(1));
  return suffix;
}

std::string sign(const TagKeys& keys, std::string_view id, std::string_view identity) {
  const TagSuffix suffix = tag_suffix(keys, id, code_of(keys[0], identity));
  std::string outward;
  outward.reserve(id.size() + suffix.size());
  outward.append(id).append(suffix.data(), suffix.size());
  return outward;
}

TaggedId read_tag(const TagKeys& keys, std::string_view outward) {
  if (outward.size() < kSuffixSize) return {};
  const std::string_view id = outward.substr(0, outward.size() - kSuffixSize);
  const std::string_view suffix = outward.substr(id.size());
  if (suffix[0] != '.' || !is_base64url(suffix.substr(1))) return {};
  constexpr TaggedId kForged{.tag = Tag::forged};
  TagBytes bytes;
  if (!decode_base64url(suffix.substr(1), bytes)) return kForged;
  EndpointCode code;
  std::copy_n(bytes.begin(), kCodeBytes, code.bytes.begin());
  for (std::size_t key = 0; key < keys.size(); ++key) {
    const Mac mac = mac_of(keys[key], id, code);
    if (equal_in_constant_time(std::span(mac).first<kMacBytes>(),
                               std::span(bytes).last<kMacBytes>())) {
      return {.tag = Tag::valid, .id = id, .code = code, .key = key};
    }
  }
  return kForged;
}

}  // namespace ringside::session
