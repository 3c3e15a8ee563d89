// Splits a query and decodes its parts.
#include "http/query.h"

namespace ringside::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

QueryPairs::QueryPairs(std::string_view target) {
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return;
  rest_ = target.substr(mark + 1);
  ended_ = false;
}

std::optional<QueryPair> QueryPairs::next() {
  if (ended_) return std::nullopt;
  const std::size_t end = rest_.find('&');
  const std::string_view pair = rest_.substr(0, end);
  ended_ = end == std::string_view::npos;
  if (!ended_) rest_.remove_prefix(end + 1);
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return QueryPair{pair, pair.substr(pair.size())};
  return QueryPair{pair.substr(0, equals), pair.substr(equals + 1)};
}

std::optional<std::string_view> percent_decoded(std::string_view text, Plus plus,
                                                std::string& storage) {
  const std::string_view escapes = plus == Plus::space ? "%+" : "%";
  if (text.find_first_of(escapes) == std::string_view::npos) return text;
  storage.clear();
  storage.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      storage.push_back(text[i] == '+' && plus == Plus::space ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    storage.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return storage;
}

}  // namespace ringside::http
