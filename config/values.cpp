// Parsing and printing of durations, sizes, numbers, percentages and flags.
#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace ringside::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 4> kDurationUnits{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::array<Unit, 4> kSizeUnits{
    {{"B", 1}, {"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}}};

// Far above every range, and small enough that no sum of two overflows.
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;

struct Form {
  std::string_view noun;  // "a duration"
  std::string_view bare;  // the unit that a bare number probably has
  std::string_view units;
  std::span<const Unit> known;
};

constexpr Form kDurationForm{"a duration", "s", "ms, s, m, h", kDurationUnits};
constexpr Form kSizeForm{"a size", "B", "B, KiB, MiB, GiB", kSizeUnits};

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string units_of(const Form& form) { return " (units: " + std::string(form.units) + ")"; }

std::string with_unit(std::uint64_t value, std::string_view zero, std::span<const Unit> units) {
  if (value == 0) return std::string(zero);
  for (std::size_t i = units.size(); i-- > 1;) {
    if (value % units[i].factor == 0)
      return std::to_string(value / units[i].factor) + std::string(units[i].name);
  }
  return std::to_string(value) + std::string(units[0].name);
}

// What somebody meant who wrote "1GB", "30 sec" or "2d": the unit that begins alike.
std::string meant(std::string_view number, std::string_view unit, const Form& form) {
  const std::string given(number);
  const std::size_t begin = unit.find_first_not_of(' ');
  const bool is_duration = &form == &kDurationForm;
  if (begin == std::string_view::npos) {
    const bool is_as_given = is_duration || number.size() > 15;
    return is_as_given ? given + std::string(form.bare)
                       : with_unit(digits(number).value_or(0), "0B", form.known);
  }
  const std::string wanted = lower_case(unit.substr(begin));
  if (is_duration && wanted.starts_with("d") && number.size() < 6) {
    return std::to_string(24 * digits(number).value_or(1)) + "h";
  }
  for (const Unit& each : form.known) {
    if (lower_case(each.name) == wanted) return given + std::string(each.name);
  }
  for (const Unit& each : form.known) {
    if (each.name.size() != 2 && lower_case(each.name)[0] == wanted[0])
      return given + std::string(each.name);
  }
  return given + std::string(form.bare);
}

std::unexpected<Complaint> complain_of_unit(std::string_view text, std::string_view number,
                                            std::string_view unit, const Form& form) {
  const std::string noun(form.noun);
  if (number.empty()) {
    return complain(
        in_quotes(text) + " is not " + noun,
        "write a whole number and a unit, such as 10" + std::string(form.bare) + units_of(form));
  }
  const std::string right = meant(number, unit, form);
  if (unit.empty())
    return complain(in_quotes(number) + " has no unit", "write " + right + units_of(form));
  return complain(in_quotes(text) + " is not " + noun,
                  "write a whole number and one unit, such as " + right + units_of(form));
}

Result<std::uint64_t, Complaint> parse_with_unit(std::string_view text, const Form& form) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const auto length = static_cast<std::size_t>(end - text.begin());
  const std::string_view number = text.substr(0, length);
  const std::string_view unit = text.substr(length);
  const auto known = std::ranges::find(form.known, unit, &Unit::name);
  if (known == form.known.end() || number.empty())
    return complain_of_unit(text, number, unit, form);
  const auto value = digits(number);
  if (!value || *value > kMost / known->factor) {
    return complain(in_quotes(text) + " is too large for any setting",
                    "write a smaller number" + units_of(form));
  }
  return *value * known->factor;
}

}  // namespace

Result<milliseconds, Complaint> parse_duration(std::string_view text) {
  auto value = parse_with_unit(text, kDurationForm);
  if (!value) return std::unexpected(std::move(value.error()));
  return milliseconds(static_cast<std::int64_t>(*value));
}

Result<std::uint64_t, Complaint> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizeForm);
}

Result<std::uint64_t, Complaint> parse_whole(std::string_view text) {
  if (const auto value = digits(text)) return *value;
  if (!text.empty() && std::ranges::all_of(text, is_digit)) {
    return complain(in_quotes(text) + " is too large for any setting", "write a smaller number");
  }
  return complain(in_quotes(text) + " is not a whole number", "write digits alone, such as 100");
}

Result<double, Complaint> parse_real(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const bool is_number =
      error == std::errc{} && end == text.data() + text.size() && is_digit(text.front());
  if (!is_number)
    return complain(in_quotes(text) + " is not a number", "write digits and a point, such as 1.25");
  return value;
}

Result<double, Complaint> parse_percent(std::string_view text) {
  if (text.ends_with('%')) {
    if (const auto value = parse_real(text.substr(0, text.size() - 1))) return *value;
  }
  return complain(in_quotes(text) + " is not a percentage", "write a number and %, such as 20%");
}

Result<bool, Complaint> parse_flag(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  return complain(in_quotes(text) + " is neither true nor false", "write one of the two");
}

std::string duration_text(std::uint64_t ms) { return with_unit(ms, "0s", kDurationUnits); }

std::string size_text(std::uint64_t bytes) { return with_unit(bytes, "0", kSizeUnits); }

std::string real_text(double value) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::string(text.data(), end) : std::string("?");
}

}  // namespace ringside::config
