// Finds the task that the answer to a tools/call creates, as its bytes pass by.
//
// Why      In the era without sessions a task's id is minted in a body, and later requests that
//          name it belong to the same endpoint. It must be known before the bytes that hold it are
//          released, and no byte may wait for it.
// Bounds   Looks at the first 64 KiB of a body; holds one string of at most 1 KiB, never the body.
// Errors   None: what is no JSON, or names no task, has none.
// Source   MCP 2025-11-25, tasks: result.task.taskId. SEP-2663: result.taskId. The event stream
//          format of the HTML standard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace ringside::session {

// Reads one JSON string behind its opening quote, a byte at a time, and undoes its escapes.
class JsonString {
 public:
  static constexpr std::size_t kTextMax = kKiB;

  enum class Progress : std::uint8_t { more, ended, broken };

  // What does not matter is passed over, and not kept.
  void begin(bool matters);
  Progress take(char c);

  // Empty when it did not matter or was too long.
  std::string& text() { return text_; }

 private:
  Progress take_escape(char c);
  Progress take_hex(char c);
  void append_code_unit();
  void append_code_point(std::uint32_t code_point);
  void append(std::string_view bytes);
  void flush_surrogate();

  std::string text_;
  bool matters_ = false;
  bool escaped_ = false;
  unsigned hex_left_ = 0;
  std::uint32_t code_unit_ = 0;
  std::uint32_t high_surrogate_ = 0;  // waits for its other half
};

// Reads one JSON text, a byte at a time. It follows depth, names and strings, which is enough to
// pass over whatever a tool has said, and checks nothing else.
class TaskIdInJson {
 public:
  enum class Verdict : std::uint8_t {
    undecided,
    found,
    no_answer,  // the text is over: it was a notification or the like, or no JSON
    no_task,    // the text is over: it was an answer
  };

  Verdict take(char c);
  std::string& id() { return string_.text(); }  // when found

 private:
  enum class Member : std::uint8_t { other, result, task, task_id };

  void open(char bracket);
  void close();
  void end_string();
  void end_name(std::string_view name);

  Verdict verdict_ = Verdict::undecided;
  std::size_t depth_ = 0;
  std::size_t path_ = 0;  // how many of the objects around lead to the id: 1 is the root, 2 its
                          // result, 3 the task in that
  Member member_ = Member::other;  // the last name where depth_ == path_
  bool is_value_ = false;          // where depth_ == path_: a value comes, not a name
  bool is_answer_ = false;
  bool in_string_ = false;
  JsonString string_;
};

// Reads a body, which is JSON or an event stream: the first byte tells.
class TaskIdFinder {
 public:
  static constexpr std::size_t kLookMax = 64 * kKiB;

  // True while more bytes can make a difference.
  bool feed(std::string_view bytes);

  const std::optional<std::string>& found() const { return found_; }

 private:
  enum class Form : std::uint8_t { unknown, json, events, done };
  enum class Line : std::uint8_t { name, data, ignored };

  void take(char c);
  void take_event_byte(char c);
  void end_line();
  void take_json(char c);

  Form form_ = Form::unknown;
  std::size_t looked_at_ = 0;
  Line line_ = Line::name;
  std::size_t name_length_ = 0;  // how much of "data:" the line has begun with
  bool after_cr_ = false;
  TaskIdInJson json_;
  std::optional<std::string> found_;
};

// The same over bytes that are all there.
std::optional<std::string> task_id_of(std::string_view body_start);

}  // namespace ringside::session
