// Escaping by one pass over the value: runs of plain ASCII are copied whole, the rest is looked at
// sequence by sequence.
#include "observe/line.h"

#include <array>
#include <charconv>

namespace ringside::observe {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// What the escaped text stands in.
enum class Inside : std::uint8_t { json_string, quotes, nothing };

bool is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

struct Sequence {
  std::size_t size = 0;  // 0: the bytes are no UTF-8
  char32_t code = 0;
};

// Decodes the sequence at the front of `text`, as strictly as the Unicode standard's table 3-7: no
// overlong forms, no surrogates, nothing past U+10FFFF.
Sequence decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {size, code};
}

// Would end a line or steer a terminal.
bool is_unsafe(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

void append_unicode_escape(std::string& out, char32_t code) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(code >> shift) & 0xfU];
}

void append_unsafe(std::string& out, char32_t code) {
  switch (code) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_unicode_escape(out, code);
  }
}

// JSON has no way to write a lone byte; text keeps it readable.
void append_invalid(std::string& out, unsigned char byte, Inside inside) {
  if (inside == Inside::json_string) {
    out += "\\ufffd";
  } else {
    out += "\\x";
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xfU];
  }
}

// Appends the sequence at the front of `text`; returns its size.
std::size_t append_sequence(std::string& out, std::string_view text, Inside inside) {
  const Sequence sequence = decode(text);
  if (sequence.size == 0) {
    append_invalid(out, static_cast<unsigned char>(text[0]), inside);
    return 1;
  }
  const bool must_escape = sequence.code == '"' || sequence.code == '\\';
  if (is_unsafe(sequence.code)) {
    append_unsafe(out, sequence.code);
  } else {
    if (must_escape && inside != Inside::nothing) out += '\\';
    out += text.substr(0, sequence.size);
  }
  return sequence.size;
}

void append_escaped(std::string& out, std::string_view text, Inside inside) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && is_plain(static_cast<unsigned char>(text[run]))) ++run;
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (!text.empty()) text.remove_prefix(append_sequence(out, text, inside));
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, Inside::json_string);
  out += '"';
}

bool needs_quotes(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!is_plain(byte) || byte == ' ' || byte == '=') return true;
  }
  return text.empty();
}

void append_text_value(std::string& out, std::string_view text) {
  if (!needs_quotes(text)) {
    out += text;
    return;
  }
  out += '"';
  append_escaped(out, text, Inside::quotes);
  out += '"';
}

void append_number(std::string& out, std::uint64_t value, std::size_t width = 1) {
  std::array<char, 20> digits{};
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  const auto size = static_cast<std::size_t>(end - digits.data());
  if (size < width) out.append(width - size, '0');
  out.append(digits.data(), size);
}

}  // namespace

std::string time_text(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(whole - day);
  const auto part = [](auto count) { return static_cast<std::uint64_t>(count); };
  std::string text;
  text.reserve(24);
  append_number(text, part(static_cast<int>(date.year())), 4);
  text += '-';
  append_number(text, static_cast<unsigned>(date.month()), 2);
  text += '-';
  append_number(text, static_cast<unsigned>(date.day()), 2);
  text += 'T';
  append_number(text, part(clock.hours().count()), 2);
  text += ':';
  append_number(text, part(clock.minutes().count()), 2);
  text += ':';
  append_number(text, part(clock.seconds().count()), 2);
  text += '.';
  append_number(text, part(clock.subseconds().count()), 3);
  text += 'Z';
  return text;
}

std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  // At most three bytes back to the start of the sequence that would be split.
  while (end > 0 && bytes_max - end < 3 &&
         (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

Line::Line(std::string& out, Format format) : out_(out), format_(format) {
  if (format_ == Format::json) out_ += '{';
}

void Line::separate() {
  if (!first_) out_ += format_ == Format::json ? ',' : ' ';
  first_ = false;
}

void Line::key(std::string_view key) {
  separate();
  if (format_ == Format::json) {
    append_json_string(out_, key);
    out_ += ':';
  } else {
    append_text_value(out_, key);
    out_ += '=';
  }
}

void Line::bare(std::string_view key_name, std::string_view value) {
  if (format_ == Format::json) return field(key_name, value);
  separate();
  append_escaped(out_, value, Inside::nothing);
}

void Line::field(std::string_view key_name, std::string_view value) {
  key(key_name);
  if (format_ == Format::json) {
    append_json_string(out_, value);
  } else {
    append_text_value(out_, value);
  }
}

void Line::number(std::string_view key_name, std::uint64_t value) {
  key(key_name);
  append_number(out_, value);
}

void Line::end() { out_ += format_ == Format::json ? "}\n" : "\n"; }

}  // namespace ringside::observe
