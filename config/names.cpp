// The forms of names, hosts, origins, paths, and of the names of fields, cookies and variables.
#include "config/names.h"

#include <algorithm>
#include <array>
#include <optional>

#include "config/values.h"

namespace ringside::config {
namespace {

bool is_letter_or_digit(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9');
}

bool is_one_of(char byte, std::string_view bytes) {
  return bytes.find(byte) != std::string_view::npos;
}

bool has_form(std::string_view text, std::size_t most, std::string_view more_bytes) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [&](char byte) {
    return is_letter_or_digit(byte) || is_one_of(byte, more_bytes);
  });
}

// Fields that belong to a hop or frame a message: they are rewritten on the way, so they can name
// no session.
constexpr std::array<std::string_view, 9> kRewritten{
    "connection", "content-length",    "host",    "keep-alive", "te",
    "trailer",    "transfer-encoding", "upgrade", "via"};

// What the log line `ready`, as text or JSON, calls its own fields.
constexpr std::array<std::string_view, 5> kReserved{"admin", "level", "message", "time", "workers"};

// A token of RFC 9110, 5.6.2.
constexpr std::string_view kTokenBytes = "!#$%&'*+-.^_`|~";

Result<std::string, Complaint> parse_field_name(std::string_view text, std::string_view remedy) {
  if (!has_form(text, kNameBytesMax, kTokenBytes)) {
    return complain(in_quotes(text) + " is no header name",
                    "write one without colon or spaces, such as mcp-session-id");
  }
  std::string name = lower_case(text);
  if (std::ranges::find(kRewritten, name) != kRewritten.end())
    return complain(in_quotes(text) + " is rewritten by every proxy", std::string(remedy));
  return name;
}

bool is_scheme(std::string_view text) {
  return has_form(text, kNameBytesMax, "+-.") && !is_one_of(text.front(), "+-.0123456789");
}

// What follows scheme://, in lower case; nothing when it is not a host with or without a port.
std::optional<std::string> origin_host(std::string_view scheme, std::string_view text) {
  const std::size_t colon = text.find(':', text.starts_with('[') ? text.find(']') : 0);
  const std::string_view host = text.substr(0, colon);
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  if (has_brackets ? !Address::parse_host(host) : !is_host_name(host)) return std::nullopt;
  if (colon == std::string_view::npos) return lower_case(host);
  const auto port = parse_whole(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  const bool is_implied = (scheme == "http" && *port == 80) || (scheme == "https" && *port == 443);
  return lower_case(host) + (is_implied ? "" : ":" + std::to_string(*port));
}

}  // namespace

Result<std::string, Complaint> parse_name(std::string_view text) {
  if (has_form(text, kNameBytesMax, "-_.")) return std::string(text);
  return complain(in_quotes(text) + " is no name", "use 1 to 63 letters, digits, '-', '_' and '.'");
}

Result<std::string, Complaint> parse_listener_name(std::string_view text) {
  if (std::ranges::find(kReserved, text) != kReserved.end()) {
    return complain(in_quotes(text) + " is taken by the log line that says `ready`",
                    "choose another name, such as mcp");
  }
  return parse_name(text);
}

Result<std::string, Complaint> parse_endpoint_name(std::string_view text) {
  if (has_form(text, kEndpointNameBytesMax, "-_.:[]")) return std::string(text);
  return complain(in_quotes(text) + " is no name",
                  "use 1 to 253 letters, digits, '-', '_', '.' and ':'");
}

Result<std::string, Complaint> parse_host(std::string_view text) {
  if (is_host_name(text)) return lower_case(text);
  const bool has_brackets = text.starts_with('[') && text.ends_with(']');
  if (has_brackets && Address::parse_host(text)) return lower_case(text);
  if (text.find('*') != std::string_view::npos) {
    return complain(in_quotes(text) + " has a wildcard",
                    "write each host, or leave host out for any");
  }
  if (text.find(':') != std::string_view::npos) {
    return complain(in_quotes(text) + " is no host",
                    "leave scheme, port and path out: a.example matches every port");
  }
  return complain(in_quotes(text) + " is no host",
                  "write a name without scheme, port or path, such as a.example");
}

Result<std::string, Complaint> parse_path(std::string_view text) {
  const std::string shown = in_quotes(text);
  if (text.size() > kPathBytesMax)
    return complain(shown + " is longer than 1024 bytes", "write a shorter prefix");
  if (!text.starts_with('/'))
    return complain(shown + " does not begin with /", "write a path, such as /burger");
  const bool is_plain = std::ranges::all_of(text, [](char byte) {
    return is_letter_or_digit(byte) || is_one_of(byte, "/-._~!$&'()+,;=:@%");
  });
  if (!is_plain) {
    return complain(shown + " has a byte that no path prefix can have",
                    "write the path as requests have it, without query, fragment or wildcard");
  }
  if (text.size() > 1 && text.ends_with('/')) {
    const std::string without(text.substr(0, text.size() - 1));
    if (without.ends_with('/'))
      return complain(shown + " ends with several /", "write a path, such as /burger");
    return complain(shown + " ends with /",
                    "write " + without + ": it matches that path and all below it");
  }
  return std::string(text);
}

