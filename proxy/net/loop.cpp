// The libuv loop and its graveyard.
#include "net/loop.h"

#include <cstdio>
#include <cstdlib>

#include "base/limits.h"

namespace ringside::net {

const unsigned Loop::kReadBufferSize = static_cast<unsigned>(kReadBufferBytes);

Loop::Loop() : read_buffer_(std::make_unique_for_overwrite<char[]>(kReadBufferBytes)) {
  if (const int error = uv_loop_init(&uv_); error != 0) {
    std::fprintf(stderr, "ringside: no event loop: %s\n", uv_strerror(error));
    std::abort();  // out of descriptors or memory before anything began: nothing can be served
  }
  uv_loop_set_data(&uv_, this);
  end_of_turn_.emplace(this);
  uv_idle_init(&uv_, end_of_turn_->uv());
  before_poll_.emplace(this);
  uv_prepare_init(&uv_, before_poll_->uv());
  uv_prepare_start(before_poll_->uv(), [](uv_prepare_t* prepare) {
    Loop* loop = Handle<uv_prepare_t, Loop>::owner_of(prepare);
    if (loop == nullptr) return;
    ++loop->polls_;
    loop->polled_events_ = 0;
  });
  uv_unref(before_poll_->base());  // no reason for the loop to go on
}

Loop::~Loop() { run_dry(); }

void Loop::run() { uv_run(&uv_, UV_RUN_DEFAULT); }

void Loop::stop() { uv_stop(&uv_); }

bool Loop::run_dry() {
  if (closed_) return true;
  bury();
  end_of_turn_.reset();
  before_poll_.reset();
  uv_run(&uv_, UV_RUN_NOWAIT);  // the close callbacks of handles that have gone
  closed_ = uv_loop_close(&uv_) == 0;
  return closed_;
}

void Loop::retire(std::unique_ptr<Retirable> object) {
  if (retired_.empty() && end_of_turn_) {
    // idle, not check: a check handle would let a turn that only ran a timer wait in the poll first
    uv_idle_start(end_of_turn_->uv(), [](uv_idle_t* idle) {
      if (Loop* loop = Handle<uv_idle_t, Loop>::owner_of(idle)) loop->bury();
    });
  }
  retired_.push_back(std::move(object));
}

void Loop::bury() {
  while (!retired_.empty()) {  // an object's end may retire others
    const auto dead = std::move(retired_);
    retired_.clear();
  }
  if (end_of_turn_) uv_idle_stop(end_of_turn_->uv());
}

}  // namespace ringside::net
