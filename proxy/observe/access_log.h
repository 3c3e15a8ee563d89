// The access log: exactly one line for each exchange.
//
// Why      One line must tell an operator who asked what, where it went and why, how long each
//          phase took, and on whose side it failed.
// Owns     A thread that writes, and the file. It is woken once a batch, not once a line as a
//          logger's queue would be.
// Bounds   At most kAccessLogBytes wait in memory; a line that does not fit is dropped and counted.
//          A path is cut after 1 KiB, and at its '?': a query may carry a session id or a
//          credential.
// Time     A line is on its way to the file within 0.2 s; the destructor writes what waits, for at
//          most 1 s if nobody reads the other end.
// Threads  write() and dropped() are safe from any thread and never wait for the disk.
// Errors   A file that cannot be opened is an Error from open(); lines lost to later failures count
//          as dropped.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "observe/log.h"

namespace ringside::observe {

// How the endpoint of an exchange was found; the label picked_by of the metrics.
enum class PickedBy : std::uint8_t {
  none,
  binding,
  tag,
  cookie,
  ring,
  recovery,
  revival,
  handle,
  balanced
};
std::string_view text(PickedBy picked_by);  // "-" for none

enum class ErrorSide : std::uint8_t { none, client, upstream, proxy };
std::string_view text(ErrorSide side);

// What one line tells. Empty texts are written as "-"; the time of the line is that of the
// exchange's end.
struct ExchangeRecord {
  std::string_view listener;
  Address client;
  std::string_view method;
  std::string_view path;
  unsigned status = 0;  // 0: none was sent
  std::string_view pool;
  std::string_view endpoint;
  PickedBy picked_by = PickedBy::none;
  bool has_session = false;
  std::uint64_t session_digest = 0;
  std::uint64_t request_bytes = 0;  // bodies
  std::uint64_t response_bytes = 0;
  std::uint64_t us_route = 0;    // from the first byte of the head to the choice of an endpoint
  std::uint64_t us_connect = 0;  // from there to a connection (0: reused)
  std::uint64_t us_head = 0;     // from there to the response head
  std::uint64_t us_total = 0;
  ErrorSide error_side = ErrorSide::none;
  std::string_view error;  // a code word such as "connect_refused"; empty: none
};

// The line of `record`, appended to `out`.
void append_line(std::string& out, const ExchangeRecord& record,
                 std::chrono::system_clock::time_point time, Format format);

inline constexpr std::size_t kAccessLogBytes = 512 * 1024;

class AccessLog {
 public:
  // `target`: "stdout" or a path, appended to.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& target, Format format);
  ~AccessLog();

  void write(const ExchangeRecord& record);
  std::uint64_t dropped() const;

 private:
  struct Body;
  explicit AccessLog(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace ringside::observe
