// Values with a form of their own: names, hosts, paths, header names, and where the access log
// goes.
//
// Errors   A Complaint that says which form is right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address_text.h"
#include "base/result.h"

namespace ringside::config {

inline constexpr std::size_t kNameBytesMax = 63;           // as DNS labels, which Service names are
inline constexpr std::size_t kEndpointNameBytesMax = 253;  // as pod names
inline constexpr std::size_t kPathBytesMax = 1024;
inline constexpr unsigned kWorkersMax = 256;

// Of a listener or pool: letters, digits, '-', '_' and '.', so that it needs no quoting in a
// metric, log line or URL.
Result<std::string, Complaint> parse_name(std::string_view text);
// Also none of the words that the log line `ready` has for itself.
Result<std::string, Complaint> parse_listener_name(std::string_view text);
// As parse_name, with ':' and brackets, since an endpoint without a name is called by its address.
Result<std::string, Complaint> parse_endpoint_name(std::string_view text);
// Of a route: a host without port, in lower case.
Result<std::string, Complaint> parse_host(std::string_view text);
// Of a route: begins with '/', and ends with one only when it is "/".
Result<std::string, Complaint> parse_path(std::string_view text);
// A token (RFC 9110, 5.6.2) in lower case that names no field which the proxy itself rewrites.
Result<std::string, Complaint> parse_header_name(std::string_view text);
// "off" (empty), "stdout", or a path, which has a '/' in it: `access: on` must not become a file.
Result<std::string, Complaint> parse_access(std::string_view text);
// "auto" (0), or 1..kWorkersMax.
Result<unsigned, Complaint> parse_workers(std::string_view text);

}  // namespace ringside::config
