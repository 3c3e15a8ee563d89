// The lines of an event stream, by byte for its boundaries and whole for its first event.
#include "http/event_stream.h"

#include <algorithm>

namespace ringside::http {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

constexpr bool ends_line(char byte) { return byte == '\n' || byte == '\r'; }

// An event that does not begin with its type: one byte tells, so nothing of it need wait.
bool begins_data_or_id(char first) { return first == 'd' || first == 'i'; }

}  // namespace

// ---- EventBoundary ------------------------------------------------------------------------------

void EventBoundary::feed(std::string_view bytes) {
  std::size_t line_feed = 0;  // the next one, once it is looked for
  for (std::size_t at = 0; at < bytes.size();) {
    take(bytes[at++]);
    if (line_ == Line::empty || mark_bytes_ < kByteOrderMark.size()) continue;
    // What else is in a line makes no difference.
    if (line_feed < at) line_feed = std::min(bytes.find('\n', at), bytes.size());
    at += std::min(bytes.substr(at, line_feed - at).find('\r'), line_feed - at);
  }
}

void EventBoundary::take(char byte) {
  if (after_cr_) {
    after_cr_ = false;
    last_end_was_cr_ = byte != '\n';
    if (byte == '\n') return;
  }
  if (ends_line(byte)) {
    end_line(byte);
  } else if (line_ == Line::empty) {
    line_ = byte == ':' ? Line::comment : Line::field;
  }
  if (mark_bytes_ < kByteOrderMark.size() && is_mark(byte)) line_ = Line::empty;
}

void EventBoundary::end_line(char end) {
  if (line_ != Line::comment) in_event_ = line_ == Line::field;
  line_ = Line::empty;
  after_cr_ = end == '\r';
  if (end == '\n') last_end_was_cr_ = false;
}

// True for the last byte of a byte order mark at the stream's start. The bytes before it count as a
// field until then.
bool EventBoundary::is_mark(char byte) {
  if (byte == kByteOrderMark[mark_bytes_]) {
    ++mark_bytes_;
    return mark_bytes_ == kByteOrderMark.size();
  }
  mark_bytes_ = kByteOrderMark.size();
  return false;
}

// ---- FirstEvent ---------------------------------------------------------------------------------

FirstEvent::State FirstEvent::feed(std::string_view bytes) {
  raw_.append(bytes);
  const std::size_t end = std::min(raw_.size(), kFirstEventBytes);
  for (; next_ < end; ++next_) {
    const char byte = raw_[next_];
    if (next_ == line_at_ && !has_type_ && begins_data_or_id(byte)) return State::other;
    const bool second_half = byte == '\n' && after_cr_;
    after_cr_ = byte == '\r';
    if (!ends_line(byte)) continue;
    const State state = second_half ? State::more : end_line();
    if (state != State::more) return state;
    line_at_ = next_ + 1;
  }
  return raw_.size() < kFirstEventBytes ? State::more : State::too_long;
}

std::string FirstEvent::take_passed() {
  if (has_type_ || line_at_ == 0) return {};
  std::string passed = raw_.substr(0, line_at_);
  raw_.erase(0, line_at_);
  next_ -= line_at_;
  line_at_ = 0;
  at_start_ = false;
  return passed;
}

FirstEvent::State FirstEvent::end_line() {
  std::string_view line = std::string_view(raw_).substr(line_at_, next_ - line_at_);
  if (at_start_ && line_at_ == 0 && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (line.empty()) {
    if (!has_type_) return State::more;
    return has_data_ ? State::event : State::other;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return State::more;  // a comment
  std::string_view value = line.substr(std::min(colon, line.size() - 1) + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return take_field(line.substr(0, colon), value);
}

FirstEvent::State FirstEvent::take_field(std::string_view name, std::string_view value) {
  if (name == "event") {
    has_type_ = value == "endpoint";
    return has_type_ ? State::more : State::other;
  }
  if (name == "data") {
    if (has_data_ || !has_type_) return State::other;
    has_data_ = true;
    data_at_ = static_cast<std::size_t>(value.data() - raw_.data());
    data_size_ = value.size();
  }
  return State::more;
}

}  // namespace ringside::http
