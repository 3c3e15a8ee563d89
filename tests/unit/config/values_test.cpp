// Durations, sizes, numbers, percentages and flags as people write them.
#include "config/values.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace ringside;
using namespace ringside::config;

namespace {

template <class T>
std::string fault_of(const Result<T, Complaint>& result) {
  return result ? "none" : result.error().problem + "; " + result.error().remedy;
}

}  // namespace

TEST_CASE("values: a duration is a whole number and a unit") {
  CHECK(parse_duration("250ms").value() == milliseconds(250));
  CHECK(parse_duration("10s").value() == milliseconds(10'000));
  CHECK(parse_duration("2m").value() == milliseconds(120'000));
  CHECK(parse_duration("3h").value() == milliseconds(10'800'000));
  CHECK(parse_duration("0s").value() == milliseconds(0));
  CHECK(parse_duration("007s").value() == milliseconds(7'000));
}

TEST_CASE("values: what is no duration gets the nearest one that is") {
  const std::string units = " (units: ms, s, m, h)";
  CHECK(fault_of(parse_duration("10")) == "\"10\" has no unit; write 10s" + units);
  CHECK(fault_of(parse_duration("0")) == "\"0\" has no unit; write 0s" + units);
  CHECK(fault_of(parse_duration("30 sec")) ==
        "\"30 sec\" is not a duration; write a whole number and one unit, such as 30s" + units);
  CHECK(fault_of(parse_duration("5min")) ==
        "\"5min\" is not a duration; write a whole number and one unit, such as 5m" + units);
  CHECK(fault_of(parse_duration("10S")) ==
        "\"10S\" is not a duration; write a whole number and one unit, such as 10s" + units);
  CHECK(fault_of(parse_duration("2d")) ==
        "\"2d\" is not a duration; write a whole number and one unit, such as 48h" + units);
  CHECK(fault_of(parse_duration("-1s")) ==
        "\"-1s\" is not a duration; write a whole number and a unit, such as 10s" + units);
  CHECK(fault_of(parse_duration("")) ==
        "\"\" is not a duration; write a whole number and a unit, such as 10s" + units);
  for (const auto* text :
       {"1.5s", "1h30m", "10us", "s", "ms", "10sm", " 10s", "10s ", "1e3s", "0x10s", "+1s"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("values: a number too large to count is a fault, not another number") {
  const std::string expected =
      "\"99999999999999999999h\" is too large for any setting; write a smaller number";
  CHECK(fault_of(parse_duration("99999999999999999999h")).starts_with(expected));
  CHECK_FALSE(parse_duration("9223372036854775807h").has_value());
  CHECK_FALSE(parse_size("18446744073709551615GiB").has_value());
  CHECK(parse_whole("18446744073709551615").value() == 18446744073709551615ULL);
  CHECK_FALSE(parse_whole("18446744073709551616").has_value());
}

TEST_CASE("values: a size is a whole number and a unit") {
  CHECK(parse_size("1B").value() == 1);
  CHECK(parse_size("64KiB").value() == 65'536);
  CHECK(parse_size("16MiB").value() == 16'777'216);
  CHECK(parse_size("2GiB").value() == 2'147'483'648);
  const std::string units = " (units: B, KiB, MiB, GiB)";
  CHECK(fault_of(parse_size("65536")) == "\"65536\" has no unit; write 64KiB" + units);
  CHECK(fault_of(parse_size("1000")) == "\"1000\" has no unit; write 1000B" + units);
  CHECK(fault_of(parse_size("64k")) ==
        "\"64k\" is not a size; write a whole number and one unit, such as 64KiB" + units);
  CHECK(fault_of(parse_size("1 GB")) ==
        "\"1 GB\" is not a size; write a whole number and one unit, such as 1GiB" + units);
  CHECK_FALSE(parse_size("64kib").has_value());
}

TEST_CASE("values: numbers are digits, with at most one point") {
  CHECK(parse_whole("0").value() == 0);
  CHECK(parse_real("1.25").value() == 1.25);
  CHECK(parse_real("2").value() == 2);
  for (const auto* text : {"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "1_000", "nan", "inf"}) {
    INFO(text);
    CHECK_FALSE(parse_whole(text).has_value());
    CHECK_FALSE(parse_real(text).has_value());
  }
}

TEST_CASE("values: a percentage is a number and its sign") {
  CHECK(parse_percent("20%").value() == 20);
  CHECK(parse_percent("0.5%").value() == 0.5);
  CHECK(parse_percent("0%").value() == 0);
  CHECK(fault_of(parse_percent("20")) ==
        "\"20\" is not a percentage; write a number and %, such as 20%");
  for (const auto* text : {"", "%", "-1%", "+1%", "20 %", "20%%", "1e1%", "nan%", "0x1%"}) {
    INFO(text);
    CHECK_FALSE(parse_percent(text).has_value());
  }
}

TEST_CASE("values: a flag is true or false") {
  CHECK(parse_flag("true").value());
  CHECK_FALSE(parse_flag("false").value());
  CHECK(fault_of(parse_flag("yes")) == "\"yes\" is neither true nor false; write one of the two");
  for (const auto* text : {"", "True", "on", "off", "1", "0", "true "}) {
    INFO(text);
    CHECK_FALSE(parse_flag(text).has_value());
  }
}

TEST_CASE("values: text is in the largest unit that leaves a whole number, and reads back") {
  CHECK(duration_text(0) == "0s");
  CHECK(duration_text(1) == "1ms");
  CHECK(duration_text(1'500) == "1500ms");
  CHECK(duration_text(75'000) == "75s");
  CHECK(duration_text(60'000) == "1m");
  CHECK(duration_text(10'800'000) == "3h");
  CHECK(size_text(0) == "0");
  CHECK(size_text(1'000) == "1000B");
  CHECK(size_text(65'536) == "64KiB");
  CHECK(real_text(1.25) == "1.25");
  for (const std::uint64_t value : {1ULL, 999ULL, 1'000ULL, 59'000ULL, 86'400'000ULL}) {
    CHECK(parse_duration(duration_text(value)).value() ==
          milliseconds(static_cast<std::int64_t>(value)));
    CHECK(parse_size(size_text(value)).value() == value);
  }
}
