// Makers of table rows for the common types. A row knows its member at compile time, so a table
// cannot fill the wrong struct.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/values.h"
#include "config/walk.h"

namespace ringside::config {

template <class Member>
struct MemberTraits;
template <class T, class V>
struct MemberTraits<V T::*> {
  using Class = T;
  using Value = V;
};
template <auto kMember>
using ClassOf = typename MemberTraits<decltype(kMember)>::Class;
template <auto kMember>
using ValueOf = typename MemberTraits<decltype(kMember)>::Value;

// One value of an enum as it is written.
template <class Enum>
struct Word {
  std::string_view written;
  Enum value;
};

// A value that parse understands, and that lies in the rule's range.
template <class Parse, class Take>
void read_value(Walk& walk, const Cursor& at, const Rule& rule, Parse parse, Take take) {
  if (!walk.is_scalar(at, rule)) return;
  auto value = parse(at.node->text);
  if (!value) {
    walk.fault(at, std::move(value.error()));
  } else {
    take(*value);
  }
}

template <auto kMember>
constexpr Field<ClassOf<kMember>> whole(std::string_view name, std::uint64_t least,
                                        std::uint64_t most, std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = "integer",
                   .least = least,
                   .most = most,
                   .reason = reason,
                   .example = "a number"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                read_value(walk, at, rule, parse_whole, [&](std::uint64_t value) {
                  if (in_range(walk, at, rule, value))
                    into.*kMember = static_cast<ValueOf<kMember>>(value);
                });
              },
          .shown = [](const T& from) { return std::to_string(from.*kMember); }};
}

template <auto kMember>
constexpr Field<ClassOf<kMember>> real(std::string_view name, std::uint64_t least,
                                       std::uint64_t most, std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = "number",
                   .least = least,
                   .most = most,
                   .reason = reason,
                   .example = "a number"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                read_value(walk, at, rule, parse_real, [&](double value) {
                  if (in_range(walk, at, rule, value)) into.*kMember = value;
                });
              },
          .shown = [](const T& from) { return real_text(from.*kMember); }};
}

// A share: 20% is 0.2.
template <auto kMember>
constexpr Field<ClassOf<kMember>> percent(std::string_view name, std::uint64_t least,
                                          std::uint64_t most, std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = "percent",
                   .least = least,
                   .most = most,
                   .reason = reason,
                   .example = "a percentage, such as 20%"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                read_value(walk, at, rule, parse_percent, [&](double value) {
                  if (in_range(walk, at, rule, value)) into.*kMember = value / 100;
                });
              },
          .shown = [](const T& from) { return real_text(from.*kMember * 100) + "%"; }};
}

template <auto kMember>
constexpr Field<ClassOf<kMember>> flag(std::string_view name, std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = "boolean", .reason = reason, .example = "true or false"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                read_value(walk, at, rule, parse_flag, [&](bool value) { into.*kMember = value; });
              },
          .shown = [](const T& from) { return std::string(from.*kMember ? "true" : "false"); }};
}

template <auto kMember>
constexpr Field<ClassOf<kMember>> duration(std::string_view name, milliseconds least,
                                           milliseconds most, std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = "duration",
                   .least = static_cast<std::uint64_t>(least.count()),
                   .most = static_cast<std::uint64_t>(most.count()),
                   .reason = reason,
                   .example = "a duration, such as 10s"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                read_value(walk, at, rule, parse_duration, [&](milliseconds value) {
                  if (in_range(walk, at, rule, static_cast<std::uint64_t>(value.count())))
                    into.*kMember = value;
                });
              },
          .shown =
              [](const T& from) {
                return duration_text(static_cast<std::uint64_t>((from.*kMember).count()));
              }};
}

// Type size; with type size_or_0 a bare 0 is read too, and means none.
template <auto kMember>
constexpr Field<ClassOf<kMember>> size(std::string_view name, std::string_view type,
                                       std::uint64_t least, std::uint64_t most,
                                       std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = type,
                   .least = least,
                   .most = most,
                   .reason = reason,
                   .example = "a size, such as 64KiB"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                const auto parse = [&](std::string_view written) {
                  return parse_size(rule.type == "size_or_0" && written == "0" ? "0B" : written);
                };
                read_value(walk, at, rule, parse, [&](std::uint64_t value) {
                  if (in_range(walk, at, rule, value))
                    into.*kMember = static_cast<ValueOf<kMember>>(value);
                });
              },
          .shown = [](const T& from) { return size_text(from.*kMember); }};
}

