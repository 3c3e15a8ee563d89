// A vector an endpoint: the last in is the first out, so that what is not needed grows old and
// goes.
#include "relay/upstream_pool.h"

#include <algorithm>

#include "base/limits.h"
#include "relay/upstream_connection.h"
#include "relay/upstream_queue.h"

namespace ringside::relay {
namespace {
constexpr milliseconds kIdleTime = std::chrono::seconds(4);
}  // namespace

UpstreamPool::UpstreamPool(net::Loop& loop, net::Deadlines& deadlines, UpstreamQueue* queue)
    : loop_(loop), queue_(queue), idle_timeout_(deadlines, kIdleTime) {}

UpstreamPool::~UpstreamPool() = default;

UpstreamPool::Idle& UpstreamPool::idle_of(upstream::EndpointId endpoint) {
  if (endpoint >= idle_.size()) idle_.resize(endpoint + 1);
  return idle_[endpoint];
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take(upstream::EndpointId endpoint) {
  Idle& idle = idle_of(endpoint);
  if (idle.empty()) return nullptr;
  auto connection = std::move(idle.back());
  idle.pop_back();
  connection->disarm();
  if (queue_ != nullptr) connection->endpoint().slots().end_idle();
  return connection;
}

void UpstreamPool::put(std::unique_ptr<UpstreamConnection> connection) {
  Idle& idle = idle_of(connection->endpoint().id());
  if (queue_ != nullptr && queue_->take_over(connection)) return;
  if (idle.size() == kIdleUpstreamsMax) drop(*idle.front());
  connection->become_idle(*this);
  idle_timeout_.arm(*connection);
  idle.push_back(std::move(connection));
}

void UpstreamPool::drop(UpstreamConnection& connection) {
  Idle& idle = idle_of(connection.endpoint().id());
  const auto found = std::find_if(idle.begin(), idle.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == idle.end()) {
    if (queue_ != nullptr) queue_->drop(connection);
    return;
  }
  if (queue_ != nullptr) connection.endpoint().slots().end_idle();
  (*found)->disarm();
  loop_.retire(std::move(*found));
  idle.erase(found);
}

void UpstreamPool::drop_oldest(upstream::EndpointId endpoint) {
  Idle& idle = idle_of(endpoint);
  if (!idle.empty() && idle.front()->endpoint().slots().waiting() > 0) drop(*idle.front());
}

void UpstreamPool::close_all() {
  if (queue_ != nullptr) queue_->close_all();
  for (Idle& idle : idle_) {
    for (auto& connection : idle) {
      if (queue_ != nullptr) connection->endpoint().slots().end_idle();
      connection->disarm();
      loop_.retire(std::move(connection));
    }
    idle.clear();
  }
}

}  // namespace ringside::relay
