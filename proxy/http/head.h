// The head of a request or response, parsed: views into the bytes it came in, and what framing they
// promise.
//
// Owns     Nothing. Every view points into the buffer that was parsed and is good only until that
//          buffer is reused: whoever needs a part later copies it.
// Bounds   The number of fields and the size of a head are the parser's limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::http {

// Fields that some rule of the proxy looks at. All others are `other` and only pass through.
enum class FieldId : std::uint8_t {
  other,
  accept,
  connection,
  content_length,
  content_type,
  cookie,
  expect,
  forwarded,
  host,
  keep_alive,
  max_forwards,
  mcp_method,
  mcp_name,
  mcp_protocol_version,
  mcp_session_id,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  via,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
};

struct Field {
  std::string_view name;   // as it came: names are case-insensitive
  std::string_view value;  // without the white space around it
  FieldId id = FieldId::other;
};

// How long the body is, RFC 9112, 6.3.
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
};

enum class Method : std::uint8_t { get, head, post, put, delete_, options, trace, connect, other };

struct RequestHead {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;     // origin form; "*" for OPTIONS *
  std::string_view authority;  // of an absolute-form target, else the Host field's value
  unsigned version_minor = 1;  // HTTP/1.minor
  bool keep_alive = true;      // what the client asked for, version and Connection together
  bool expects_continue = false;
  bool has_underscores = false;  // in the name of a field
  bool asks_websocket = false;   // GET with Upgrade: websocket, and no other protocol beside it
  bool too_large =
      false;  // past the limit, but whole: it can be refused without closing the connection
  Framing framing;
  std::span<const Field> fields;

  std::string_view path() const { return target.substr(0, target.find('?')); }
};

struct ResponseHead {
  unsigned status = 0;
  std::string_view reason;
  unsigned version_minor = 1;
  bool keep_alive = true;
  Framing framing;
  std::span<const Field> fields;
};

bool equals_ignoring_case(std::string_view a, std::string_view b);
bool precedes_ignoring_case(std::string_view a, std::string_view b);  // for sorting

// Appends the members of a comma-separated list, as they are written.
void append_members(std::vector<std::string_view>& members, std::string_view list);

// True when the media type of a Content-Type or one of an Accept list is text/event-stream.
bool names_event_stream(std::string_view value);

// True when an Accept list allows JSON, which text/event-stream also stands for: who accepts that
// speaks MCP, whose errors are JSON.
bool accepts_json(std::string_view accept);

// Exactly one Upgrade field, and it names WebSocket alone. Nothing else is switched to: to HTTP/2
// in clear (h2c) above all, since requests inside it would pass all rules by.
bool names_websocket(std::span<const Field> fields);

// Max-Forwards of an OPTIONS request (RFC 9110, 7.6.2): how many proxies may still pass it on. A
// number past 32 bits is as good as their largest.
struct MaxForwards {
  bool is_set = false;
  bool is_valid = true;  // one field at most, digits alone
  std::uint32_t left = 0;
};
MaxForwards max_forwards(std::span<const Field> fields);

// The response is an event stream; its body has a content coding, such as gzip.
bool is_event_stream(const ResponseHead& head);
bool is_encoded(const ResponseHead& head);

// The known field of this name, else FieldId::other.
FieldId field_id(std::string_view name);

// The name of a field that is looked for again and again, such as the one that the configuration
// gives the session's id: its number is found once.
class FieldName {
 public:
  explicit FieldName(std::string_view name) : name_(name), id_(field_id(name)) {}

  bool names(const Field& field) const {
    if (id_ != FieldId::other || field.id != FieldId::other) return field.id == id_;
    return equals_ignoring_case(field.name, name_);
  }

 private:
  std::string name_;
  FieldId id_;
};

}  // namespace ringside::http
