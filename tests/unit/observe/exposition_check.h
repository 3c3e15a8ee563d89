// A strict reader of the Prometheus text format 0.0.4, for tests.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::observe::test {

// Reads one line from the front of `rest`; false at the end or when the last line lacks its line
// feed.
inline bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

inline bool take(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

inline std::string_view take_name(std::string_view& rest) {
  std::size_t size = 0;
  while (size < rest.size() &&
         (std::isalnum(static_cast<unsigned char>(rest[size])) != 0 || rest[size] == '_')) {
    ++size;
  }
  const std::string_view name = rest.substr(0, size);
  rest.remove_prefix(size);
  return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0 ? "" : name;
}

// {name="value",...}, with only the escapes that the format knows; labels must not repeat.
inline bool take_labels(std::string_view& rest) {
  if (!take(rest, "{")) return true;
  std::set<std::string_view> seen;
  do {
    const std::string_view name = take_name(rest);
    if (name.empty() || !seen.insert(name).second || !take(rest, "=\"")) return false;
    while (!rest.empty() && rest[0] != '"') {
      if (rest[0] == '\\' &&
          (rest.size() < 2 || std::string_view("\\\"n").find(rest[1]) == std::string_view::npos)) {
        return false;
      }
      rest.remove_prefix(rest[0] == '\\' ? 2 : 1);
    }
    if (!take(rest, "\"")) return false;
  } while (take(rest, ","));
  return take(rest, "}");
}

inline bool is_value(std::string_view text) {
  if (text == "NaN" || text == "+Inf" || text == "-Inf") return true;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// The fault of `text`; nullopt when every line is right: each family has HELP, then TYPE, then its
// samples, once; series do not repeat and are sorted; counters end in _total and gauges do not.
inline std::optional<std::string> exposition_fault(std::string_view text) {
  const auto fault = [](std::string_view what, std::string_view line) {
    return std::string(what) + ": " + std::string(line);
  };
  std::set<std::string> families;
  std::string family;
  std::string last_series;
  bool typed = true;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view rest = line;
    if (take(rest, "# HELP ")) {
      family = take_name(rest);
      last_series.clear();
      if (!typed) return fault("family without a type", line);
      typed = false;
      if (family.empty() || !families.insert(family).second)
        return fault("bad or repeated family", line);
      if (!take(rest, " ") || rest.empty()) return fault("no help", line);
    } else if (take(rest, "# TYPE ")) {
      if (typed || take_name(rest) != family) return fault("type out of place", line);
      typed = true;
      const bool counter = rest == " counter";
      if (!counter && rest != " gauge") return fault("unknown type", line);
      if (counter != family.ends_with("_total")) return fault("suffix does not fit the type", line);
    } else {
      if (!typed || take_name(rest) != family) return fault("sample out of place", line);
      const std::size_t start = rest.size();
      if (!take_labels(rest)) return fault("bad labels", line);
      const std::string series(line.substr(family.size(), start - rest.size()));
      if (!last_series.empty() && series <= last_series)
        return fault("series repeated or not sorted", line);
      last_series = series;
      if (!take(rest, " ") || !is_value(rest)) return fault("bad value", line);
    }
  }
  if (!text.empty()) return fault("no line feed at the end", text);
  if (!typed) return fault("family without a type", family);
  return std::nullopt;
}

}  // namespace ringside::observe::test
