// Two buffers: the exchanges append to one while the writer empties the other.
#include "observe/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/digest.h"
#include "observe/line.h"

namespace ringside::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kPathBytesMax = 1024;
constexpr milliseconds kGather(200);      // lines of this long share one write
constexpr milliseconds kLastWords(1000);  // for the writes after the destructor was called
constexpr milliseconds kPollStep(100);

// poll() promises room for so much in a pipe, so that a write of no more cannot block.
constexpr std::size_t kPipeChunk = 4096;

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

std::string_view path_only(std::string_view path) {
  return cut(path.substr(0, path.find('?')), kPathBytesMax);
}

// A forwarded address comes without a port.
std::string client_text(const Address& client) {
  return client.port() == 0 ? client.host_text() : client.text();
}

// A descriptor that somebody slow may read: a pipe, a terminal, a socket.
bool may_block(int fd) {
  struct stat status{};
  return fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
}

// A signal meant for the process must not land on this thread, nor may a closed pipe end the
// process.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

std::string_view text(PickedBy picked_by) {
  switch (picked_by) {
    case PickedBy::binding:
      return "binding";
    case PickedBy::tag:
      return "tag";
    case PickedBy::cookie:
      return "cookie";
    case PickedBy::ring:
      return "ring";
    case PickedBy::recovery:
      return "recovery";
    case PickedBy::revival:
      return "revival";
    case PickedBy::handle:
      return "handle";
    case PickedBy::balanced:
      return "balanced";
    case PickedBy::none:
      break;
  }
  return "-";
}

std::string_view text(ErrorSide side) {
  switch (side) {
    case ErrorSide::client:
      return "client";
    case ErrorSide::upstream:
      return "upstream";
    case ErrorSide::proxy:
      return "proxy";
    case ErrorSide::none:
      break;
  }
  return "-";
}

void append_line(std::string& out, const ExchangeRecord& record, WallTime time, Format format) {
  Line line(out, format);
  line.field("time", time_text(time));
  line.field("listener", or_dash(record.listener));
  line.field("client", client_text(record.client));
  line.field("method", or_dash(record.method));
  line.field("path", or_dash(path_only(record.path)));
  line.number("status", record.status);
  line.field("pool", or_dash(record.pool));
  line.field("endpoint", or_dash(record.endpoint));
  line.field("picked_by", text(record.picked_by));
  line.field("session", record.has_session ? digest_text(record.session_digest) : "-");
  line.number("request_bytes", record.request_bytes);
  line.number("response_bytes", record.response_bytes);
  line.number("us_route", record.us_route);
  line.number("us_connect", record.us_connect);
  line.number("us_head", record.us_head);
  line.number("us_total", record.us_total);
  line.field("error_side", text(record.error_side));
  line.field("error", or_dash(record.error));
  line.end();
}

struct AccessLog::Body {
  Body(int opened, bool owned, Format chosen)
      : fd(opened), owns_fd(owned), blocking(may_block(opened)), format(chosen) {}

  ~Body() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      deadline = steady_clock::now() + kLastWords;
    }
    wake.notify_one();
    if (writer.joinable()) writer.join();
    if (owns_fd) close(fd);
  }

  void append(std::string_view line) {
    bool first = false;
    {
      const std::lock_guard lock(mutex);
      if (waiting.size() + line.size() > kAccessLogBytes) {
        dropped.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      first = waiting.empty();
      waiting += line;
      if (waiting.size() > kAccessLogBytes / 2 && !hurry) first = hurry = true;
    }
    if (first) wake.notify_one();
  }

  void run() {
    block_signals();
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !waiting.empty(); });
      wake.wait_for(lock, kGather, [this] { return stopping || hurry; });
      if (waiting.empty()) return;  // stopping, with nothing left
      hurry = false;
      waiting.swap(batch);
      lock.unlock();
      write_batch();
      batch.clear();
      lock.lock();
    }
  }

  void write_batch() {
    std::string_view rest = batch;
    while (!rest.empty()) {
      if (blocking && !wait_for_room()) break;
      const std::size_t size = blocking ? std::min(rest.size(), kPipeChunk) : rest.size();
      const ssize_t written = ::write(fd, rest.data(), size);
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        break;
      }
    }
    const auto lost = std::count(rest.begin(), rest.end(), '\n');
    dropped.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
  }

  // False once the destructor has waited long enough for a reader that does not read.
  bool wait_for_room() {
    for (;;) {
      pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      if (poll(&room, 1, static_cast<int>(kPollStep.count())) > 0) return true;
      const std::lock_guard lock(mutex);
      if (stopping && steady_clock::now() >= deadline) return false;
    }
  }

  // Fixed after construction.
  const int fd;
  const bool owns_fd;
  const bool blocking;
  const Format format;

  std::atomic<std::uint64_t> dropped{0};
  std::string batch;  // the writer's own

  std::mutex mutex;
  std::condition_variable wake;
  // State below is protected by mutex.
  std::string waiting;
  bool hurry = false;  // more than half full: write before the gathering ends
  bool stopping = false;
  steady_clock::time_point deadline;

  std::thread writer;  // last: it uses all of the above
};

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& target, Format format) {
  const bool to_stdout = target == "stdout";
  const int fd = to_stdout
                     ? STDOUT_FILENO
                     : ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0)
    return fail("cannot open the access log " + target + ": " + std::strerror(errno), errno);
  auto body = std::make_unique<Body>(fd, !to_stdout, format);
  try {
    body->writer = std::thread([raw = body.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start the access log's thread", error.code().value());
  }
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(body)));
}

AccessLog::AccessLog(std::unique_ptr<Body> body) : body_(std::move(body)) {}
AccessLog::~AccessLog() = default;

void AccessLog::write(const ExchangeRecord& record) {
  thread_local std::string line;  // keeps its memory: a line is bounded by kPathBytesMax
  line.clear();
  append_line(line, record, std::chrono::system_clock::now(), body_->format);
  body_->append(line);
}

std::uint64_t AccessLog::dropped() const { return body_->dropped.load(std::memory_order_relaxed); }

}  // namespace ringside::observe
