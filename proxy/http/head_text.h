// Reads and changes fields of a head that is written already: for a request that is sent a second
// time, or whose fields another request borrows.
//
// Requires  The head was written by write_request_head(): "name: value" lines that end with CRLF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringside::http {

// The value of the first field of this name (any case); empty when there is none.
std::string_view field_value(std::string_view head, std::string_view name);

// Gives the first field of this name another value, and `head_size`, the size of the head at the
// start of `message`, its new size. Without such a field nothing changes.
void replace_field(std::string& message, std::size_t& head_size, std::string_view name,
                   std::string_view value);

}  // namespace ringside::http
