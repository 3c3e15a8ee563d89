// The forms of names, hosts, paths and header names.
#include "config/names.h"

#include <algorithm>
#include <array>

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
  if (!has_form(text, kNameBytesMax, "!#$%&'*+-.^_`|~")) {
    return complain(in_quotes(text) + " is no header name",
                    "write one without colon or spaces, such as mcp-session-id");
  }
  std::string name = lower_case(text);
  if (std::ranges::find(kRewritten, name) != kRewritten.end()) {
    return complain(in_quotes(text) + " is rewritten by every proxy",
                    "name the field that carries the session's id");
  }
  return name;
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
