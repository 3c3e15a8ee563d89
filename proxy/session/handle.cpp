// Looks for each kind of handle, and builds its key.
#include "session/handle.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "http/query.h"
#include "session/cookie.h"

namespace ringside::session {
namespace {

using http::equals_ignoring_case;
using http::percent_decoded;
using http::Plus;

constexpr std::array<std::string_view, 4> kTaskMethods{"tasks/get", "tasks/update", "tasks/cancel",
                                                       "tasks/result"};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view value) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = value.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return value.substr(first, value.find_last_not_of(kBlank) - first + 1);
}

constexpr char letter_of(HandleKind kind) {
  switch (kind) {
    case HandleKind::header:
      return 'h';
    case HandleKind::query:
      return 'q';
    case HandleKind::cookie:
      return 'c';
    case HandleKind::tasks:
      break;
  }
  return 't';
}

Handle make_handle(HandleKind kind, std::string_view name, std::string_view value) {
  Handle handle{.kind = kind};
  handle.key.reserve(name.size() + value.size() + 3);
  handle.key.push_back('\0');
  handle.key.push_back(letter_of(kind));
  handle.key.append(name);
  if (kind == HandleKind::header) std::ranges::transform(handle.key, handle.key.begin(), lower);
  handle.key.push_back('\0');
  handle.value_at = handle.key.size();
  handle.key.append(value);
  return handle;
}

// The value of what must occur exactly once to count.
class Once {
 public:
  void add(std::string_view value) {
    ++count_;
    value_ = value;
  }
  // Empty when it is not there, not there once, or has no value.
  std::string_view value() const { return count_ == 1 ? value_ : std::string_view{}; }

 private:
  unsigned count_ = 0;
  std::string_view value_;
};

std::string_view only_field(const http::RequestHead& head, std::string_view name) {
  Once once;
  for (const http::Field& field : head.fields) {
    if (equals_ignoring_case(field.name, name)) once.add(trimmed(field.value));
  }
  return once.value();
}

int base64_digit(char c) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t digit = kDigits.find(c);
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

// RFC 4648, 4; the padding may be absent. False when it is no base64.
bool decode_base64(std::string_view text, std::string& bytes) {
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return false;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return false;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
    bits &= (1U << count) - 1;
  }
  return true;
}

bool may_be_encoded(std::string_view name) {
  constexpr std::string_view kParameter = "mcp-param-";
  return equals_ignoring_case(name, "mcp-name") ||
         equals_ignoring_case(name.substr(0, kParameter.size()), kParameter);
}

// A mirrored value as it was before its way into a field; empty when that cannot be told.
std::string_view unmirrored(std::string_view value, std::string& storage) {
  constexpr std::string_view kBegin = "=?base64?";
  constexpr std::string_view kEnd = "?=";
  const bool encoded = value.size() >= kBegin.size() + kEnd.size() && value.starts_with(kBegin) &&
                       value.ends_with(kEnd);
  if (!encoded) return value;
  value.remove_prefix(kBegin.size());
  value.remove_suffix(kEnd.size());
  return decode_base64(value, storage) ? std::string_view(storage) : std::string_view{};
}

std::string_view query_value(std::string_view target, std::string_view name, std::string& storage) {
  http::QueryPairs pairs(target);
  Once once;
  while (const auto pair = pairs.next()) {
    if (percent_decoded(pair->name, Plus::space, storage) == name) once.add(pair->value);
  }
  return percent_decoded(once.value(), Plus::space, storage).value_or(std::string_view{});
}

bool is_about_a_task(const http::RequestHead& head) {
  return std::ranges::find(kTaskMethods, only_field(head, "mcp-method")) != kTaskMethods.end();
}

// Empty when the request does not have it. A view into the head, or of `storage`.
std::string_view value_of(const http::RequestHead& head, const HandleOptions& handle,
                          std::string& storage) {
  switch (handle.kind) {
    case HandleKind::header: {
      const std::string_view value = only_field(head, handle.name);
      return may_be_encoded(handle.name) ? unmirrored(value, storage) : value;
    }
    case HandleKind::query:
      return query_value(head.target, handle.name, storage);
    case HandleKind::cookie:
      return find_cookie(head, handle.name).value_or(std::string_view{});
    case HandleKind::tasks:
      break;
  }
  return is_about_a_task(head) ? unmirrored(only_field(head, "mcp-name"), storage)
                               : std::string_view{};
}

}  // namespace

std::optional<Handle> find_handle(const http::RequestHead& head,
                                  std::span<const HandleOptions> handles) {
  for (const HandleOptions& handle : handles) {
    std::string storage;
    const std::string_view value = value_of(head, handle, storage);
    if (!value.empty()) return make_handle(handle.kind, handle.name, value);
  }
  return std::nullopt;
}

std::string task_key(std::string_view task_id) {
  return make_handle(HandleKind::tasks, {}, task_id).key;
}

}  // namespace ringside::session
