// Heads from parts. The order, spelling and bytes of the fields that pass stay as they came.
#include "http/writer.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ringside::http {
namespace {

std::string_view view(std::string_view part) { return part; }
// Of a literal, whose length need not be counted.
template <std::size_t kSize>
std::string_view view(const char (&part)[kSize]) {
  return {part, kSize - 1};
}

// Appends all parts with one look at the room there is: a head has some fifty of them.
template <class... Parts>
void put(std::string& out, const Parts&... parts) {
  const std::size_t had = out.size();
  const std::size_t size = (had + ... + view(parts).size());
  out.resize_and_overwrite(size, [&](char* at, std::size_t) {
    at += had;
    ((at += view(parts).copy(at, std::string_view::npos)), ...);
    return size;
  });
}

void put_field(std::string& out, std::string_view name, std::string_view value) {
  put(out, name, ": ", value, "\r\n");
}

void put_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

// Whether a Connection value names fields at all: nearly always it is keep-alive or close.
bool names_fields(std::string_view connection) {
  return !equals_ignoring_case(connection, "keep-alive") &&
         !equals_ignoring_case(connection, "close");
}

bool is_connection_field(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
    case FieldId::te:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return true;
    default:
      return false;
  }
}

// Fields that Connection may not take away: what the proxy reads or writes, what a request is
// routed by, and who sent it. A peer that names them is confused or hostile.
bool is_protected(const Field& field, std::span<const std::string> routed_by) {
  if (field.id != FieldId::other) return true;
  constexpr std::string_view kProtocol = "mcp-";
  if (equals_ignoring_case(field.name.substr(0, kProtocol.size()), kProtocol)) return true;
  const auto is_this = [&](std::string_view name) {
    return equals_ignoring_case(field.name, name);
  };
  return is_this("authorization") || is_this("origin") || std::ranges::any_of(routed_by, is_this);
}

// Gathers the names in Connection: mostly none, so the answer for each field costs nothing. A head
// full of them and of fields costs no more than sorting them.
class HopByHop {
 public:
  explicit HopByHop(std::span<const Field> fields, std::span<const std::string> routed_by = {})
      : routed_by_(routed_by) {
    for (const Field& field : fields) {
      if (field.id == FieldId::connection && names_fields(field.value)) {
        append_members(named_, field.value);
      }
    }
    std::ranges::sort(named_, precedes_ignoring_case);
  }
  bool drops(const Field& field) const {
    if (is_connection_field(field.id)) return true;
    return !named_.empty() && !is_protected(field, routed_by_) &&
           std::ranges::binary_search(named_, field.name, precedes_ignoring_case);
  }

 private:
  std::span<const std::string> routed_by_;
  std::vector<std::string_view> named_;
};

// The framing field stands where the message had its own, in its spelling.
void put_framing(std::string& out, const Framing& framing, std::string_view length_name,
                 std::string_view coding_name) {
  if (framing.kind == Framing::Kind::length) {
    put(out, length_name, ": ");
    put_number(out, framing.length);
    out.append("\r\n");
  } else if (framing.kind == Framing::Kind::chunked) {
    put_field(out, coding_name, "chunked");
  }
}

// Writes the framing once: in the place of the first framing field that came, else at the end.
class FramingWriter {
 public:
  explicit FramingWriter(const Framing& framing) : framing_(framing) {}
  void in_place_of(std::string& out, const Field& field) {
    const bool is_length = field.id == FieldId::content_length;
    if (written_ || is_length != (framing_.kind == Framing::Kind::length)) return;
    put_framing(out, framing_, field.name, field.name);
    written_ = true;
  }
  void at_end(std::string& out) {
    if (!written_) put_framing(out, framing_, "content-length", "transfer-encoding");
  }

 private:
  Framing framing_;
  bool written_ = false;
};

bool is_framing(FieldId id) {
  return id == FieldId::content_length || id == FieldId::transfer_encoding;
}

bool is_forwarding(FieldId id) {
  return id == FieldId::x_forwarded_for || id == FieldId::x_forwarded_host ||
         id == FieldId::x_forwarded_proto || id == FieldId::forwarded;
}

constexpr std::string_view kWebsocketFields = "connection: Upgrade\r\nupgrade: websocket\r\n";

