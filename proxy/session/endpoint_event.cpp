// Finds the session parameter in a URL.
#include "session/endpoint_event.h"

#include <algorithm>
#include <utility>

#include "http/query.h"

namespace ringside::session {
namespace {

using http::percent_decoded;
using http::Plus;

constexpr std::string_view kName = "sessionid";

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool names_session(std::string_view name) {
  std::string storage;
  const auto decoded = percent_decoded(name, Plus::plus, storage);
  if (!decoded) return false;
  std::string_view wanted = kName;
  for (const char c : *decoded) {
    if (c == '_') continue;
    if (wanted.empty() || lower(c) != wanted.front()) return false;
    wanted.remove_prefix(1);
  }
  return wanted.empty();
}

bool is_well_formed(std::string_view id) {
  return !id.empty() && id.size() <= kSessionParameterBytes &&
         std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7e; });
}

// RFC 3986, 3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) before a colon.
bool has_scheme(std::string_view url) {
  const auto is_letter = [](char c) { return lower(c) >= 'a' && lower(c) <= 'z'; };
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(url.front())) return false;
  return std::ranges::all_of(url.substr(0, colon), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

}  // namespace

std::optional<SessionParameter> session_parameter(std::string_view target) {
  http::QueryPairs pairs(target);
  std::optional<std::string_view> value;
  while (const auto pair = pairs.next()) {
    if (!names_session(pair->name)) continue;
    if (value) return std::nullopt;
    value = pair->value;
  }
  if (!value || value->size() > 3 * kSessionParameterBytes) return std::nullopt;
  SessionParameter parameter{.raw = *value,
                             .raw_at = static_cast<std::size_t>(value->data() - target.data())};
  if (!percent_decoded(*value, Plus::plus, parameter.decoded)) return std::nullopt;
  if (!is_well_formed(parameter.id())) return std::nullopt;
  return parameter;
}

std::optional<EndpointEvent> read_endpoint_event(std::string_view data) {
  auto session = session_parameter(data);
  if (!session) return std::nullopt;
  return EndpointEvent{std::move(*session), data.starts_with("//") || has_scheme(data)};
}

}  // namespace ringside::session
