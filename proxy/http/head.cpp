// Names of fields, and the small list syntaxes of RFC 9110 that the proxy reads.
#include "http/head.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace ringside::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

template <class Word>
std::uint64_t load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Whether the kSize bytes at `name` are `known`, which is in lower case; some words at a time.
// Setting 0x20 in a byte folds the case of a letter, leaves '-' and digits alone, and makes nothing
// else that a token may have into one of these; the parser passes nothing but tokens as names.
template <std::size_t kSize>
bool is_name(const char* name, const char (&known)[kSize + 1]) {
  constexpr std::uint64_t kCase = 0x2020202020202020;
  std::uint64_t differs = 0;
  std::size_t at = 0;
  for (; at + 8 <= kSize; at += 8) {
    differs |= (load<std::uint64_t>(name + at) | kCase) ^ load<std::uint64_t>(known + at);
  }
  if (at + 4 <= kSize) {
    differs |= (load<std::uint32_t>(name + at) | (kCase >> 32U)) ^ load<std::uint32_t>(known + at);
    at += 4;
  }
  for (; at < kSize; ++at) {
    differs |= (load<std::uint8_t>(name + at) | 0x20U) ^ load<std::uint8_t>(known + at);
  }
  return differs == 0;
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

// Parameters of a media range that weigh it with nothing: "q=0", "q=0.000".
bool weighs_nothing(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = parameters.find(';');
    const std::string_view each = trimmed(parameters.substr(0, end));
    if (each.size() > 2 && lower(each[0]) == 'q' && each[1] == '=') {
      return each.find_first_not_of("0.", 2) == std::string_view::npos;
    }
    if (end == std::string_view::npos) break;
    parameters.remove_prefix(end + 1);
  }
  return false;
}

// The field of the first of the known names, all of kSize bytes, that is `name`.
template <std::size_t kSize, class... More>
FieldId one_of(const char* name, const char (&known)[kSize + 1], FieldId id, const More&... more) {
  if (is_name<kSize>(name, known)) return id;
  if constexpr (sizeof...(more) > 0) {
    return one_of<kSize>(name, more...);
  } else {
    return FieldId::other;
  }
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool precedes_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

void append_members(std::vector<std::string_view>& members, std::string_view list) {
  any_member(list, [&](std::string_view member) {
    members.push_back(member);
    return false;
  });
}

bool names_event_stream(std::string_view value) {
  return any_member(value, [](std::string_view member) {
    return equals_ignoring_case(trimmed(member.substr(0, member.find(';'))), "text/event-stream");
  });
}

bool accepts_json(std::string_view accept) {
  if (accept == "*/*" || accept.starts_with("application/json,")) return true;  // nearly everybody
  return any_member(accept, [](std::string_view member) {
    const std::size_t semicolon = std::min(member.find(';'), member.size());
    const std::string_view type = trimmed(member.substr(0, semicolon));
    const bool is_json = equals_ignoring_case(type, "application/json") || type == "*/*" ||
                         equals_ignoring_case(type, "application/*") ||
                         equals_ignoring_case(type, "text/event-stream");
    return is_json && !weighs_nothing(member.substr(semicolon));
  });
}

// By length first: nearly every field is decided by one switch and at most a few comparisons.
FieldId field_id(std::string_view name) {
  using enum FieldId;
  const char* at = name.data();
  switch (name.size()) {
    case 2:
      return one_of<2>(at, "te", te);
    case 3:
      return one_of<3>(at, "via", via);
    case 4:
      return one_of<4>(at, "host", host);
    case 6:
      return one_of<6>(at, "accept", accept, "cookie", cookie, "expect", expect);
    case 7:
      return one_of<7>(at, "trailer", trailer, "upgrade", upgrade);
    case 8:
      return one_of<8>(at, "mcp-name", mcp_name);
    case 9:
      return one_of<9>(at, "forwarded", forwarded);
    case 10:
      return one_of<10>(at, "connection", connection, "keep-alive", keep_alive, "mcp-method",
                        mcp_method);
    case 12:
      return one_of<12>(at, "content-type", content_type, "max-forwards", max_forwards);
    case 14:
      return one_of<14>(at, "content-length", content_length, "mcp-session-id", mcp_session_id);
    case 15:
      return one_of<15>(at, "x-forwarded-for", x_forwarded_for);
    case 16:
      return one_of<16>(at, "proxy-connection", proxy_connection, "x-forwarded-host",
                        x_forwarded_host);
    case 17:
      return one_of<17>(at, "transfer-encoding", transfer_encoding, "x-forwarded-proto",
                        x_forwarded_proto);
    case 18:
      return one_of<18>(at, "proxy-authenticate", proxy_authenticate);
    case 19:
      return one_of<19>(at, "proxy-authorization", proxy_authorization);
    case 20:
      return one_of<20>(at, "mcp-protocol-version", mcp_protocol_version);
    default:
      return other;
  }
}

bool names_websocket(std::span<const Field> fields) {
  const Field* upgrade = nullptr;
  for (const Field& field : fields) {
    if (field.id != FieldId::upgrade) continue;
    if (upgrade != nullptr) return false;
    upgrade = &field;
  }
  return upgrade != nullptr && equals_ignoring_case(upgrade->value, "websocket");
}

MaxForwards max_forwards(std::span<const Field> fields) {
  MaxForwards found;
  for (const Field& field : fields) {
    if (field.id != FieldId::max_forwards) continue;
    const std::string_view digits = field.value;
    const auto [at, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), found.left);
    const bool is_whole = at == digits.data() + digits.size();
    found.is_valid = !found.is_set && is_whole && error != std::errc::invalid_argument;
    found.is_set = true;
    if (error == std::errc::result_out_of_range) {
      found.left = std::numeric_limits<std::uint32_t>::max();
    }
    if (!found.is_valid) break;
  }
  return found;
}

bool is_event_stream(const ResponseHead& head) {
  return std::ranges::any_of(head.fields, [](const Field& field) {
    return field.id == FieldId::content_type && !field.value.empty() &&
           (field.value.front() | 0x20) == 't' && names_event_stream(field.value);
  });
}

bool is_encoded(const ResponseHead& head) {
  return std::ranges::any_of(head.fields, [](const Field& field) {
    return equals_ignoring_case(field.name, "content-encoding") &&
           !equals_ignoring_case(field.value, "identity");
  });
}

}  // namespace ringside::http
