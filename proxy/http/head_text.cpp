// Line by line.
#include "http/head_text.h"

#include "http/head.h"

namespace ringside::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kColon = ": ";

struct Span {
  std::size_t at = std::string_view::npos;
  std::size_t size = 0;
};

Span find_value(std::string_view head, std::string_view name) {
  std::size_t at = head.find(kLineEnd);  // behind the request line
  while (at != std::string_view::npos) {
    at += kLineEnd.size();
    const std::size_t end = head.find(kLineEnd, at);
    if (end == std::string_view::npos) break;
    const std::string_view line = head.substr(at, end - at);
    if (line.size() > name.size() && line.substr(name.size()).starts_with(kColon) &&
        equals_ignoring_case(line.substr(0, name.size()), name)) {
      const std::size_t value_at = at + name.size() + kColon.size();
      return {value_at, end - value_at};
    }
    at = end;
  }
  return {};
}

}  // namespace

std::string_view field_value(std::string_view head, std::string_view name) {
  const Span value = find_value(head, name);
  return value.at == std::string_view::npos ? std::string_view()
                                            : head.substr(value.at, value.size);
}

void replace_field(std::string& message, std::size_t& head_size, std::string_view name,
                   std::string_view value) {
  const Span old = find_value(std::string_view(message).substr(0, head_size), name);
  if (old.at == std::string_view::npos) return;
  message.replace(old.at, old.size, value);
  head_size = head_size - old.size + value.size();
}

}  // namespace ringside::http
