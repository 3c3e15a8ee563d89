// Errors as values, for every floor of the proxy.
//
// Why      No exception may cross a libuv or llhttp callback, so trouble that is expected (peers,
//          network, limits) travels as a value that says whose side it was on.
// Errors   A dropped Result is a compile warning: the type is [[nodiscard]].
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace ringside {

struct Error {
  int code = 0;  // an errno, positive; 0 where no system call was involved
  std::string detail;
};

template <class T, class E = Error>
struct [[nodiscard]] Result : std::expected<T, E> {
  using std::expected<T, E>::expected;
};

inline std::unexpected<Error> fail(std::string detail, int code = 0) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace ringside
