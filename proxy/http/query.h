// The query of a request target or URL, pair by pair, and the decoding of its parts.
//
// Owns     Nothing: pairs are views into the target.
// Errors   A percent sign without two hex digits is an error of the whole text: servers differ in
//          what they make of it.
// Source   RFC 3986, 2.1 and 3.4; the form encoding of WHATWG URL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringside::http {

struct QueryPair {
  std::string_view name;   // as it stands there, as the value
  std::string_view value;  // empty without a '='
};

// The pairs between the first '?' and the fragment; separated by '&'.
class QueryPairs {
 public:
  explicit QueryPairs(std::string_view target);
  std::optional<QueryPair> next();

 private:
  std::string_view rest_;
  bool ended_ = true;
};

// What a '+' stands for: itself, as in a URL, or a space, as in a form.
enum class Plus : std::uint8_t { plus, space };

// The text with its escapes decoded: a view of `text` where there are none, else of `storage`.
std::optional<std::string_view> percent_decoded(std::string_view text, Plus plus,
                                                std::string& storage);

}  // namespace ringside::http
