// Reading addresses as people write them.
#include "base/address_text.h"

#include <algorithm>

namespace ringside {
namespace {

constexpr std::size_t kQuotedMax = 60;
constexpr std::size_t kHostNameMax = 253;  // RFC 1035, 2.3.4, less the bytes that only the wire has
constexpr std::string_view kHex = "0123456789abcdef";

// What is wrong with a text that is no HOST:PORT at all.
Complaint no_host_and_port(std::string_view text, std::string_view example) {
  const auto colons = std::ranges::count(text, ':');
  const bool has_scheme = text.find("://") != std::string_view::npos;
  std::string problem = in_quotes(text) + " is no HOST:PORT";
  if (has_scheme)
    return {std::move(problem),
            "leave the scheme and the path out, such as " + std::string(example)};
  if (colons > 1 && !text.starts_with('[')) {
    return {std::move(problem), "put an IPv6 address in brackets, such as [::1]:8080"};
  }
  if (text.starts_with(':'))
    return {std::move(problem), "name the host too, such as " + std::string(example)};
  return {std::move(problem),
          "write an address and a port of at most 65535, such as " + std::string(example)};
}

bool is_host_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
}

// "10.0.0.300" is a mistyped address, never a name: no top-level domain is a number.
bool ends_in_digit(std::string_view host) {
  return !host.empty() && host.back() >= '0' && host.back() <= '9';
}

bool looks_like_ipv4(std::string_view host) {
  return ends_in_digit(host) && std::ranges::all_of(host, [](char byte) {
           return byte == '.' || (byte >= '0' && byte <= '9');
         });
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte == 0x7f) {
      shown += "\\x";
      shown += kHex[byte >> 4U];
      shown += kHex[byte & 0xfU];
    } else {
      shown += letter;
    }
  }
  return shown;
}

std::string in_quotes(std::string_view text) {
  if (text.size() <= kQuotedMax) return '"' + printable(text) + '"';
  std::size_t end = kQuotedMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;  // UTF-8
  return '"' + printable(text.substr(0, end)) + "...\"";
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  for (char& letter : lowered) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + ('a' - 'A'));
  }
  return lowered;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= kHostNameMax && std::ranges::all_of(text, is_host_byte);
}

Result<Address, Complaint> listen_address(std::string_view text) {
  constexpr std::string_view kExample = "127.0.0.1:8080 (or 0.0.0.0:8080 for every interface)";
  const auto parts = split_host_port(text);
  if (!parts) return std::unexpected(no_host_and_port(text, kExample));
  const bool is_localhost = lower_case(parts->host) == "localhost";
  const auto address = Address::parse_host(is_localhost ? "127.0.0.1" : parts->host);
  if (!address) {
    return complain(in_quotes(text) + " has no IP address",
                    "names are not looked up here; write " + std::string(kExample));
  }
  return address->with_port(parts->port);
}

Result<std::string, Complaint> upstream_address(std::string_view text) {
  constexpr std::string_view kExample = "10.0.1.5:3000";
  const auto parts = split_host_port(text);
  if (!parts) return std::unexpected(no_host_and_port(text, kExample));
  if (parts->port == 0)
    return complain(in_quotes(text) + " has port 0", "give the pod's port, 1 to 65535");
  if (const auto address = Address::parse(text)) return address->text();
  if (!is_host_name(parts->host) || looks_like_ipv4(parts->host)) {
    return complain(in_quotes(parts->host) + " is neither an address nor a host name",
                    "write an address and a port, such as " + std::string(kExample));
  }
  return lower_case(parts->host) + ":" + std::to_string(parts->port);
}

}  // namespace ringside
