// Whether a text names a host, as Host and the target of a request must.
//
// Source   RFC 9110, 7.2 and RFC 3986, 3.2.2, less what no client sends and readers differ about:
//          escapes, sub-delimiters, zones.
#pragma once

#include <string_view>

namespace ringside::http {

// A name of letters, digits and "-._~", an IPv4 address, or an IPv6 address in brackets; then
// perhaps a port.
bool is_authority(std::string_view text);

}  // namespace ringside::http
