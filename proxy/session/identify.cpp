// Reads the session field and the fields that tell the era.
#include "session/identify.h"

#include <algorithm>
#include <span>

namespace ringside::session {
namespace {

using http::Field;
using http::FieldId;

constexpr std::string_view kFirstModernVersion = "2026-07-28";

std::string_view trimmed(std::string_view value) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = value.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return value.substr(first, value.find_last_not_of(kBlank) - first + 1);
}

// The visible bytes that the protocol allows in an id; a comma is one of them, so a value is never
// a list.
bool is_well_formed(std::string_view id) {
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

// Finds one field among many, by its number where the name has one.
class Wanted {
 public:
  explicit Wanted(std::string_view name) : name_(name), id_(http::field_id(name)) {}

  bool matches(const Field& field) const {
    if (id_ != FieldId::other || field.id != FieldId::other) return field.id == id_;
    return http::equals_ignoring_case(field.name, name_);
  }

 private:
  std::string_view name_;
  FieldId id_;
};

// How often a field occurs, and its value if once.
struct Occurrence {
  unsigned count = 0;
  std::string_view value;

  void add(std::string_view another) {
    ++count;
    value = trimmed(another);
  }
};

Claim claim_of(const Occurrence& session) {
  if (session.count > 1) return Claim::duplicate;
  if (session.value.empty()) return Claim::none;
  return is_well_formed(session.value) ? Claim::id : Claim::malformed;
}

}  // namespace

RequestIdentity identify(const http::RequestHead& head, std::string_view header) {
  const Wanted wanted(header);
  Occurrence session;
  Occurrence version;
  Occurrence rpc_method;
  for (const Field& field : head.fields) {
    if (wanted.matches(field)) {
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

std::string_view issued_id(const http::ResponseHead& head, std::string_view header) {
  const Wanted wanted(header);
  Occurrence session;
  for (const Field& field : head.fields) {
    if (wanted.matches(field)) session.add(field.value);
  }
  return claim_of(session) == Claim::id ? session.value : std::string_view{};
}

}  // namespace ringside::session
