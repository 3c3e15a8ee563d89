// The lesson of an answer, and the reading of a 400's body.
#include "session/learn.h"

#include <algorithm>
#include <array>
#include <optional>

#include "http/head.h"

namespace ringside::session {
namespace {

using http::Method;

constexpr bool is_success(unsigned status) { return status >= 200 && status < 300; }

// How servers begin to say that they do not know a session, after "Bad Request: " or the like.
constexpr std::array<std::string_view, 9> kUnknownForms{
    "no valid session id",             // TypeScript and Python applications
    "session not found",               // TypeScript, Go, Rust
    "session id not found",            // C#, legacy event streams
    "invalid session id",              // mcp-go
    "invalid or missing session id",   // TypeScript applications, to GET and DELETE
    "no transport found for session",  // TypeScript applications, legacy event streams
    "server not initialized",          // a fresh TypeScript transport
    "session terminated",              // mcp-go
    "session has been terminated",     // Python
};

constexpr std::array<std::string_view, 2> kStatusWords{"bad request:", "not found:"};

constexpr std::string_view kBlank = " \t\r\n";

std::string_view without_leading_blank(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlank), text.size()));
}

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         http::equals_ignoring_case(text.substr(0, start.size()), start);
}

bool is_unknown_form(std::string_view message, std::span<const std::string> more_forms) {
  message = without_leading_blank(message);
  for (const std::string_view words : kStatusWords) {
    if (starts_ignoring_case(message, words)) {
      message = without_leading_blank(message.substr(words.size()));
      break;
    }
  }
  const auto begins = [&](std::string_view form) { return starts_ignoring_case(message, form); };
  return std::ranges::any_of(kUnknownForms, begins) || std::ranges::any_of(more_forms, begins);
}

// Finds the message in the beginning of a JSON error: {"error": {"message": M}}, {"error": M} or
// {"message": M}. Not a JSON parser: it follows depth, strings and keys, which is enough to pass
// over what other members say.
class ErrorMessage {
 public:
  explicit ErrorMessage(std::string_view body) : rest_(body) {}

  std::optional<std::string_view> find() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '"') {
        const std::string_view text = take_string();
        if (is_value_of_message(text)) return text;
        continue;
      }
      rest_.remove_prefix(1);
      if (c == '{' || c == '[') ++depth_;
      if (c == '}' || c == ']') --depth_;
      if (c == ',' || c == '{') is_value_ = false;
      if (c == ':' || c == '[') is_value_ = true;
    }
    return std::nullopt;
  }

 private:
  // The string at the front without its quotes; escapes stay as they are. One that is cut off ends
  // with the body.
  std::string_view take_string() {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    end = std::min(end, rest_.size());
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }

  // Takes note of a key; says whether a value is the message.
  bool is_value_of_message(std::string_view text) {
    if (is_value_) {
      return (depth_ == 1 && (key_ == "error" || key_ == "message")) ||
             (depth_ == 2 && outer_key_ == "error" && key_ == "message");
    }
    if (depth_ == 1) outer_key_ = text;
    key_ = text;
    return false;
  }

  std::string_view rest_;
  std::string_view outer_key_;  // the last key at depth 1
  std::string_view key_;        // the last key at any depth
  int depth_ = 0;
  bool is_value_ = false;  // what follows stands for a key, or in an array
};

Lesson lesson_of_refusal(const Answer& answer) {
  if (answer.status == 400) return Lesson::ask_body;
  if (answer.status != 404) return Lesson::nothing;
  return answer.method == Method::get ? Lesson::ask_body : Lesson::forget_unknown;
}

}  // namespace

Lesson lesson_of(const Answer& answer) {
  const bool names_session = answer.era == Era::legacy && answer.claim == Claim::id;
  if (is_success(answer.status)) {
    if (answer.method == Method::post) {
      const bool issues = answer.may_learn && answer.status != 202 && answer.issues_other_id;
      return issues ? Lesson::learn : Lesson::nothing;
    }
    const bool ends = answer.method == Method::delete_ && names_session && answer.on_session_path;
    return ends ? Lesson::forget_ended : Lesson::nothing;
  }
  const bool of_transport = answer.method == Method::post || answer.method == Method::get ||
                            answer.method == Method::delete_;
  if (!names_session || !of_transport || !answer.on_session_path) return Lesson::nothing;
  return lesson_of_refusal(answer);
}

bool says_unknown_session(std::string_view body_start, std::span<const std::string> more_forms) {
  body_start = without_leading_blank(body_start.substr(0, kUnknownSessionPeekBytes));
  if (!body_start.starts_with('{')) {
    if (body_start.starts_with('"')) body_start.remove_prefix(1);  // a JSON text that is a string
    return is_unknown_form(body_start, more_forms);
  }
  const auto message = ErrorMessage(body_start).find();
  return message && is_unknown_form(*message, more_forms);
}

}  // namespace ringside::session
