// Each rule says which part of RFC 9110 or 9112 it is, or why it is stricter.
#include "http/head_rules.h"

#include <algorithm>
#include <cstring>

#include "http/authority.h"

namespace ringside::http {
namespace {

// "http://host/path" (RFC 9112, 3.2.2) becomes authority and path; an origin-form target stays as
// it is.
ParseFault split_target(RequestHead& head) {
  std::string_view target = head.target;
  if (target.find('#') != std::string_view::npos) return ParseFault::target;
  if (target.starts_with('/')) return ParseFault::none;
  if (target == "*") return head.method == Method::options ? ParseFault::none : ParseFault::target;
  constexpr std::string_view kScheme = "http://";
  if (!equals_ignoring_case(target.substr(0, kScheme.size()), kScheme)) return ParseFault::target;
  target.remove_prefix(kScheme.size());
  const std::size_t slash = target.find_first_of("/?");
  head.authority = target.substr(0, slash);
  if (!is_authority(head.authority)) return ParseFault::target;
  if (slash == std::string_view::npos) {
    head.target = head.method == Method::options ? "*" : "/";
  } else if (target[slash] == '?') {
    return ParseFault::target;  // a query without a path: nobody sends it, and we would have to
                                // copy
  } else {
    head.target = target.substr(slash);
  }
  return ParseFault::none;
}

// Eight bytes at a time: a call of memchr() for each name would cost more than it finds.
bool has_underscore(std::string_view name) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const auto among_eight = [](const char* at) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    bytes ^= kOnes * '_';  // a byte that was '_' is zero
    return ((bytes - kOnes) & ~bytes & (kOnes << 7U)) != 0;
  };
  if (name.size() < 8) return std::find(name.begin(), name.end(), '_') != name.end();
  bool found = among_eight(name.data() + name.size() - 8);
  for (std::size_t at = 0; at + 8 < name.size(); at += 8) found |= among_eight(name.data() + at);
  return found;
}

// llhttp refuses a Content-Length beside a Transfer-Encoding and differing or repeated lengths;
// what is left is that chunked must be the only coding, since the proxy frames the message anew,
// and that llhttp has read the same.
class Codings {
 public:
  void add(const Field& field) {
    ++count_;
    is_other_ |= !equals_ignoring_case(field.value, "chunked");
  }
  ParseFault check(const llhttp_t& llhttp) const {
    if (count_ == 0) return ParseFault::none;
    if (is_other_) return ParseFault::transfer_coding;
    if (count_ > 1) return ParseFault::framing;
    if ((llhttp.flags & F_CHUNKED) == 0) return ParseFault::transfer_coding;
    // RFC 9112, 6.1: a 1.0 message with a transfer coding has faulty framing
    return llhttp.http_minor == 0 ? ParseFault::framing : ParseFault::none;
  }

 private:
  unsigned count_ = 0;
  bool is_other_ = false;
};

constexpr std::size_t kHostRemembered = 255;

// RFC 9112, 3.2: exactly one, and none at all in HTTP/1.0 at will.
ParseFault check_host(RequestHead& head, const Field* host, unsigned count, std::string& last) {
  if (count > 1) return ParseFault::host;
  if (host == nullptr) return head.version_minor == 0 ? ParseFault::none : ParseFault::host;
  if (host->value.empty() || host->value != last) {
    if (!is_authority(host->value)) return ParseFault::host;
    if (host->value.size() <= kHostRemembered) last = host->value;
  }
  if (head.authority.empty()) head.authority = host->value;
  return ParseFault::none;
}

// A reason phrase goes on to the client as it came.
ParseFault check_reason(std::string_view reason) {
  const bool is_clean = std::all_of(reason.begin(), reason.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\t';
  });
  if (!is_clean) return ParseFault::field_value;
  // llhttp takes a second CR for the LF that ends the line
  const char* behind = reason.data() + reason.size();
  return reason.empty() || std::strncmp(behind, "\r\n", 2) == 0 ? ParseFault::none
                                                                : ParseFault::line_end;
}

}  // namespace

ParseFault check_head(RequestHead& head, const llhttp_t& llhttp, std::string& last_host) {
  const Field* host = nullptr;
  unsigned hosts = 0;
  Codings codings;
  for (const Field& field : head.fields) {
    switch (field.id) {
      case FieldId::host:
        host = &field;
        ++hosts;
        break;
      case FieldId::transfer_encoding:
        codings.add(field);
        break;
      case FieldId::expect:
        head.expects_continue |=
            head.version_minor > 0 && equals_ignoring_case(field.value, "100-continue");
        break;
      case FieldId::other:
        head.has_underscores = head.has_underscores || has_underscore(field.name);
        break;
      default:
        break;
    }
  }
  if (const ParseFault fault = split_target(head); fault != ParseFault::none) return fault;
  if (const ParseFault fault = check_host(head, host, hosts, last_host);
      fault != ParseFault::none) {
    return fault;
  }
  return codings.check(llhttp);
}

ParseFault check_head(const ResponseHead& head, const llhttp_t& llhttp) {
  if (const ParseFault fault = check_reason(head.reason); fault != ParseFault::none) return fault;
  Codings codings;
  for (const Field& field : head.fields) {
    if (field.id == FieldId::transfer_encoding) codings.add(field);
  }
  return codings.check(llhttp);
}

bool asks_for_websocket(const RequestHead& head) {
  return head.method == Method::get && head.version_minor > 0 &&
         head.framing.kind == Framing::Kind::none && names_websocket(head.fields);
}

}  // namespace ringside::http
