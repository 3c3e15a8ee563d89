// Reads an event stream (text/event-stream) as far as a proxy must: where one event ends and the
// next begins, and what the first event says.
//
// Why      A keep-alive comment may be put between two events and nowhere else. A server of the
//          HTTP+SSE transport names its session in the first event, `endpoint`, and nowhere else.
// Owns     EventBoundary: a few bytes. FirstEvent: the bytes that wait until the first event is
//          known.
// Bounds   FirstEvent looks at kFirstEventBytes; it holds no more than that and one feed.
// Errors   None: every sequence of bytes is an event stream. One without a sense is one without
//          events.
// Source   WHATWG HTML, server-sent events. Lines end with LF, CR or CRLF, mixed as it comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ringside::http {

// Knows whether the bytes fed so far end between two events, so that a comment with a blank line
// (": keep-alive" LF LF) may follow without changing any event. That is before the first byte,
// after a blank line, and after comments that follow one.
//
// A CR that ends a blank line may be the first half of a CRLF. To a reader that knows a lone CR, a
// comment between the halves is harmless: the late LF is one more blank line. To one that knows LF
// and CRLF only (there are such) it is not: the comment would not begin a line. So such a CR counts
// only if the line before ended with a lone CR too, for then the reader must know it; else the LF
// is waited for.
//
// A byte order mark after a comment is no mark any more, so before the first byte a comment is safe
// only with a server that writes none. No server of MCP is known to.
class EventBoundary {
 public:
  void feed(std::string_view bytes);
  bool at_boundary() const {
    return line_ == Line::empty && !in_event_ && (!after_cr_ || last_end_was_cr_);
  }

 private:
  enum class Line : std::uint8_t { empty, comment, field };

  void take(char byte);
  void end_line(char end);
  bool is_mark(char byte);

  Line line_ = Line::empty;       // the line under way
  bool in_event_ = false;         // a field has come since the last blank line
  bool after_cr_ = false;         // the last byte was a CR, which has ended a line
  bool last_end_was_cr_ = false;  // the line end before that one was a lone CR
  std::uint8_t mark_bytes_ = 0;   // of the byte order mark, seen so far; its size: no more to come
};

inline constexpr std::size_t kFirstEventBytes = 16 * 1024;

// Reads a stream from its start until it is known whether its first event is an `endpoint` event.
// Blocks of comments, `retry` and unknown fields alone are passed over.
class FirstEvent {
 public:
  enum class State : std::uint8_t {
    more,      // not known yet
    event,     // an `endpoint` event with one line of data, which is complete
    other,     // something else: another type, no data or several lines of it, or a type that does
               // not come first, as it does with every server known
    too_long,  // not known after kFirstEventBytes
  };

  // Requires: no feed before said anything but State::more.
  State feed(std::string_view bytes);

  // With State::more: what has come and is no part of the first event (comments, `retry`, blank
  // lines), so that it need not wait.
  std::string take_passed();

  // With State::event: its data, and where that begins in the raw bytes.
  std::string_view data() const { return std::string_view(raw_).substr(data_at_, data_size_); }
  std::size_t data_at() const { return data_at_; }

  // All bytes fed and not taken, those behind the event included. Last use of this object.
  std::string take_raw() { return std::move(raw_); }

 private:
  State end_line();
  State take_field(std::string_view name, std::string_view value);

  std::string raw_;
  std::size_t next_ = 0;     // in raw_, as the next two
  std::size_t line_at_ = 0;  // the line under way
  std::size_t data_at_ = 0;
  std::size_t data_size_ = 0;
  bool at_start_ = true;  // raw_ begins the stream
  bool after_cr_ = false;
  bool has_type_ = false;
  bool has_data_ = false;
};

}  // namespace ringside::http
