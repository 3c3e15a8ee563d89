// Reads the session field and the fields that tell the era.
#include "session/identify.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace ringside::session {
namespace {

using http::Field;
using http::FieldId;

constexpr std::string_view kFirstModernVersion = "2026-07-28";

// The visible bytes that the protocol allows in an id; a comma is one of them, so a value is never
// a list. Eight at a time: an id has 36 of them as a rule.
bool is_well_formed(std::string_view id) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = kOnes << 7U;
  while (id.size() >= sizeof(std::uint64_t)) {
    std::uint64_t bytes;
    std::memcpy(&bytes, id.data(), sizeof bytes);
    const std::uint64_t below = (bytes - kOnes * 0x21) & ~bytes;  // a high bit: below 0x21
    const std::uint64_t above = (bytes + kOnes) | bytes;          // a high bit: above 0x7e
    if (((below | above) & kHighs) != 0) return false;
    id.remove_prefix(sizeof bytes);
  }
  return std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7e; });
}

// YYYY-MM-DD. Dates of that form compare as strings.
bool is_date(std::string_view text) {
  if (text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool right = i == 4 || i == 7 ? text[i] == '-' : text[i] >= '0' && text[i] <= '9';
    if (!right) return false;
  }
  return true;
}

// How often a field occurs, and its value if once.
struct Occurrence {
  unsigned count = 0;
  std::string_view value;

  void add(std::string_view another) {
    ++count;
    value = another;
  }
};

Claim claim_of(const Occurrence& session) {
  if (session.count > 1) return Claim::duplicate;
  if (session.value.empty()) return Claim::none;
  return is_well_formed(session.value) ? Claim::id : Claim::malformed;
}

}  // namespace

RequestIdentity identify(const http::RequestHead& head, const http::FieldName& header) {
  Occurrence session;
  Occurrence version;
  Occurrence rpc_method;
  for (const Field& field : head.fields) {
    if (header.names(field)) {
      session.add(field.value);
    } else if (field.id == FieldId::mcp_protocol_version) {
      version.add(field.value);
    } else if (field.id == FieldId::mcp_method) {
      rpc_method.add(field.value);
    }
  }
  RequestIdentity identity;
  identity.claim = claim_of(session);
  const bool modern =
      version.count == 1 && is_date(version.value) && version.value >= kFirstModernVersion;
  if (modern) {
    identity.era = Era::modern;
    if (identity.claim == Claim::id) identity.claim = Claim::none;
  }
  if (identity.claim == Claim::id) identity.id = session.value;
  identity.may_learn = head.method == http::Method::post &&
                       (!modern || rpc_method.count == 0 ||
                        (rpc_method.count == 1 && rpc_method.value == "initialize"));
  return identity;
}

std::string_view issued_id(const http::ResponseHead& head, const http::FieldName& header) {
  Occurrence session;
  for (const Field& field : head.fields) {
    if (header.names(field)) session.add(field.value);
  }
  return claim_of(session) == Claim::id ? session.value : std::string_view{};
}

}  // namespace ringside::session
