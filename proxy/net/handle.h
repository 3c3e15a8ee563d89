// Owns one libuv handle.
//
// Why      A libuv handle must stay where it is until its close callback has run, but its owner
//          wants to go earlier. So the handle lives in a block of its own that only the close
//          callback frees.
// Owns     The block, until the destructor hands it to uv_close().
// Errors   After the owner is gone, late callbacks find no owner: owner_of() is nullptr, and they
//          return.
#pragma once

#include <uv.h>

namespace ringside::net {

template <class Uv, class Owner>
class Handle {
 public:
  // Requires: `init(uv)` is called at once and has succeeded before the Handle goes (uv_close needs
  // it).
  explicit Handle(Owner* owner) : block_(new Block{{}, owner}) { block_->uv.data = block_; }
  ~Handle() {
    if (block_ == nullptr) return;
    block_->owner = nullptr;
    uv_close(base(), [](uv_handle_t* handle) { delete static_cast<Block*>(handle->data); });
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Uv* uv() const { return &block_->uv; }
  uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(&block_->uv); }

  // Closes with a reset instead (TCP only): unsent bytes are dropped and the peer sees an error.
  void close_by_reset() {
    block_->owner = nullptr;
    uv_close_cb free_block = [](uv_handle_t* handle) { delete static_cast<Block*>(handle->data); };
    if (uv_tcp_close_reset(&block_->uv, free_block) != 0) uv_close(base(), free_block);
    block_ = nullptr;
  }
  bool closed() const { return block_ == nullptr; }

  template <class Any>
  static Owner* owner_of(Any* handle) {
    return static_cast<Block*>(handle->data)->owner;
  }

 private:
  struct Block {
    Uv uv;
    Owner* owner;
  };
  Block* block_;
};

}  // namespace ringside::net
