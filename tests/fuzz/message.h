// A message as the rewriting targets compare it: what one parse gave, kept.
#pragma once

#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "http/parser.h"

namespace ringside::fuzz {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline Pairs pairs_of(std::span<const http::Field> fields) {
  Pairs pairs;
  for (const http::Field& field : fields) pairs.emplace_back(lower(field.name), field.value);
  return pairs;
}

inline std::string text_of(const Pairs& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) text.append(name).append(": ").append(value).append("\n");
  return text;
}

inline bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// What record.h writes, less the kind of a fault at its end: that is told to people, by what of the
// message is there, and may depend on where it was cut. That it is a fault may not.
inline std::string_view without_kind(std::string_view record) {
  const std::size_t end = record.find_last_not_of("0123456789 ") + 1;
  return record.substr(0, end).ends_with("fault") ? record.substr(0, end) : record;
}

// RFC 9110, 7.6.1, read anew: what concerns one connection and may never pass. Upgrade and
// Connection itself may be written by the proxy in its own name.
inline bool never_passes(std::string_view name) {
  return is_one_of(
      name, {"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te"});
}

// What the proxy may take off or write anew.
inline bool is_the_proxys(std::string_view name) {
  return never_passes(name) || name.find('_') != name.npos ||
         is_one_of(name, {"connection", "upgrade", "transfer-encoding", "content-length", "via",
                          "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded",
                          "host", "max-forwards", "expect"});
}

// Those that Connection names pass or do not: the proxy keeps the ones that matter.
inline std::vector<std::string> named_by_connection(const Pairs& fields) {
  std::vector<std::string> named;
  for (const auto& [name, value] : fields) {
    if (name != "connection") continue;
    std::istringstream list(lower(value));
    for (std::string member; std::getline(list, member, ',');) {
      member.erase(0, std::min(member.find_first_not_of(" \t"), member.size()));
      member.erase(member.find_last_not_of(" \t") + 1);
      named.push_back(member);
    }
  }
  return named;
}

// Those that must pass: neither the proxy's nor one of these.
inline Pairs end_to_end(const Pairs& fields, const std::vector<std::string>& named) {
  Pairs kept;
  for (const auto& field : fields) {
    const bool is_named = std::ranges::find(named, field.first) != named.end();
    if (!is_the_proxys(field.first) && !is_named) kept.push_back(field);
  }
  return kept;
}

// The fields behind the proxy: the same ones end to end, in the same order, and no others but its
// own.
inline void check_fields(const Pairs& before, const Pairs& after, std::string_view written) {
  for (const auto& field : after) {
    check(!never_passes(field.first), "no hop-by-hop field passes", {written});
  }
  const std::vector<std::string> named = named_by_connection(before);
  const Pairs sent = end_to_end(before, named);
  const Pairs arrived = end_to_end(after, named);
  check(sent == arrived, "the end-to-end fields pass, and no others",
        {text_of(sent), text_of(arrived)});
}

// Of a head that was written: lines of visible text.
inline void check_bytes(std::string_view head, std::string_view written) {
  for (std::size_t at = 0; at < head.size(); ++at) {
    const auto byte = static_cast<unsigned char>(head[at]);
    const bool ends_line =
        head.substr(at).starts_with("\r\n") || (at > 0 && head.substr(at - 1).starts_with("\r\n"));
    check(ends_line || byte == '\t' || (byte >= ' ' && byte != 0x7f),
          "no control byte is passed on in a head", {written});
  }
}

inline std::size_t count(const Pairs& fields, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count(fields, name, &std::pair<std::string, std::string>::first));
}

}  // namespace ringside::fuzz
