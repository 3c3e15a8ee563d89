// One line of a log, as text or JSON, built so that no byte that a client sent can break it.
//
// Why      A path with a line feed, a quote or half a UTF-8 sequence must neither forge a line nor
//          spoil a parser. Control characters (C0, C1, DEL), line separators and invalid UTF-8 are
//          always escaped.
// Owns     Nothing: it appends to the caller's string, which ends with a complete line after end().
// Bounds   A value is written in full; who writes a client's bytes cuts them first (see cut()).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "observe/log.h"

namespace ringside::observe {

using WallTime = std::chrono::system_clock::time_point;

// UTC with milliseconds: 2026-11-23T00:51:46.123Z.
std::string time_text(WallTime time);

// At most `bytes_max` bytes of `text`, never ending inside a UTF-8 sequence.
std::string_view cut(std::string_view text, std::size_t bytes_max);

class Line {
 public:
  Line(std::string& out, Format format);

  // In text the value alone, in JSON a member like any other.
  void bare(std::string_view key, std::string_view value);
  // In text key=value, in quotes where it needs them; in JSON a string.
  void field(std::string_view key, std::string_view value);
  void number(std::string_view key, std::uint64_t value);
  void end();

 private:
  void separate();
  void key(std::string_view key);

  std::string& out_;
  Format format_;
  bool first_ = true;
};

// The whole line of one event of the process log.
std::string log_line(WallTime time, Level level, std::string_view message,
                     std::span<const LogField> fields, Format format);

}  // namespace ringside::observe
