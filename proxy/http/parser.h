// Turns bytes of an HTTP/1.1 connection into heads, body spans and trailers. The only user of
// llhttp.
//
// Why      A head that lies whole in the read buffer is parsed where it lies, nothing is copied.
//          Only a head that is split over several reads is kept, and only until it is whole.
// Owns     A partial head between two reads; otherwise llhttp's state alone.
// Bounds   A head (and a trailer section) is at most `header_bytes` and ParseScratch::fields_max
//          fields. A request head past that is read for kReadBufferBytes more: if it ends there it
//          is marked too_large, else it is a fault.
// Threads  One parser a connection, on its loop. Parsers of one loop share a ParseScratch.
// Errors   A fault ends the connection: after it, feed() must not be called again.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "http/head.h"

namespace ringside::http {

enum class ParseFault : std::uint8_t {
  none,
  syntax,        // not HTTP/1.1, in a way that none of these tells
  request_line,  // not a method, a target and a version
  version,       // another version of HTTP
  line_end,      // a CR or an LF by itself
  folded_field,  // a line that begins with white space
  field_name,    // empty, no token, or without a colon
  field_value,   // with a control byte
  head_too_large,
  target_too_long,
  host,                 // Host missing, repeated, or no host
  length_and_coding,    // Content-Length and Transfer-Encoding
  length,               // a Content-Length that is no number, too large, or repeated
  framing,              // a Transfer-Encoding that is repeated, or in HTTP/1.0
  chunk,                // a malformed chunk
  transfer_coding,      // a transfer coding other than chunked
  method,               // CONNECT
  target,               // neither a path nor an absolute http URI
  tls_hello,            // a client that speaks TLS
  proxy_protocol,       // a PROXY line or header
  switching_protocols,  // 101 that nobody asked for, or to another protocol
};

struct FieldSpan {
  std::uint32_t name_at = 0, name_size = 0, value_at = 0, value_size = 0;
};

// Where the fields of the head under way are collected: offsets from its first byte.
struct ParseBlock {
  std::vector<FieldSpan> fields;
  std::uint32_t first_at = 0, first_size = 0;  // request target or reason phrase
  void clear() {
    fields.clear();
    first_at = first_size = 0;
  }
};

// What a feed() needs while it runs, shared by all parsers of a loop so that an idle connection has
// none of it.
struct ParseScratch {
  ParseBlock block;
  std::vector<Field> fields;
  // Bounds for all parsers of the loop: fields of a head, bytes of its target or reason.
  std::size_t fields_max = kFieldsMax;
  std::size_t first_max = SIZE_MAX;
  std::string last_host;       // of a request, that was good
  const char* base = nullptr;  // the first byte of the head under way
  void* sink = nullptr;
};

// Receives the parts of one message, in order. Views are good only during the call.
class RequestSink {
 public:
  // False stops the parser: feed() returns Fed::stopped.
  virtual bool on_request_head(const RequestHead& head) = 0;
  virtual bool on_request_body(std::string_view bytes) = 0;
  virtual void on_request_trailers(std::span<const Field> trailers) = 0;

 protected:
  ~RequestSink() = default;
};

class ResponseSink {
 public:
  virtual bool on_response_head(const ResponseHead& head) = 0;
  virtual bool on_response_body(std::string_view bytes) = 0;
  virtual void on_response_trailers(std::span<const Field> trailers) = 0;

 protected:
  ~ResponseSink() = default;
};

struct Fed {
  enum class Status : std::uint8_t {
    more,      // all bytes were taken; the message goes on
    complete,  // the message ended after `consumed` bytes; what follows belongs to the next
    stopped,   // the sink said so
    fault,     // see fault()
  };
  Status status = Status::more;
  std::size_t consumed = 0;
};

// The part that requests and responses have in common; use one of the two classes below.
class Parser {
 public:
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  ParseFault fault() const { return fault_; }
  // What llhttp said, for the log; never null.
  const char* fault_detail() const;
  // Bytes of a head have come, but not all.
  bool inside_head() const { return phase_ == Phase::head; }

 protected:
  enum class Phase : std::uint8_t { idle, head, body, trailers };

  Parser(llhttp_type_t type, ParseScratch& scratch, std::size_t header_bytes);
  ~Parser();

  Fed feed_bytes(std::string_view data, void* sink);
  void reset_for_next();

  llhttp_t llhttp_;
  ParseScratch& scratch_;
  std::unique_ptr<struct PartialBlock> partial_;
  std::uint32_t header_bytes_;
  std::uint32_t block_bytes_ =
      0;  // of the head under way, in reads before this one; in a body: of chunk extensions
  ParseFault fault_ = ParseFault::none;
  Phase phase_ = Phase::idle;
  bool name_done_ = false;  // the field's name is whole, its value is under way
  bool stopped_ = false;

 private:
  friend struct ParserCallbacks;
  void begin_block(const char* at);
  int add_first(const char* at, std::size_t size);
  int add_name(const char* at, std::size_t size);
  int add_value(const char* at, std::size_t size);
  int refuse(ParseFault fault);
  // Fields of the block under way, with values trimmed, in scratch_.fields.
  std::span<const Field> collect_fields();
  std::string_view first_text() const;
  int on_request_headers();
  int on_response_headers();
  int on_body(std::string_view bytes);
  int on_message_end();
  int add_chunk_extension(std::size_t size);
  ParseFault tell_fault(llhttp_errno_t error, std::string_view data) const;
  ParseFault check_partial(std::string_view fed) const;
  std::size_t head_size() const;
};

class RequestParser : public Parser {
 public:
  RequestParser(ParseScratch& scratch, std::size_t header_bytes);
  // Parses up to the end of one message.
  Fed feed(std::string_view data, RequestSink& sink) { return feed_bytes(data, &sink); }
};

class ResponseParser : public Parser {
 public:
  ResponseParser(ParseScratch& scratch, std::size_t header_bytes);

  // To be told before each request is sent: a response to HEAD has no body, whatever its head says,
  // and 101 answers only a request to switch to WebSocket. What follows a 101 is not for a parser.
  void expect_response_to(Method method, bool asks_websocket) {
    head_request_ = method == Method::head;
    asks_websocket_ = asks_websocket;
  }

  // Parses up to the end of one message; an interim (1xx) response is a message of its own.
  Fed feed(std::string_view data, ResponseSink& sink) { return feed_bytes(data, &sink); }

  // The connection has ended: true when that was a proper end of the response (close-delimited).
  bool finish();

 private:
  friend class Parser;
  bool head_request_ = false;
  bool asks_websocket_ = false;
};

}  // namespace ringside::http
