// Counts heap allocations of a program from within: preloaded into it, read from a mapped file.
//
// Use      LD_PRELOAD=count_allocations.so RINGSIDE_COUNT_FILE=FILE program
//          FILE, made by whoever counts and at least sizeof(Board) long, is the Board below.
//          Who writes 1 to `sampling` gets the call stacks of the next kSamples allocations.
// Why      "No allocation once warm" is a promise about every library on the path too, so it is
//          counted where all of them meet: operator new, strdup and the like end in malloc.
// Bounds   glibc only (it calls __libc_malloc and its kin). Live bytes are what malloc gave, which
// is
//          a little more than was asked for, and leave out malloc's own headers.
// Threads  Any; the counters are atomic and the samples are claimed by number.

#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}

namespace {

constexpr std::size_t kSamples = 256;
constexpr std::size_t kFrames = 24;

struct Board {
  std::atomic<std::uint64_t> allocations, frees, live_bytes;
  std::atomic<std::uint32_t> sampling, samples;
  void* stacks[kSamples][kFrames];
};

Board early;  // until the file is mapped
Board* board = &early;
thread_local bool inside = false;  // backtrace() may allocate; that does not count

__attribute__((constructor)) void map_board() {
  void* frames[1];
  inside = true;
  backtrace(frames, 1);  // loads what it needs, now
  inside = false;
  const char* path = std::getenv("RINGSIDE_COUNT_FILE");
  const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* mapped = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return;
  auto* shared = static_cast<Board*>(mapped);
  shared->allocations += early.allocations;
  shared->frees += early.frees;
  shared->live_bytes += early.live_bytes;
  board = shared;
}

void sample() {
  const auto at = board->samples.fetch_add(1);
  if (at >= kSamples) return;
  inside = true;
  backtrace(board->stacks[at], kFrames);
  inside = false;
}

void* allocated(void* block) {
  if (block == nullptr || inside) return block;
  board->allocations.fetch_add(1, std::memory_order_relaxed);
  board->live_bytes.fetch_add(malloc_usable_size(block), std::memory_order_relaxed);
  if (board->sampling.load(std::memory_order_relaxed) != 0) sample();
  return block;
}

void freed(void* block) {
  if (block == nullptr || inside) return;
  board->frees.fetch_add(1, std::memory_order_relaxed);
  board->live_bytes.fetch_sub(malloc_usable_size(block), std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) { return allocated(__libc_malloc(size)); }

void* calloc(std::size_t count, std::size_t size) { return allocated(__libc_calloc(count, size)); }

void* realloc(void* block, std::size_t size) {
  const auto had = block == nullptr ? 0 : malloc_usable_size(block);
  void* moved = __libc_realloc(block, size);
  if (moved == nullptr && size != 0) return nullptr;  // the old block stays
  if (block != nullptr && !inside) {
    board->frees.fetch_add(1, std::memory_order_relaxed);
    board->live_bytes.fetch_sub(had, std::memory_order_relaxed);
  }
  return allocated(moved);
}

void* memalign(std::size_t alignment, std::size_t size) {
  return allocated(__libc_memalign(alignment, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return allocated(__libc_memalign(alignment, size));
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  void* block = allocated(__libc_memalign(alignment, size));
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

void free(void* block) {
  freed(block);
  __libc_free(block);
}

}  // extern "C"
