// The digest of a session id: the only form in which an id is logged or listed.
//
// Why      Whoever has an id can find its lines: printf %s "$ID" | sha256sum | cut -c1-16
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringside {

// The first 8 bytes of the SHA-256 of `id`, most significant first.
std::uint64_t session_digest(std::string_view id);

// 16 lower-case hex digits.
std::string digest_text(std::uint64_t digest);

}  // namespace ringside
