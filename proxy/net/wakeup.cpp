// uv_async_t.
#include "net/wakeup.h"

namespace ringside::net {

Wakeup::Wakeup(Loop& loop, std::function<void()> on_wake)
    : on_wake_(std::move(on_wake)), handle_(this) {
  uv_async_init(loop.uv(), handle_.uv(), [](uv_async_t* async) {
    if (Wakeup* self = Handle<uv_async_t, Wakeup>::owner_of(async)) self->on_wake_();
  });
}

void Wakeup::wake() { uv_async_send(handle_.uv()); }

void Wakeup::unref() { uv_unref(handle_.base()); }

}  // namespace ringside::net
