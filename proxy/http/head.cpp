// Names of fields, and the small list syntaxes of RFC 9110 that the proxy reads.
#include "http/head.h"

#include <algorithm>

namespace ringside::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// `lower_case` is a constant of ours.
bool is_name(std::string_view name, std::string_view lower_case) {
  return name.size() == lower_case.size() &&
         std::equal(name.begin(), name.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Calls `visit(member)` for each member of a comma-separated list until it returns true.
template <class Visit>
bool any_member(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view member = trimmed(list.substr(0, comma));
    if (!member.empty() && visit(member)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

struct KnownName {
  std::string_view name;
  FieldId id;
};

// The first of `known` that is `name`: each list holds the known names of one length.
FieldId one_of(std::string_view name, std::initializer_list<KnownName> known) {
  for (const KnownName& candidate : known) {
    if (is_name(name, candidate.name)) return candidate.id;
  }
  return FieldId::other;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool list_contains(std::string_view value, std::string_view token) {
  return any_member(
      value, [token](std::string_view member) { return equals_ignoring_case(member, token); });
}

bool names_event_stream(std::string_view value) {
  return any_member(value, [](std::string_view member) {
    return equals_ignoring_case(trimmed(member.substr(0, member.find(';'))), "text/event-stream");
  });
}

// By length first: nearly every field is decided by one switch and at most a few comparisons.
FieldId field_id(std::string_view name) {
  using enum FieldId;
  switch (name.size()) {
    case 2:
      return one_of(name, {{"te", te}});
    case 3:
      return one_of(name, {{"via", via}});
    case 4:
      return one_of(name, {{"host", host}});
    case 6:
      return one_of(name, {{"accept", accept}, {"expect", expect}});
    case 7:
      return one_of(name, {{"trailer", trailer}, {"upgrade", upgrade}});
    case 8:
      return one_of(name, {{"mcp-name", mcp_name}});
    case 9:
      return one_of(name, {{"forwarded", forwarded}});
    case 10:
      return one_of(
          name,
          {{"connection", connection}, {"keep-alive", keep_alive}, {"mcp-method", mcp_method}});
    case 12:
      return one_of(name, {{"content-type", content_type}});
    case 14:
      return one_of(name, {{"content-length", content_length}, {"mcp-session-id", mcp_session_id}});
    case 15:
      return one_of(name, {{"x-forwarded-for", x_forwarded_for}});
    case 16:
      return one_of(
          name, {{"proxy-connection", proxy_connection}, {"x-forwarded-host", x_forwarded_host}});
    case 17:
      return one_of(name, {{"transfer-encoding", transfer_encoding},
                           {"x-forwarded-proto", x_forwarded_proto}});
    case 18:
      return one_of(name, {{"proxy-authenticate", proxy_authenticate}});
    case 19:
      return one_of(name, {{"proxy-authorization", proxy_authorization}});
    case 20:
      return one_of(name, {{"mcp-protocol-version", mcp_protocol_version}});
    default:
      return other;
  }
}

}  // namespace ringside::http