Result<std::string, Complaint> parse_header_name(std::string_view text) {
  return parse_field_name(text, "name the field that carries the session's id");
}

Result<std::string, Complaint> parse_handle_field(std::string_view text) {
  return parse_field_name(text, "name a field that reaches the pods as the client sent it");
}

Result<std::string, Complaint> parse_cookie_name(std::string_view text) {
  if (has_form(text, kNameBytesMax, kTokenBytes)) return std::string(text);
  return complain(in_quotes(text) + " is no cookie name",
                  "use 1 to 63 letters, digits, '-', '_' and '.', such as ringside");
}

Result<std::string, Complaint> parse_cookie_path(std::string_view text) {
  if (text.find(';') == std::string_view::npos) return parse_path(text);
  return complain(in_quotes(text) + " has a ;, which ends it in a cookie",
                  "write a path without it, such as /");
}

Result<std::string, Complaint> parse_query_key(std::string_view text) {
  if (has_form(text, kNameBytesMax, "-._~!$'()*,:;@/?[]")) return std::string(text);
  return complain(in_quotes(text) + " is no key of a query",
                  "write it decoded, without =, & and %, such as room");
}

Result<std::string, Complaint> parse_origin(std::string_view text) {
  const std::string shown = in_quotes(text);
  if (text.find('*') != std::string_view::npos) {
    return complain(shown + " has a wildcard",
                    "write each origin, or leave allowed_origins out for any");
  }
  if (text == "null") {
    return complain(shown + " is what every page without an origin sends",
                    "name the pages' own, such as https://a.example");
  }
  const std::size_t end = text.find("://");
  const std::string scheme = lower_case(text.substr(0, end));
  if (end == std::string_view::npos || !is_scheme(scheme))
    return complain(shown + " has no scheme", "write scheme://host, such as https://a.example");
  const std::string_view rest = text.substr(end + 3);
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return complain(shown + " goes on after the host",
                    "browsers send scheme://host alone: leave path and / out");
  }
  if (const auto host = origin_host(scheme, rest)) return scheme + "://" + *host;
  return complain(shown + " has no host, or a port that is none",
                  "write scheme://host or scheme://host:port, such as https://a.example");
}

Result<Cidr, Complaint> parse_address_range(std::string_view text) {
  if (const auto range = Cidr::parse(text)) return *range;
  return complain(in_quotes(text) + " is no range of addresses",
                  "write one such as 10.0.0.0/8, fd00::/8 or 10.1.2.3");
}

Result<std::string, Complaint> parse_file_path(std::string_view text) {
  const bool is_path = !text.empty() && text.size() <= kFilePathBytesMax && !text.ends_with('/') &&
                       text.find('\0') == std::string_view::npos;
  if (is_path) return std::string(text);
  return complain(in_quotes(text) + " is no path of a file",
                  "write one such as /var/lib/ringside/state");
}

Result<std::string, Complaint> parse_variable_name(std::string_view text) {
  if (has_form(text, kNameBytesMax, "_") && !is_one_of(text.front(), "0123456789"))
    return std::string(text);
  return complain(in_quotes(text) + " is no name of an environment variable",
                  "use 1 to 63 letters, digits and '_', such as RINGSIDE_TAG_KEY");
}

Result<std::string, Complaint> parse_error_text(std::string_view text) {
  const auto is_first_byte = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  };
  const auto characters = std::ranges::count_if(text, is_first_byte);
  if (characters >= 1 && static_cast<std::size_t>(characters) <= kErrorTextMax)
    return std::string(text);
  return complain(in_quotes(text) + " has " + std::to_string(characters) + " characters",
                  "write 1 to 200: what the error message begins with");
}

Result<std::string, Complaint> parse_access(std::string_view text) {
  if (text == "off") return std::string();
  const bool is_path = text.find('/') != std::string_view::npos && !text.ends_with('/') &&
                       text.find('\0') == std::string_view::npos;
  if (text == "stdout" || is_path) return std::string(text);
  return complain(in_quotes(text) + " is neither off, nor stdout, nor a path",
                  "write a path with a / in it, such as /var/log/ringside/access.log");
}

Result<unsigned, Complaint> parse_workers(std::string_view text) {
  if (text == "auto") return 0U;
  const auto number = parse_whole(text);
  if (!number)
    return complain(in_quotes(text) + " is no number of workers", "write auto, or 1 to 256");
  if (*number < 1 || *number > kWorkersMax) {
    return complain(std::to_string(*number) + " is outside 1..256",
                    "stay within it, or write auto (the usable CPUs, at most 4)");
  }
  return static_cast<unsigned>(*number);
}

}  // namespace ringside::config
