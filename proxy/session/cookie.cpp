// Reads Cookie fields and writes Set-Cookie.
#include "session/cookie.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

#include "base/base64url.h"

namespace ringside::session {
namespace {

constexpr std::size_t kCodeBytes = std::tuple_size_v<decltype(EndpointCode::bytes)>;
constexpr std::size_t kExpiryBytes = 4;
constexpr std::size_t kMacBytes = 10;
constexpr std::size_t kSignedBytes = kCodeBytes + kExpiryBytes;
constexpr sys_seconds kEpoch =
    std::chrono::sys_days(std::chrono::January / 1 / 2020);  // 32 bits last until 2156

using CookieBytes = std::array<std::uint8_t, kSignedBytes + kMacBytes>;
using CookieText = std::array<char, base64url_size(sizeof(CookieBytes))>;
static_assert(sizeof(CookieText) == 27);

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Takes the pair before the first ";" off the front of `rest`.
std::string_view take_pair(std::string_view& rest) {
  const std::size_t end = rest.find(';');
  const std::string_view pair = trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return pair;
}

// The value of a pair of that name.
std::optional<std::string_view> value_of(std::string_view pair, std::string_view name) {
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) return {};
  return trimmed(pair.substr(equals + 1));
}

Mac mac_of(const TagKey& key, const CookieBytes& bytes) {
  return key.cookie.mac({as_text(std::span(bytes).first<kSignedBytes>())});
}

std::optional<std::size_t> verifying_key(const TagKeys& keys, const CookieBytes& bytes) {
  for (std::size_t key = 0; key < keys.size(); ++key) {
    const Mac mac = mac_of(keys[key], bytes);
    if (equal_in_constant_time(std::span(mac).first<kMacBytes>(),
                               std::span(bytes).last<kMacBytes>())) {
      return key;
    }
  }
  return std::nullopt;
}

std::uint32_t expiry_of(sys_seconds lapses) {
  const auto since = (lapses - kEpoch).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(since, 0, UINT32_MAX));
}

CookieText cookie_text(const TagKey& key, const EndpointCode& code, std::uint32_t expiry) {
  CookieBytes bytes;
  auto* next = std::ranges::copy(code.bytes, bytes.begin()).out;
  for (unsigned shift = 32; shift > 0;) {
    *next++ = static_cast<std::uint8_t>(expiry >> (shift -= 8));
  }
  const Mac mac = mac_of(key, bytes);
  std::copy_n(mac.begin(), kMacBytes, next);
  CookieText text;
  encode_base64url(bytes, text);
  return text;
}

}  // namespace

std::optional<std::string_view> find_cookie(const http::RequestHead& head, std::string_view name) {
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::cookie) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      if (const auto value = value_of(take_pair(rest), name)) return value;
    }
  }
  return std::nullopt;
}

CookieRead read_cookie(const TagKeys& keys, const http::RequestHead& head, std::string_view name,
                       sys_seconds now) {
  const auto value = find_cookie(head, name);
  if (!value) return {};
  constexpr CookieRead kInvalid{.state = CookieState::invalid};
  CookieBytes bytes;
  if (!decode_base64url(*value, bytes)) return kInvalid;
  const auto key = verifying_key(keys, bytes);
  if (!key) return kInvalid;
  std::uint32_t expiry = 0;
  for (const std::uint8_t byte : std::span(bytes).subspan<kCodeBytes, kExpiryBytes>()) {
    expiry = (expiry << 8U) | byte;
  }
  const seconds left = kEpoch + seconds(expiry) - now;
  if (left <= seconds(0)) return {.state = CookieState::expired};
  CookieRead read{.state = CookieState::valid, .key = *key, .left = left};
  std::copy_n(bytes.begin(), kCodeBytes, read.code.bytes.begin());
  return read;
}

std::string set_cookie(const TagKeys& keys, const EndpointCode& code, const CookieOptions& options,
                       bool over_tls, sys_seconds now) {
  const seconds life = std::max(std::chrono::floor<seconds>(options.ttl), seconds(1));
  const CookieText text = cookie_text(keys[0], code, expiry_of(now + life));
  std::string field = options.name;
  field.append("=").append(text.data(), text.size());
  field.append("; Path=").append(options.path);
  field.append("; Max-Age=").append(std::to_string(life.count()));
  field.append("; HttpOnly; SameSite=Lax");
  if (over_tls || options.secure) field.append("; Secure");
  return field;
}

std::string_view without_cookie(std::string_view value, std::string_view name,
                                std::string& scratch) {
  scratch.clear();
  bool found = false;
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view pair = take_pair(rest);
    if (value_of(pair, name)) {
      found = true;
    } else if (!pair.empty()) {
      if (!scratch.empty()) scratch.append("; ");
      scratch.append(pair);
    }
  }
  return found ? std::string_view(scratch) : value;
}

}  // namespace ringside::session
