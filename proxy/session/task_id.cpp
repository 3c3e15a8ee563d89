// Two state machines, one in the other: lines of an event stream, and the JSON in their data.
#include "session/task_id.h"

#include <algorithm>
#include <utility>

namespace ringside::session {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kDataField = "data:";

constexpr std::uint32_t kReplacement = 0xfffd;  // for half a surrogate pair

bool is_one_of(char c, std::string_view set) { return set.find(c) != set.npos; }

std::optional<std::uint32_t> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<char> escaped_char(char c) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const std::size_t at = kNames.find(c);
  if (at == kNames.npos) return std::nullopt;
  return kMeanings[at];
}

void append_utf8(std::string& text, std::uint32_t code_point) {
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((code_point >> shift) & 0x3fU));
  };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xc0U | (code_point >> 6U));
    tail(0);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xe0U | (code_point >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0U | (code_point >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

void JsonString::begin(bool matters) {
  text_.clear();
  matters_ = matters;
  escaped_ = false;
  hex_left_ = 0;
  high_surrogate_ = 0;
}

JsonString::Progress JsonString::take(char c) {
  if (hex_left_ > 0) return take_hex(c);
  if (escaped_) return take_escape(c);
  if (c == '\\') {
    escaped_ = true;
    return Progress::more;
  }
  flush_surrogate();
  if (c == '"') return Progress::ended;
  append({&c, 1});
  return Progress::more;
}

JsonString::Progress JsonString::take_escape(char c) {
  escaped_ = false;
  if (c == 'u') {
    hex_left_ = 4;
    code_unit_ = 0;
    return Progress::more;
  }
  flush_surrogate();
  const auto meaning = escaped_char(c);
  if (!meaning) return Progress::broken;
  append({&*meaning, 1});
  return Progress::more;
}

JsonString::Progress JsonString::take_hex(char c) {
  const auto digit = hex_value(c);
  if (!digit) return Progress::broken;
  code_unit_ = code_unit_ << 4U | *digit;
  if (--hex_left_ == 0) append_code_unit();
  return Progress::more;
}

void JsonString::append_code_unit() {
  const bool is_high = code_unit_ >= 0xd800 && code_unit_ < 0xdc00;
  const bool is_low = code_unit_ >= 0xdc00 && code_unit_ < 0xe000;
  if (is_low && high_surrogate_ != 0) {
    const std::uint32_t high = std::exchange(high_surrogate_, 0) - 0xd800;
    append_code_point(0x10000 + (high << 10U) + (code_unit_ - 0xdc00));
    return;
  }
  flush_surrogate();
  if (is_high) {
    high_surrogate_ = code_unit_;
  } else {
    append_code_point(is_low ? kReplacement : code_unit_);
  }
}

void JsonString::flush_surrogate() {
  if (std::exchange(high_surrogate_, 0) != 0) append_code_point(kReplacement);
}

void JsonString::append_code_point(std::uint32_t code_point) {
  std::string bytes;  // so short that it lies in the object
  append_utf8(bytes, code_point);
  append(bytes);
}

void JsonString::append(std::string_view bytes) {
  if (!matters_) return;
  text_ += bytes;
  if (text_.size() <= kTextMax) return;
  matters_ = false;
  text_.clear();
}

TaskIdInJson::Verdict TaskIdInJson::take(char c) {
  if (verdict_ != Verdict::undecided) return verdict_;
  if (in_string_) {
    const JsonString::Progress progress = string_.take(c);
    if (progress == JsonString::Progress::ended) end_string();
    if (progress == JsonString::Progress::broken) verdict_ = Verdict::no_answer;
  } else if (c == '{' || c == '[') {
    open(c);
  } else if (depth_ == 0) {
    if (!is_one_of(c, kBlank)) verdict_ = Verdict::no_answer;
  } else if (c == '}' || c == ']') {
    close();
  } else if (c == '"') {
    in_string_ = true;
    string_.begin(depth_ == path_ && (!is_value_ || member_ == Member::task_id));
  } else if (depth_ == path_ && (c == ':' || c == ',')) {
    is_value_ = c == ':';
  }
  return verdict_;
}

void TaskIdInJson::open(char bracket) {
  const bool is_root = depth_ == 0;
  const bool named = member_ == Member::result || member_ == Member::task;
  const bool leads_on = bracket == '{' && depth_ == path_ && (is_root || (is_value_ && named));
  ++depth_;
  if (is_root && !leads_on) verdict_ = Verdict::no_answer;  // a batch: older than tasks
  if (!leads_on) return;
  ++path_;
  is_value_ = false;
  member_ = Member::other;
}

void TaskIdInJson::close() {
  if (depth_ == path_) {
    --path_;
    is_value_ = true;
    member_ = Member::other;
  }
  if (--depth_ == 0) verdict_ = is_answer_ ? Verdict::no_task : Verdict::no_answer;
}

void TaskIdInJson::end_string() {
  in_string_ = false;
  if (depth_ != path_) return;
  if (!is_value_) {
    end_name(string_.text());
  } else if (member_ == Member::task_id && !string_.text().empty()) {
    verdict_ = Verdict::found;
  }
}

void TaskIdInJson::end_name(std::string_view name) {
  member_ = Member::other;
  if (path_ == 1) {
    if (name == "result") member_ = Member::result;
    if (name == "result" || name == "error") is_answer_ = true;
  } else if (name == "taskId") {
    member_ = Member::task_id;
  } else if (path_ == 2 && name == "task") {
    member_ = Member::task;
  }
}

bool TaskIdFinder::feed(std::string_view bytes) {
  for (const char c : bytes.substr(0, kLookMax - looked_at_)) {
    if (form_ == Form::done) break;
    take(c);
  }
  looked_at_ += std::min(bytes.size(), kLookMax - looked_at_);
  if (looked_at_ == kLookMax) form_ = Form::done;
  return form_ != Form::done;
}

void TaskIdFinder::take(char c) {
  if (form_ == Form::unknown && !is_one_of(c, kBlank) && !is_one_of(c, kByteOrderMark)) {
    form_ = c == '{' || c == '[' ? Form::json : Form::events;
  }
  if (form_ == Form::json) take_json(c);
  if (form_ == Form::events) take_event_byte(c);
}

void TaskIdFinder::take_event_byte(char c) {
  const bool ends_crlf = std::exchange(after_cr_, c == '\r') && c == '\n';
  if (ends_crlf) return;
  if (c == '\r' || c == '\n') {
    end_line();
  } else if (line_ == Line::data) {
    take_json(c);
  } else if (line_ == Line::name) {
    const bool agrees = c == kDataField[name_length_];
    if (!agrees) line_ = Line::ignored;
    if (agrees && ++name_length_ == kDataField.size()) line_ = Line::data;
  }
}

// An empty line ends the event, and with it the text in its data.
void TaskIdFinder::end_line() {
  if (line_ == Line::name && name_length_ == 0) json_ = {};
  line_ = Line::name;
  name_length_ = 0;
}

void TaskIdFinder::take_json(char c) {
  using Verdict = TaskIdInJson::Verdict;
  const Verdict verdict = json_.take(c);
  if (verdict == Verdict::undecided) return;
  if (verdict == Verdict::found) found_ = std::move(json_.id());
  if (verdict != Verdict::no_answer || form_ == Form::json) form_ = Form::done;
}

std::optional<std::string> task_id_of(std::string_view body_start) {
  TaskIdFinder finder;
  finder.feed(body_start);
  return finder.found();
}

}  // namespace ringside::session
