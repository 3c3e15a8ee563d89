// The nearest known word to one that is not known, for messages about misspelt keys and flags.
#pragma once

#include <span>
#include <string_view>

namespace ringside {

// Edits (a letter put in, left out or changed, or two neighbours swapped) that turn one word into
// the other. Case does not count.
std::size_t edit_distance(std::string_view one, std::string_view other);

// The known word with the fewest edits, the first of equals. Requires: `known` is not empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace ringside
