// Reads X-Forwarded-For and Forwarded from the right, as far as they can be believed.
#include "session/client_identity.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <utility>

namespace ringside::session {
namespace {

using http::FieldId;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Whether the quote at `at` ends in an odd number of backslashes, and so belongs to the string.
bool is_escaped(std::string_view text, std::size_t at) {
  std::size_t slashes = 0;
  while (slashes < at && text[at - slashes - 1] == '\\') ++slashes;
  return slashes % 2 == 1;
}

// Takes the part after the last `separator` outside of quotes off the end of `text`. Read from the
// right, so that a quote that a client opened and never closed cannot swallow what a trusted proxy
// appended.
std::string_view take_last(std::string_view& text, char separator) {
  bool quoted = false;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (text[i] == '"' && !is_escaped(text, i)) quoted = !quoted;
    if (text[i] != separator || quoted) continue;
    const std::string_view last = text.substr(i + 1);
    text = text.substr(0, i);
    return trimmed(last);
  }
  return trimmed(std::exchange(text, {}));
}

// One entry of X-Forwarded-For.
std::optional<Address> plain_address(std::string_view entry) { return Address::parse_host(entry); }

// One element of Forwarded, such as: for="[2001:db8::1]:4711";proto=https
std::optional<Address> for_address(std::string_view element) {
  while (!element.empty()) {
    const std::string_view pair = take_last(element, ';');
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    if (!http::equals_ignoring_case(trimmed(pair.substr(0, equals)), "for")) continue;
    std::string_view node = trimmed(pair.substr(equals + 1));
    if (node.size() >= 2 && node.starts_with('"') && node.ends_with('"')) {
      node = node.substr(1, node.size() - 2);
    }
    return Address::parse_host(node);  // "unknown" and obfuscated names are none
  }
  return std::nullopt;
}

bool is_trusted(const Address& address, std::span<const Cidr> trusted) {
  return std::ranges::any_of(trusted, [&](const Cidr& range) { return range.contains(address); });
}

// Follows the list in all fields of this kind from the right. nullopt when there is no such field.
template <class Parse>
std::optional<Address> follow(const Address& peer, const http::RequestHead& head, FieldId id,
                              std::span<const Cidr> trusted, Parse&& parse) {
  std::optional<Address> nearest;
  for (const http::Field& field : head.fields | std::views::reverse) {
    if (field.id != id) continue;
    if (!nearest) nearest = peer;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::string_view entry = take_last(rest, ',');
      if (entry.empty()) continue;  // a list may have empty members
      const std::optional<Address> hop = parse(entry);
      if (!hop) return nearest;
      nearest = hop;
      if (!is_trusted(*hop, trusted)) return nearest;
    }
  }
  return nearest;
}

}  // namespace

Address client_address(const Address& peer, const http::RequestHead& head,
                       std::span<const Cidr> trusted) {
  if (!is_trusted(peer, trusted)) return peer;
  if (const auto client = follow(peer, head, FieldId::x_forwarded_for, trusted, plain_address)) {
    return *client;
  }
  return follow(peer, head, FieldId::forwarded, trusted, for_address).value_or(peer);
}

std::string_view ring_key(const Address& client, std::string_view host_identity) {
  return client.empty() || client.is_loopback() ? host_identity : client.host_bytes();
}

}  // namespace ringside::session
