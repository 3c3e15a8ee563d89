// Writes down what a parser tells, for comparison as text.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"

namespace ringside::http {

inline constexpr std::size_t kHeaderBytes = 4096;

inline std::string text_of(const Framing& framing) {
  switch (framing.kind) {
    case Framing::Kind::none:
      return "none";
    case Framing::Kind::length:
      return "length=" + std::to_string(framing.length);
    case Framing::Kind::chunked:
      return "chunked";
    default:
      return "until_close";
  }
}

inline std::string text_of(std::span<const Field> fields) {
  std::string text;
  for (const Field& field : fields) {
    text.append(" [").append(field.name).append("|").append(field.value).append("]");
    if (field.id != field_id(field.name)) text += "!wrong id!";
  }
  return text;
}

// The parts of all messages, one after another; adjacent spans of a body are one.
class Record : public RequestSink, public ResponseSink {
 public:
  bool on_request_head(const RequestHead& head) override {
    begin("request");
    add({head.method_text, " ", head.target, " authority=", head.authority, " 1.",
         std::to_string(head.version_minor), head.keep_alive ? " keep" : " close",
         head.expects_continue ? " expects" : "", head.asks_websocket ? " websocket" : "",
         head.too_large ? " too_large" : "", " ", text_of(head.framing), text_of(head.fields)});
    return true;
  }
  bool on_response_head(const ResponseHead& head) override {
    begin("response");
    add({std::to_string(head.status), " '", head.reason, "' 1.", std::to_string(head.version_minor),
         head.keep_alive ? " keep " : " close ", text_of(head.framing), text_of(head.fields)});
    return true;
  }
  bool on_request_body(std::string_view bytes) override { return add_body(bytes); }
  bool on_response_body(std::string_view bytes) override { return add_body(bytes); }
  void on_request_trailers(std::span<const Field> trailers) override { add_trailers(trailers); }
  void on_response_trailers(std::span<const Field> trailers) override { add_trailers(trailers); }

  void end(std::string_view how) {
    begin(how);
    in_body_ = false;
  }

  const std::string& text() const { return text_; }

 private:
  void begin(std::string_view what) {
    if (!text_.empty()) text_ += "\n";
    text_.append(what).append(" ");
    in_body_ = false;
  }
  void add(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) text_.append(part);
  }
  bool add_body(std::string_view bytes) {
    if (!in_body_) begin("body");
    in_body_ = true;
    text_.append(bytes);
    return true;
  }
  void add_trailers(std::span<const Field> trailers) {
    begin("trailers");
    text_ += text_of(trailers);
  }

  std::string text_;
  bool in_body_ = false;
};

// Feeds the bytes in pieces, each from memory of its own that is gone before the next, and goes on
// after each message. The end of the connection is told when `closes`.
class Feeder {
 public:
  Feeder(bool requests, Method answered) : requests_(requests) {
    responses_parser_.expect_response_to(answered, false);
  }

  void feed(std::string_view piece) {
    while (!piece.empty() && !faulty_) {
      const auto copy = std::make_unique<char[]>(piece.size());
      std::copy(piece.begin(), piece.end(), copy.get());
      const std::string_view bytes(copy.get(), piece.size());
      const Fed fed = requests_ ? requests_parser_.feed(bytes, record_)
                                : responses_parser_.feed(bytes, record_);
      if (fed.status == Fed::Status::fault) {
        const ParseFault fault = requests_ ? requests_parser_.fault() : responses_parser_.fault();
        record_.end("fault " + std::to_string(static_cast<int>(fault)));
        faulty_ = true;
      } else if (fed.status == Fed::Status::complete) {
        record_.end("complete");
      }
      piece.remove_prefix(fed.consumed);
      if (fed.status != Fed::Status::complete) break;
    }
  }

  void close() {
    if (!faulty_) record_.end(responses_parser_.finish() ? "proper end" : "cut off");
  }

  const std::string& text() const { return record_.text(); }
  const RequestParser& requests() const { return requests_parser_; }

 private:
  ParseScratch scratch_;
  RequestParser requests_parser_{scratch_, kHeaderBytes};
  ResponseParser responses_parser_{scratch_, kHeaderBytes};
  Record record_;
  bool requests_;
  bool faulty_ = false;
};

inline std::string requests_in(std::initializer_list<std::string_view> pieces) {
  Feeder feeder(true, Method::post);
  for (const std::string_view piece : pieces) feeder.feed(piece);
  return feeder.text();
}

inline std::string responses_in(std::initializer_list<std::string_view> pieces,
                                Method answered = Method::post, bool closes = false) {
  Feeder feeder(false, answered);
  for (const std::string_view piece : pieces) feeder.feed(piece);
  if (closes) feeder.close();
  return feeder.text();
}

// The fault of a request, none when it was taken.
inline ParseFault request_fault(std::string_view bytes) {
  ParseScratch scratch;
  RequestParser parser(scratch, kHeaderBytes);
  Record record;
  return parser.feed(bytes, record).status == Fed::Status::fault ? parser.fault()
                                                                 : ParseFault::none;
}

inline ParseFault response_fault(std::string_view bytes, Method answered = Method::post,
                                 bool asks_websocket = false) {
  ParseScratch scratch;
  ResponseParser parser(scratch, kHeaderBytes);
  parser.expect_response_to(answered, asks_websocket);
  Record record;
  return parser.feed(bytes, record).status == Fed::Status::fault ? parser.fault()
                                                                 : ParseFault::none;
}

}  // namespace ringside::http
