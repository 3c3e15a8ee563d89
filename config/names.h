// Values with a form of their own: names, hosts, origins, paths, names of fields, cookies, query
// keys and variables, and where the access log goes.
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
inline constexpr std::size_t kFilePathBytesMax = 4095;  // PATH_MAX without its last byte
inline constexpr std::size_t kErrorTextMax = 200;       // characters
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
// The same of a field that names state beside the session's id.
Result<std::string, Complaint> parse_handle_field(std::string_view text);
// A token (RFC 6265, 4.1.1). Case counts.
Result<std::string, Complaint> parse_cookie_name(std::string_view text);
// Of a cookie (RFC 6265, 4.1.1): as parse_path, without ';'.
Result<std::string, Complaint> parse_cookie_path(std::string_view text);
// Of a request target's query, decoded, as it is compared.
Result<std::string, Complaint> parse_query_key(std::string_view text);
// scheme://host or scheme://host:port (RFC 6454, 6.2), in lower case; the port that http and https
// have anyway is dropped, as browsers drop it.
Result<std::string, Complaint> parse_origin(std::string_view text);
// An address, or a range of them.
Result<Cidr, Complaint> parse_address_range(std::string_view text);
// Of a file, absolute or relative; nothing is looked up on the disk.
Result<std::string, Complaint> parse_file_path(std::string_view text);
// Of an environment variable: letters, digits and '_'.
Result<std::string, Complaint> parse_variable_name(std::string_view text);
// What an error message begins with: 1 to kErrorTextMax characters.
Result<std::string, Complaint> parse_error_text(std::string_view text);
// "off" (empty), "stdout", or a path, which has a '/' in it: `access: on` must not become a file.
Result<std::string, Complaint> parse_access(std::string_view text);
// "auto" (0), or 1..kWorkersMax.
Result<unsigned, Complaint> parse_workers(std::string_view text);

}  // namespace ringside::config
