// Values as people write them: durations (10s), sizes (64KiB), numbers, percentages, true and
// false; and the same values as text.
//
// Why      A bare 10 is seconds to one reader and milliseconds to another, so a unit is required.
// Errors   A Complaint that says how to write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address_text.h"
#include "base/clock.h"
#include "base/result.h"

namespace ringside::config {

// A whole number and one of ms, s, m, h. Also zero needs its unit: 0s.
Result<milliseconds, Complaint> parse_duration(std::string_view text);
// A whole number and one of B, KiB, MiB, GiB.
Result<std::uint64_t, Complaint> parse_size(std::string_view text);
// Decimal digits alone.
Result<std::uint64_t, Complaint> parse_whole(std::string_view text);
// Digits, with or without a decimal point: 1.25.
Result<double, Complaint> parse_real(std::string_view text);
// A number and a percent sign: "20%" is 20.
Result<double, Complaint> parse_percent(std::string_view text);
// true or false, and no other word for them.
Result<bool, Complaint> parse_flag(std::string_view text);

// In the largest unit that leaves a whole number: 90s, 2m, 0s; 64KiB, 0.
std::string duration_text(std::uint64_t ms);
std::string size_text(std::uint64_t bytes);
std::string real_text(double value);

}  // namespace ringside::config
