// One rule for each kind of mistake; only a refused message comes here.
#include "http/parse_fault.h"

#include <algorithm>

namespace ringside::http {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A client that speaks another protocol to this port, told by its first bytes.
ParseFault fault_of_start(const FaultSite& site) {
  constexpr char kTlsHandshake = '\x16';
  constexpr std::string_view kProxyV1 = "PROXY ";
  constexpr std::string_view kProxyV2{"\r\n\r\n\0\r\nQUIT\n", 12};
  if (site.before.empty() && site.behind.starts_with(kTlsHandshake)) return ParseFault::tls_hello;
  for (const std::string_view protocol : {kProxyV1, kProxyV2}) {
    const std::string_view rest = protocol.substr(std::min(site.before.size(), protocol.size()));
    if (protocol.starts_with(site.before) && !rest.empty() && site.behind.starts_with(rest)) {
      return ParseFault::proxy_protocol;
    }
  }
  return ParseFault::request_line;
}

// llhttp blames the version also for what stands behind a good one, such as a bare LF.
ParseFault fault_of_version(const llhttp_t& llhttp, const FaultSite& site) {
  const bool is_known = llhttp.http_major == 1 && llhttp.http_minor <= 1;
  if (!is_known) return ParseFault::version;
  return site.before.ends_with('\n') ? ParseFault::line_end : ParseFault::request_line;
}

// In a field line, or where one should begin.
ParseFault fault_of_field(const FaultSite& site) {
  const std::size_t end = site.before.rfind('\n');
  const std::size_t begin = end == std::string_view::npos ? 0 : end + 1;
  const std::string_view line = site.before.substr(begin);
  const bool was_bare = begin == 1 || (begin > 1 && site.before[begin - 2] != '\r');
  if (line.empty() && was_bare) return ParseFault::line_end;
  const char first = !line.empty() ? line.front() : site.behind.empty() ? '\0' : site.behind[0];
  if (is_blank(first)) return ParseFault::folded_field;
  return line.find(':') == std::string_view::npos ? ParseFault::field_name
                                                  : ParseFault::field_value;
}

}  // namespace

ParseFault fault_of(const llhttp_t& llhttp, llhttp_errno_t error, const FaultSite& site) {
  if (site.in_body) return ParseFault::chunk;
  switch (error) {
    case HPE_INVALID_METHOD:
      return fault_of_start(site);
    case HPE_INVALID_CONSTANT:
      return ParseFault::request_line;
    case HPE_INVALID_URL:
      return ParseFault::target;
    case HPE_INVALID_VERSION:
      return fault_of_version(llhttp, site);
    case HPE_PAUSED_H2_UPGRADE:
      return ParseFault::version;
    case HPE_UNEXPECTED_SPACE:
      return ParseFault::folded_field;
    case HPE_INVALID_HEADER_TOKEN:
      return fault_of_field(site);
    case HPE_STRICT:
    case HPE_CR_EXPECTED:
    case HPE_LF_EXPECTED:
      return ParseFault::line_end;
    case HPE_INVALID_CONTENT_LENGTH:
      return (llhttp.flags & F_TRANSFER_ENCODING) != 0 ? ParseFault::length_and_coding
                                                       : ParseFault::length;
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return ParseFault::length;
    case HPE_INVALID_TRANSFER_ENCODING:
      if ((llhttp.flags & F_CONTENT_LENGTH) != 0) return ParseFault::length_and_coding;
      return (llhttp.flags & F_CHUNKED) != 0 ? ParseFault::framing : ParseFault::transfer_coding;
    default:
      return ParseFault::syntax;
  }
}

}  // namespace ringside::http
