// The state file: whole or not at all, one process's alone, and never in the way of a start.
#include "app/state_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>

using namespace ringside;
using namespace ringside::app;
using std::chrono::seconds;

namespace {

// A folder that goes with the test.
struct Folder {
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path.data()); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return std::string(path.data()) + "/" + name; }
  std::array<char, 32> path{"/tmp/ringside-state-XXXXXX"};
};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string state_of(const std::string& pool) {
  const std::vector<session::SavedPool> pools{{.name = pool, .table_seed = 1}};
  return session::encode_state(pools);
}

// Files no larger than this, as a full disk would have it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

// A state to be saved, and how often it was asked for.
class Source {
 public:
  StateFile::Take take() {
    return [this] {
      const std::scoped_lock lock(mutex_);
      ++taken_;
      changed_.notify_all();
      return state_;
    };
  }
  void set(std::string state) {
    const std::scoped_lock lock(mutex_);
    state_ = std::move(state);
  }
  // Two more: what the first found has been dealt with.
  bool wait_for_a_round() {
    std::unique_lock lock(mutex_);
    const int until = taken_ + 2;
    return changed_.wait_for(lock, seconds(20), [&] { return taken_ >= until; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string state_;
  int taken_ = 0;
};

constexpr milliseconds kOften(2);

struct Tested {
  Folder folder;
  std::string path = folder.file("state");
  observe::Log log{observe::LogOptions{.level = observe::Level::error}};
  Source source;

  std::unique_ptr<StateFile> open() {
    auto opened = StateFile::open(path, log);
    REQUIRE(opened.has_value());
    return std::move(*opened);
  }
};

}  // namespace

TEST_CASE("state_file: a file that is not there is no fault") {
  Tested t;
  const auto file = t.open();
  CHECK(file->loaded().empty());
  CHECK(file->fault().empty());
}

TEST_CASE("state_file: what one process saved at its end the next one loads") {
  Tested t;
  t.source.set(state_of("burgers"));
  {
    const auto file = t.open();
    REQUIRE(file->start(t.source.take()));
    file->finish();
    CHECK(file->saved() == 1);
    CHECK(file->failed() == 0);
  }
  const auto file = t.open();
  REQUIRE(file->loaded().size() == 1);
  CHECK(file->loaded()[0].name == "burgers");
  file->drop_loaded();
  CHECK(file->loaded().empty());
}

TEST_CASE("state_file: nobody but its owner may read it, whatever was there before") {
  Tested t;
  write(t.path, "");
  chmod(t.path.c_str(), 0644);
  write(t.path + ".new", "left by a process that was killed");
  chmod((t.path + ".new").c_str(), 0644);
  REQUIRE(write_whole_file(t.path, "abc"));
  struct stat status{};
  REQUIRE(stat(t.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  CHECK(read(t.path) == "abc");
  CHECK_FALSE(std::filesystem::exists(t.path + ".new"));
}

TEST_CASE("state_file: it is saved again and again, but only when something has changed") {
  Tested t;
  t.source.set(state_of("a"));
  const auto file = t.open();
  REQUIRE(file->start(t.source.take(), kOften));
  REQUIRE(t.source.wait_for_a_round());
  CHECK(read(t.path) == state_of("a"));
  REQUIRE(t.source.wait_for_a_round());
  CHECK(file->saved() == 1);
  t.source.set(state_of("b"));
  REQUIRE(t.source.wait_for_a_round());
  CHECK(read(t.path) == state_of("b"));
  CHECK(file->saved() == 2);
  file->finish();
  CHECK(file->saved() == 2);
}

TEST_CASE("state_file: without a finish nothing more is saved") {
  Tested t;
  t.source.set(state_of("a"));
  auto file = t.open();
  REQUIRE(file->start(t.source.take()));
  file.reset();
  CHECK_FALSE(std::filesystem::exists(t.path));
}

TEST_CASE("state_file: a write that fails half way leaves the old file, and is tried again") {
  Tested t;
  t.source.set(state_of("a"));
  const auto file = t.open();
  REQUIRE(file->start(t.source.take(), kOften));
  REQUIRE(t.source.wait_for_a_round());
  {
    const FileSizeLimit limit(30);
    t.source.set(state_of(std::string(1000, 'b')));
    REQUIRE(t.source.wait_for_a_round());
    CHECK(read(t.path) == state_of("a"));
    CHECK_FALSE(write_whole_file(t.path, std::string(1000, 'c')));
    CHECK(read(t.path) == state_of("a"));
  }
  CHECK(file->failed() > 0);
  file->finish();
  CHECK(read(t.path) == state_of(std::string(1000, 'b')));
  CHECK_FALSE(std::filesystem::exists(t.path + ".new"));
}

TEST_CASE("state_file: a file that cannot take its place leaves the old one") {
  Tested t;
  std::filesystem::create_directory(t.path);
  const auto done = write_whole_file(t.path, "abc");
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().detail.find("rename") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(t.path + ".new"));
}

TEST_CASE("state_file: a second process is refused, by name, until the first is gone") {
  Tested t;
  auto first = t.open();
  const auto second = StateFile::open(t.path, t.log);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().detail == "state_file " + t.path + ": another process uses it");
  first.reset();
  CHECK(StateFile::open(t.path, t.log).has_value());
}

TEST_CASE("state_file: a folder that is not there is refused at the start") {
  Tested t;
  const auto opened = StateFile::open(t.folder.file("none") + "/state", t.log);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().detail.find("No such file") != std::string::npos);
}

TEST_CASE("state_file: a corrupt or foreign file is a fault, and is kept aside") {
  std::string damaged = state_of("burgers");
  damaged[20] ^= 1;
  for (const std::string& bytes : {damaged, std::string("# notes\n"), std::string()}) {
    Tested t;
    write(t.path, bytes);
    t.source.set(state_of("a"));
    const auto file = t.open();
    CHECK(file->loaded().empty());
    CHECK_FALSE(file->fault().empty());
    CHECK(read(t.path + ".ignored") == bytes);
    REQUIRE(file->start(t.source.take()));
    file->finish();
    CHECK(read(t.path) == state_of("a"));
  }
}

TEST_CASE("state_file: what is no file is a fault, and does not hold the start up") {
  Tested t;
  REQUIRE(mkfifo(t.path.c_str(), 0600) == 0);
  CHECK(t.open()->fault() == "it is no ordinary file");
}