// A trusted peer's X-Forwarded-For becomes one field that ends with the peer; -Host and -Proto stay
// as it says.
void put_forwarded(std::string& out, const RequestHead& head, const ForwardedBy& forwarded) {
  bool has_host = false;
  bool has_protocol = false;
  out.append("x-forwarded-for: ");
  if (forwarded.peer_is_trusted) {
    for (const Field& field : head.fields) {
      if (field.id == FieldId::x_forwarded_for && !field.value.empty()) put(out, field.value, ", ");
      has_host |= field.id == FieldId::x_forwarded_host;
      has_protocol |= field.id == FieldId::x_forwarded_proto;
    }
  }
  put(out, forwarded.peer, "\r\n");
  if (!has_protocol) put_field(out, "x-forwarded-proto", forwarded.protocol);
  if (!has_host && !head.authority.empty()) put_field(out, "x-forwarded-host", head.authority);
}

}  // namespace

void write_request_head(std::string& out, const RequestHead& head, const ForwardedBy& forwarded) {
  const HopByHop hop_by_hop(head.fields, forwarded.routed_by);
  FramingWriter framing(head.framing);
  put(out, head.method_text, " ", head.target, " HTTP/1.1\r\n");
  bool has_host = false;
  for (const Field& field : head.fields) {
    if (field.id == FieldId::host) {
      put_field(out, field.name, head.authority);  // an absolute-form target overrules it
      has_host = true;
    } else if (is_framing(field.id)) {
      framing.in_place_of(out, field);
    } else if (is_forwarding(field.id)) {
      if (forwarded.peer_is_trusted && field.id != FieldId::x_forwarded_for) {
        put_field(out, field.name, field.value);
      }
    } else if (field.id == FieldId::max_forwards && head.method == Method::options) {
      put(out, field.name, ": ");
      const std::uint32_t left = max_forwards(head.fields).left;
      put_number(out, left == 0 ? 0 : left - 1);
      out.append("\r\n");
    } else if (field.id == FieldId::expect && head.version_minor == 0) {
      continue;
    } else if (!hop_by_hop.drops(field)) {
      put_field(out, field.name, field.value);
    }
  }
  if (!has_host) put_field(out, "host", head.authority);  // HTTP/1.0 may have none; 1.1 must
  framing.at_end(out);
  if (head.asks_websocket) out.append(kWebsocketFields);
  put(out, "via: 1.", head.version_minor == 0 ? "0" : "1", " ringside\r\n");
  put_forwarded(out, head, forwarded);
  out.append("\r\n");
}

void write_response_head(std::string& out, const ResponseHead& head, const ResponseShape& shape) {
  const HopByHop hop_by_hop(head.fields);
  FramingWriter framing(shape.framing);
  out.append("HTTP/1.1 ");
  put_number(out, head.status);
  put(out, " ", head.reason, "\r\n");
  for (const Field& field : head.fields) {
    if (is_framing(field.id)) {
      if (shape.bodiless && field.id == FieldId::content_length) {
        put_field(out, field.name, field.value);
      } else {
        framing.in_place_of(out, field);
      }
    } else if (!hop_by_hop.drops(field)) {
      put_field(out, field.name, field.value);
    }
  }
  framing.at_end(out);
  if (shape.websocket) out.append(kWebsocketFields);
  if (shape.close) out.append("connection: close\r\n");
  if (shape.keep_alive) out.append("connection: keep-alive\r\n");
  out.append("\r\n");
}

void write_chunk_size(std::string& out, std::uint64_t size) {
  put_number(out, size, 16);
  out.append("\r\n");
}

// RFC 9110, 6.5.1: a trailer may not carry framing, routing or connection fields.
void write_last_chunk(std::string& out, std::span<const Field> trailers,
                      std::span<const std::string> routed_by) {
  out.append("0\r\n");
  for (const Field& field : trailers) {
    // a trailer may be dropped (RFC 9110, 6.5.1), so one that some servers read as another name is
    const bool may_be_read_otherwise = field.name.find('_') != std::string_view::npos;
    if (!may_be_read_otherwise && !is_protected(field, routed_by)) {
      put_field(out, field.name, field.value);
    }
  }
  out.append("\r\n");
}

bool is_hop_by_hop(const Field& field, std::span<const Field> fields) {
  return HopByHop(fields).drops(field);
}

}  // namespace ringside::http
