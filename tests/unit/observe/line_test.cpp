// Lines of a log: what a value from outside can and cannot do to them.
#include "observe/line.h"

#include <catch2/catch_test_macros.hpp>

using namespace ringside::observe;

namespace {

WallTime at_ms(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

std::string text_of(std::string_view value) {
  std::string out;
  Line line(out, Format::text);
  line.field("k", value);
  line.end();
  return out;
}

std::string json_of(std::string_view value) {
  std::string out;
  Line line(out, Format::json);
  line.field("k", value);
  line.end();
  return out;
}

}  // namespace

TEST_CASE("line: times are UTC with exactly three digits of milliseconds") {
  CHECK(time_text(at_ms(0)) == "1970-01-01T00:00:00.000Z");
  CHECK(time_text(at_ms(1'795'395'106'007)) == "2026-11-23T00:51:46.007Z");
  CHECK(time_text(at_ms(1'709'210'096'999)) == "2024-02-29T12:34:56.999Z");
}

TEST_CASE("line: a time finer than a millisecond is cut, never rounded into the next second") {
  CHECK(time_text(WallTime(std::chrono::microseconds(999'999))) == "1970-01-01T00:00:00.999Z");
}

TEST_CASE("line: text values stand in quotes exactly where they would be ambiguous") {
  CHECK(text_of("plain-1:2/3?x&y") == "k=plain-1:2/3?x&y\n");
  CHECK(text_of("") == "k=\"\"\n");
  CHECK(text_of("two words") == "k=\"two words\"\n");
  CHECK(text_of("a=b") == "k=\"a=b\"\n");
  CHECK(text_of("say \"x\"") == "k=\"say \\\"x\\\"\"\n");
  CHECK(text_of("back\\slash") == "k=\"back\\\\slash\"\n");
}

TEST_CASE("line: no control character and no line separator reaches a line, in either format") {
  std::string hostile = "a\nb\r\tc\x1b[31m\x7f";
  hostile += '\0';
  hostile += "\xc2\x9b";      // C1: CSI
  hostile += "\xe2\x80\xa8";  // U+2028
  const std::string escaped = R"(a\nb\r\tc\u001b[31m\u007f\u0000\u009b\u2028)";
  CHECK(text_of(hostile) == "k=\"" + escaped + "\"\n");
  CHECK(json_of(hostile) == "{\"k\":\"" + escaped + "\"}\n");
}

TEST_CASE("line: well-formed UTF-8 passes unchanged") {
  const std::string value = "gr\xc3\xbc\xc3\x9f-\xe6\x97\xa5-\xf0\x9f\x98\x80";
  CHECK(json_of(value) == "{\"k\":\"" + value + "\"}\n");
  CHECK(text_of(value) == "k=\"" + value + "\"\n");
}

TEST_CASE("line: every byte that is no UTF-8 becomes U+FFFD in JSON and its value in text") {
  const std::string_view broken[] = {
      "\x80",  // a continuation alone
      "\xc3",  // cut at the end
      "\xff",  // never a byte of UTF-8
      "\xc0",  // lead of overlong forms only
      "\xf5",  // past U+10FFFF
  };
  for (const std::string_view bytes : broken) {
    CHECK(json_of(bytes) == "{\"k\":\"\\ufffd\"}\n");
  }
  CHECK(text_of("a\xff") == "k=\"a\\xff\"\n");
  CHECK(text_of("\xc3(") == "k=\"\\xc3(\"\n");
}

TEST_CASE("line: overlong forms and surrogates are invalid byte by byte") {
  CHECK(json_of("\xe0\x80\xaf") == "{\"k\":\"\\ufffd\\ufffd\\ufffd\"}\n");
  CHECK(json_of("\xf0\x80\x80\xaf") == "{\"k\":\"\\ufffd\\ufffd\\ufffd\\ufffd\"}\n");
  CHECK(json_of("\xed\xa0\x80") == "{\"k\":\"\\ufffd\\ufffd\\ufffd\"}\n");
}

TEST_CASE("line: every single byte gives one line in both formats") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value(1, static_cast<char>(byte));
    for (const std::string& line : {text_of(value), json_of(value)}) {
      CHECK(line.find('\n') == line.size() - 1);
      for (const char c : line.substr(0, line.size() - 1)) {
        const auto code = static_cast<unsigned char>(c);
        CHECK((code >= 0x20 && code < 0x7f));
      }
    }
  }
}

TEST_CASE("line: numbers are JSON numbers and bare values have no key in text") {
  std::string out;
  Line json(out, Format::json);
  json.bare("level", "info");
  json.number("n", 18446744073709551615U);
  json.end();
  CHECK(out == "{\"level\":\"info\",\"n\":18446744073709551615}\n");

  out.clear();
  Line text(out, Format::text);
  text.bare("level", "info");
  text.number("n", 0);
  text.end();
  CHECK(out == "info n=0\n");
}

TEST_CASE("line: a cut never splits a UTF-8 sequence") {
  CHECK(cut("abc", 3) == "abc");
  CHECK(cut("abcd", 3) == "abc");
  CHECK(cut("a\xe6\x97\xa5", 2) == "a");
  CHECK(cut("a\xe6\x97\xa5", 3) == "a");
  CHECK(cut("a\xe6\x97\xa5z", 4) == "a\xe6\x97\xa5");
  CHECK(cut("\xf0\x9f\x98\x80", 3).empty());
}

TEST_CASE("line: a cut of bytes that are no UTF-8 loses at most three of them") {
  CHECK(cut(std::string(100, '\x80'), 50).size() >= 47);
}
