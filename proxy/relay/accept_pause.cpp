// Counts what is open, which costs nothing; asking the kernel would cost a call a client. What is
// to be closed at the end of the turn is still open: a crowd that leaves and another that comes may
// be seen in one.
#include "relay/accept_pause.h"

#include <algorithm>
#include <string>

#include "observe/families.h"
#include "relay/worker.h"

namespace ringside::relay {
namespace {

constexpr std::uint64_t kReserveLeast = 16;
constexpr std::uint64_t kReserveMost = 1024;

std::uint64_t open_sockets(const Shared& shared) {
  return std::uint64_t{shared.client_sockets.load()} +
         shared.all_upstreams.load(std::memory_order_relaxed);
}

}  // namespace

std::uint64_t sockets_within(std::uint64_t limit, std::uint64_t open, std::uint64_t held) {
  const std::uint64_t left = limit > open ? limit - open : 0;
  const std::uint64_t reserve = std::clamp(limit / 4, kReserveLeast, kReserveMost) + held;
  return std::max<std::uint64_t>(1, left > 2 * reserve ? left - reserve : left / 2);
}

AcceptPause::AcceptPause(Worker& worker, std::function<void()> on_resume)
    : worker_(worker),
      on_resume_(std::move(on_resume)),
      timer_(worker.loop, [this] { look_again(); }) {}

AcceptPause::~AcceptPause() { end(); }

void AcceptPause::look() {
  if (!paused_ && open_sockets(worker_.shared) >= worker_.shared.sockets_max) begin();
}

void AcceptPause::begin() {
  if (paused_) return;
  paused_ = true;
  timer_.start(kLookAgain);
  Shared& shared = worker_.shared;
  shared.workers_paused.fetch_add(1, std::memory_order_relaxed);
  worker_.metrics.count_process(observe::family::kAcceptPauses);
  if (worker_.loop.now() < quiet_until_) return;
  quiet_until_ = worker_.loop.now() + kQuiet;
  shared.log.warn(
      "too few file descriptors are left: no client is accepted until some close; "
      "raise the limit of open files (ulimit -n), or lower limits.connections",
      {{"open_files", std::to_string(shared.descriptors_max)},
       {"clients", std::to_string(shared.all_connections.load())},
       {"upstream_connections", std::to_string(shared.all_upstreams.load())}});
}

void AcceptPause::end() {
  if (!paused_) return;
  paused_ = false;
  timer_.stop();
  worker_.shared.workers_paused.fetch_sub(1, std::memory_order_relaxed);
}

// Some room more than for one, so that it does not stop and go for each.
void AcceptPause::look_again() {
  const std::uint64_t most = worker_.shared.sockets_max;
  const std::uint64_t room = 1 + most / 64;
  if (open_sockets(worker_.shared) + room > most) return timer_.start(kLookAgain);
  end();
  on_resume_();
}

}  // namespace ringside::relay
