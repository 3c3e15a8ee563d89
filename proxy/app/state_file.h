// The file in which bindings outlive the process.
//
// Why      A restarted proxy knows its sessions at once, instead of asking pods for each.
// Owns     The file, a lock file beside it (PATH.lock) that keeps a second process away, and a
//          thread that writes, so that no loop waits for a disk.
// Bounds   One state in memory at a time. A file above kStateFileBytes is not read.
// Time     A save is tried every kSaveInterval, and skipped when nothing has changed.
// Threads  start(), finish() and the destructor on one thread; `take` is called on the writer's.
// Errors   A file that another process has is an Error from open(). One that cannot be used is
//          moved to PATH.ignored and told of by fault(). A save that fails leaves the old file as
//          it is, is counted and logged, and is tried again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "observe/log.h"
#include "session/state_codec.h"

namespace ringside::app {

inline constexpr milliseconds kSaveInterval = std::chrono::seconds(5);
inline constexpr std::size_t kStateFileBytes = std::size_t{1} << 30U;

class StateFile {
 public:
  // The state at this moment, as encode_state() gives it.
  using Take = std::function<std::string()>;

  // Locks the file and reads it; it need not be there, but its folder must.
  static Result<std::unique_ptr<StateFile>> open(std::string path, observe::Log& log);
  ~StateFile();

  // What was in the file; empty where there was none, or none that could be used.
  const std::vector<session::SavedPool>& loaded() const;
  std::string_view fault() const;  // why the file was not used; empty: it was, or there was none
  void drop_loaded();              // gives the memory back

  // Saves from now on; once. Requires: what `take` looks at lives until finish() or the destructor.
  Result<void> start(Take take, milliseconds interval = kSaveInterval);
  // Saves a last time and waits for it. Without it nothing more is saved.
  void finish();

  std::uint64_t saved() const;
  std::uint64_t failed() const;

 private:
  struct Body;
  explicit StateFile(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

// Replaces the file as a whole or not at all: a new file beside it, mode 0600, takes its name once
// it is on the disk.
Result<void> write_whole_file(const std::string& path, std::string_view bytes);

}  // namespace ringside::app
