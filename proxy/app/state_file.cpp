// Lock, read, and a thread that saves.
#include "app/state_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/hash.h"

namespace ringside::app {
namespace {

constexpr mode_t kMode = 0600;  // digests and addresses are nobody else's business

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> failed_to(const std::string& what, int code) {
  return fail("cannot " + what + ": " + std::strerror(code), code);
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return failed_to("write", errno);
    }
  }
  return {};
}

Result<void> write_new_file(const std::string& path, std::string_view bytes) {
  ::unlink(path.c_str());  // what a killed process left
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
  if (file.get() < 0) return failed_to("make " + path, errno);
  if (auto done = write_all(file.get(), bytes); !done) return done;
  if (::fsync(file.get()) != 0) return failed_to("write " + path + " to its disk", errno);
  return {};
}

// A name is on the disk once its folder is.
Result<void> sync_folder(const std::string& path) {
  const std::string name = folder_of(path);
  const Descriptor folder(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
    return failed_to("write the folder " + name + " to its disk", errno);
  }
  return {};
}

// The whole file; nullopt where there is none.
Result<std::optional<std::string>> read_whole_file(const std::string& path) {
  using Bytes = std::optional<std::string>;
  // A pipe that nobody writes to must not hold the start up.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return Bytes();
    return failed_to("open it", errno);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return failed_to("look at it", errno);
  if (!S_ISREG(status.st_mode)) return fail("it is no ordinary file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kStateFileBytes) return fail("it is too large");
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::read(file.get(), bytes.data() + have, size - have);
    if (got == 0) break;  // it was cut meanwhile: the decoder says so
    if (got > 0) {
      have += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return failed_to("read it", errno);
    }
  }
  bytes.resize(have);
  return Bytes(std::move(bytes));
}

// The lock goes with the process, however that ends.
Result<int> lock(const std::string& path) {
  const std::string name = path + ".lock";
  Descriptor file(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
  if (file.get() < 0) return failed_to("open " + name, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail("another process uses it", errno);
    return failed_to("lock " + name, errno);
  }
  return file.release();
}

// A signal meant for the process must not land on this thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Result<void> write_whole_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  if (auto done = write_new_file(fresh, bytes); !done) {
    ::unlink(fresh.c_str());
    return done;
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(fresh.c_str());
    return failed_to("rename " + fresh, code);
  }
  return sync_folder(path);
}

struct StateFile::Body {
  Body(std::string name, int lock_fd, observe::Log& process_log)
      : path(std::move(name)), lock(lock_fd), log(process_log) {}

  ~Body() { stop(false); }

  void load() {
    auto bytes = read_whole_file(path);
    if (bytes && !*bytes) return;
    auto pools = bytes ? session::decode_state(**bytes)
                       : Result<std::vector<session::SavedPool>>(std::unexpected(bytes.error()));
    if (pools) {
      loaded = std::move(*pools);
    } else {
      fault = pools.error().detail;
      std::rename(path.c_str(), (path + ".ignored").c_str());  // it may be somebody's only copy
    }
  }

  void run(milliseconds interval) {
    block_signals();
    std::unique_lock guard(mutex);
    while (!wake.wait_for(guard, interval, [this] { return stopping; })) {
      guard.unlock();
      save();
      guard.lock();
    }
    const bool last = save_last;
    guard.unlock();
    if (last) save();
  }

  void save() {
    const std::string bytes = take();
    const Hash128 hash = hash128(bytes, 0);
    if (on_disk == hash) return;
    if (const auto done = write_whole_file(path, bytes); !done) {
      if (!failing) {
        log.warn("the state file cannot be written; the one before stays",
                 {{"file", path}, {"reason", done.error().detail}});
      }
      failing = true;
      failed.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (failing) log.info("the state file is written again", {{"file", path}});
    failing = false;
    on_disk = hash;
    saved.fetch_add(1, std::memory_order_relaxed);
  }

  void stop(bool with_last_save) {
    {
      const std::scoped_lock guard(mutex);
      stopping = true;
      save_last = with_last_save;
    }
    wake.notify_one();
    if (writer.joinable()) writer.join();
  }

  // Fixed after start().
  const std::string path;
  const Descriptor lock;
  observe::Log& log;
  std::vector<session::SavedPool> loaded;
  std::string fault;
  Take take;

  // The writer's own.
  std::optional<Hash128> on_disk;  // of what it wrote last
  bool failing = false;

  std::atomic<std::uint64_t> saved{0};
  std::atomic<std::uint64_t> failed{0};

  std::mutex mutex;
  std::condition_variable wake;
  // State below is protected by mutex.
  bool stopping = false;
  bool save_last = false;

  std::thread writer;  // last: it uses all of the above
};

Result<std::unique_ptr<StateFile>> StateFile::open(std::string path, observe::Log& log) {
  const auto locked = lock(path);
  if (!locked) return fail("state_file " + path + ": " + locked.error().detail);
  auto body = std::make_unique<Body>(std::move(path), *locked, log);
  body->load();
  return std::unique_ptr<StateFile>(new StateFile(std::move(body)));
}

StateFile::StateFile(std::unique_ptr<Body> body) : body_(std::move(body)) {}
StateFile::~StateFile() = default;

const std::vector<session::SavedPool>& StateFile::loaded() const { return body_->loaded; }
std::string_view StateFile::fault() const { return body_->fault; }
void StateFile::drop_loaded() { std::vector<session::SavedPool>().swap(body_->loaded); }

Result<void> StateFile::start(Take take, milliseconds interval) {
  body_->take = std::move(take);
  try {
    body_->writer = std::thread([body = body_.get(), interval] { body->run(interval); });
  } catch (const std::system_error& error) {
    return fail("cannot start the thread of the state file", error.code().value());
  }
  return {};
}

void StateFile::finish() { body_->stop(true); }

std::uint64_t StateFile::saved() const { return body_->saved.load(std::memory_order_relaxed); }
std::uint64_t StateFile::failed() const { return body_->failed.load(std::memory_order_relaxed); }

}  // namespace ringside::app
