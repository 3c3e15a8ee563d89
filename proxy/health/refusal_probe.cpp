// One pass over all probes whenever something is due: few endpoints refuse, and rarely.
#include "health/refusal_probe.h"

#include <cerrno>
#include <optional>
#include <utility>

#include "net/stream.h"

namespace ringside::health {

// One endpoint: asleep, waiting for its time, or connecting.
class RefusalProbe::Probe final : public net::StreamHandler {
 public:
  Probe(RefusalProbe& owner, std::shared_ptr<const upstream::Endpoint> endpoint,
        milliseconds interval)
      : owner_(owner), endpoint_(std::move(endpoint)), interval_(interval) {}

  // Does what is due. When to look again; nullopt: not before the next notify().
  std::optional<Time> step(Time now) {
    if (stream_) {
      if (now < due_) return due_;
      stream_.reset();
      endpoint_->refusal().broken();
    }
    if (!endpoint_->refusal().refusing()) {
      waiting_ = false;
      return std::nullopt;
    }
    if (!waiting_) {
      wait(now);
    } else if (now >= due_) {
      connect(now);
    }
    return due_;
  }

 private:
  void wait(Time now) {
    waiting_ = true;
    due_ = now + interval_;
  }

  void connect(Time now) {
    stream_.emplace(owner_.loop_, *this);
    due_ = now + kProbeTimeout;
    if (const int error = stream_->connect(endpoint_->address()); error != 0) conclude(error);
  }

  // `error` is 0 for a connection. Only a refusal says that the process is dead.
  void conclude(int error) {
    stream_.reset();
    const Time now = owner_.loop_.now();
    if (error == ECONNREFUSED) {
      endpoint_->refusal().refused(now);
      wait(now);
    } else {
      endpoint_->refusal().broken();
      waiting_ = false;
    }
  }

  void on_connected() override {
    conclude(0);
    owner_.review();
  }
  void on_connect_failed(int error) override {
    conclude(error);
    owner_.review();
  }
  void on_data(std::string_view) override {}  // never: a probe does not read
  void on_end() override {}
  void on_broken(int) override {}

  RefusalProbe& owner_;
  const std::shared_ptr<const upstream::Endpoint> endpoint_;
  const milliseconds interval_;
  std::optional<net::Stream> stream_;  // while connecting
  bool waiting_ = false;               // due_ is set
  Time due_{};
};

RefusalProbe::RefusalProbe(net::Loop& loop)
    : loop_(loop), timer_(loop, [this] { review(); }), wakeup_(loop, [this] { review(); }) {
  wakeup_.unref();
}

RefusalProbe::~RefusalProbe() = default;

void RefusalProbe::watch(const upstream::PoolSnapshot& pool, milliseconds owner_grace) {
  for (const auto& endpoint : pool.endpoints()) {
    probes_.push_back(std::make_unique<Probe>(*this, endpoint, probe_interval(owner_grace)));
  }
}

void RefusalProbe::notify() { wakeup_.wake(); }

void RefusalProbe::review() {
  const Time now = loop_.now();
  std::optional<Time> next;
  for (const auto& probe : probes_) {
    const auto due = probe->step(now);
    if (due && (!next || *due < *next)) next = due;
  }
  if (next) {
    timer_.start(std::max(*next - now, milliseconds(0)));
  } else {
    timer_.stop();
  }
}

}  // namespace ringside::health
