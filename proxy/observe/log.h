// The process log: one line an event, on standard error, as text for people or JSON for machines.
//
// Why      A line stays one line whatever is in it: see line.h.
// Time     The wall clock, UTC, read when the line is made and only ever printed.
// Threads  Safe from any thread.
// Bounds   A line is written at once; the log keeps none.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ringside::observe {

enum class Level : std::uint8_t { debug, info, warn, error };
enum class Format : std::uint8_t { text, json };

struct LogOptions {
  Level level = Level::info;
  Format format = Format::text;
  std::string access;  // empty: off; "stdout"; else a path
};

using LogField = std::pair<std::string_view, std::string>;
using LogFields = std::initializer_list<LogField>;

class Log {
 public:
  explicit Log(const LogOptions& options);
  ~Log();

  bool enabled(Level level) const;
  void debug(std::string_view message, LogFields fields = {});
  void info(std::string_view message, LogFields fields = {});
  void warn(std::string_view message, LogFields fields = {});
  void error(std::string_view message, LogFields fields = {});
  void write(Level level, std::string_view message, std::span<const LogField> fields);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace ringside::observe