// A value with a form of its own: kParse turns the text into the member, or complains.
template <auto kMember, auto kParse>
constexpr Field<ClassOf<kMember>> parsed(std::string_view name, const Rule& rule,
                                         std::string (*shown)(const ClassOf<kMember>&) = nullptr) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = rule,
          .read =
              [](Walk& walk, const Cursor& at, const Rule& own, T& into) {
                read_value(walk, at, own, kParse,
                           [&](auto& value) { into.*kMember = std::move(value); });
              },
          .shown = shown};
}

template <const auto& kWords>
std::vector<std::string_view> written_words() {
  std::vector<std::string_view> words;
  for (const auto& word : kWords) words.push_back(word.written);
  return words;
}

// kWords: an array of Word<Enum>.
template <auto kMember, const auto& kWords>
constexpr Field<ClassOf<kMember>> choice(std::string_view name, std::string_view reason) {
  using T = ClassOf<kMember>;
  return {.name = name,
          .rule = {.type = "word", .reason = reason, .example = "a word"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                const int index = read_word(walk, at, rule, written_words<kWords>());
                if (index >= 0) into.*kMember = kWords[static_cast<std::size_t>(index)].value;
              },
          .shown =
              [](const T& from) {
                for (const auto& word : kWords) {
                  if (word.value == from.*kMember) return std::string(word.written);
                }
                return std::string();
              },
          .words =
              [] {
                const auto words = written_words<kWords>();
                return std::vector<std::string>(words.begin(), words.end());
              }};
}

// A mapping below: kFields fill the member.
template <auto kMember, const auto& kFields>
constexpr Field<ClassOf<kMember>> section(std::string_view name, std::string_view reason) {
  using T = ClassOf<kMember>;
  using V = ValueOf<kMember>;
  return {.name = name,
          .rule = {.type = "mapping", .reason = reason, .example = "a mapping (KEY: VALUE)"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                if (walk.is_mapping(at, rule)) read_fields<V>(walk, at, kFields, into.*kMember);
              },
          .describe =
              [](const std::string& path, const T& initial, std::vector<KeyInfo>& into) {
                describe_fields<V>(kFields, path, initial.*kMember, into);
              }};
}

// A list of mappings: kFields fill one item each. Every item of the file gets one, faulty or not,
// so that the checks across keys can go through both side by side.
template <auto kMember, const auto& kFields>
constexpr Field<ClassOf<kMember>> list_of(std::string_view name, std::uint64_t least,
                                          std::uint64_t most, std::string_view reason) {
  using T = ClassOf<kMember>;
  using V = typename ValueOf<kMember>::value_type;
  return {.name = name,
          .rule = {.type = "list",
                   .least = least,
                   .most = most,
                   .reason = reason,
                   .example = "a list (- KEY: VALUE)"},
          .read =
              [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
                if (!walk.is_list(at, rule)) return;
                constexpr Rule kItem{.example = "a mapping (KEY: VALUE)"};
                for (std::size_t i = 0; i < at.node->children.size(); ++i) {
                  V& item = (into.*kMember).emplace_back();
                  if (walk.is_mapping(at.item(i), kItem))
                    read_fields<V>(walk, at.item(i), kFields, item);
                }
              },
          .describe =
              [](const std::string& path, const T&, std::vector<KeyInfo>& into) {
                describe_fields<V>(kFields, path + "[]", V{}, into);
              }};
}

// A list of values of one form: kParse turns the text of each into an item, or complains. kItem is
// the rule of an item.
template <auto kMember, auto kParse, const Rule& kItem>
constexpr Field<ClassOf<kMember>> values(std::string_view name, std::uint64_t least,
                                         std::uint64_t most, std::string_view reason,
                                         std::string_view example) {
  using T = ClassOf<kMember>;
  return {
      .name = name,
      .rule = {.type = "list", .least = least, .most = most, .reason = reason, .example = example},
      .read =
          [](Walk& walk, const Cursor& at, const Rule& rule, T& into) {
            if (!walk.is_list(at, rule)) return;
            for (std::size_t i = 0; i < at.node->children.size(); ++i) {
              read_value(walk, at.item(i), kItem, kParse,
                         [&](auto& value) { (into.*kMember).push_back(std::move(value)); });
            }
          },
      .describe =
          [](const std::string& path, const T&, std::vector<KeyInfo>& into) {
            into.push_back({.path = path + "[]",
                            .type = std::string(kItem.type),
                            .reason = std::string(kItem.reason)});
          }};
}

// The same row, of a key that must be there.
template <class T>
constexpr Field<T> required(Field<T> field, std::string_view example) {
  field.rule.required = true;
  field.rule.example = example;
  return field;
}

// A key that a later version will know; `hint` says what to do meanwhile.
template <class T>
constexpr Field<T> later(std::string_view name, std::string_view hint) {
  return {.name = name, .rule = {.reason = hint}};
}

}  // namespace ringside::config
