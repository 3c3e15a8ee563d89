// Start, serve, drain, exit.
#include "app/process.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "app/host_identity.h"
#include "app/saved_sessions.h"
#include "app/tag_keys.h"
#include "discovery/static_source.h"
#include "net/resolver.h"
#include "observe/families.h"

namespace ringside::app {
namespace {

namespace family = observe::family;

constexpr unsigned kAutomaticWorkersMax = 4;

// Sessions that lapsed are dropped a few at a time, on the control thread.
constexpr milliseconds kHousekeepingInterval = std::chrono::seconds(1);
constexpr std::size_t kExpireWork = 10'000;

// The CPU limit of the container, in CPUs; 0 where there is none (cgroup v2: "max 100000", "50000
// 100000").
double container_cpu_limit() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period && period > 0 ? quota / period : 0;
}

}  // namespace

unsigned automatic_workers() {
  unsigned usable = std::max(1U, std::thread::hardware_concurrency());
  if (const double limit = container_cpu_limit(); limit > 0) {
    usable = std::min(usable, static_cast<unsigned>(std::max(1.0, std::ceil(limit))));
  }
  return std::min(usable, kAutomaticWorkersMax);
}

struct Process::Controls {
  explicit Controls(Process& process)
      : signals(process.control_, {SIGINT, SIGTERM, SIGHUP},
                [&process](int number) {
                  number == SIGHUP ? process.on_reload_signal() : process.on_stop_signal();
                }),
        wait(process.control_, [&process] { process.begin_drain(); }),
        deadline(process.control_,
                 [&process] {
                   process.log_.warn("shutdown deadline reached, cutting what is left");
                   for (auto& worker : process.workers_) worker->cut_off();
                 }),
        housekeeping(process.control_, [&process] { process.keep_house(); }),
        worker_done(process.control_, [&process] { process.on_worker_done(); }) {}

  net::Signals signals;
  net::Timer wait;
  net::Timer deadline;
  net::Timer housekeeping;
  net::Wakeup worker_done;
};

Process::Process(Options options, observe::Log& log) : options_(std::move(options)), log_(log) {
  if (options_.workers == 0) options_.workers = automatic_workers();
}

Process::~Process() = default;

Result<void> Process::start() {
  net::ignore_broken_pipes();
  controls_ = std::make_unique<Controls>(*this);  // before any thread: it blocks the signals
  const std::uint64_t descriptors = net::raise_descriptor_limit();
  const std::uint64_t wanted = 2ULL * options_.limits.connections;  // a client and its endpoint
  if (descriptors < wanted) {
    log_.warn("the limit of open files is too low for limits.connections",
              {{"open_files", std::to_string(descriptors)},
               {"connections", std::to_string(options_.limits.connections)}});
  }
  observe::declare_families(registry_, RINGSIDE_VERSION);
  if (auto done = open_access_log(); !done) return done;
  if (auto done = open_state_file(); !done) return done;
  if (auto done = bind_listeners(); !done) return done;
  if (auto done = make_pools(); !done) return done;
  restore_pools();
  for (const auto& bound : bound_) {
    workers_.push_back(std::make_unique<WorkerThread>(*shared_, bound, [this] {
      workers_running_.fetch_sub(1);
      controls_->worker_done.wake();
    }));
  }
  publish_metrics();
  if (auto done = bind_admin(); !done) return done;
  limit_sockets(descriptors);
  return start_saving();
}

// When all that stays open is.
void Process::limit_sockets(std::uint64_t descriptors) {
  if (descriptors == 0) return;  // the system did not say
  shared_->descriptors_max = descriptors;
  shared_->sockets_max = relay::sockets_within(descriptors, net::open_descriptors(),
                                               options_.workers * options_.listeners.size());
}

Result<void> Process::open_access_log() {
  if (options_.log.access.empty()) return {};
  auto opened = observe::AccessLog::open(options_.log.access, options_.log.format);
  if (!opened) return std::unexpected(opened.error());
  access_log_ = std::move(*opened);
  return {};
}

Result<void> Process::open_state_file() {
  if (options_.state_file.empty()) return {};
  auto opened = StateFile::open(options_.state_file, log_);
  if (!opened) return std::unexpected(opened.error());
  state_file_ = std::move(*opened);
  if (!state_file_->fault().empty()) {
    log_.warn("the state file is ignored; sessions are searched for instead",
              {{"file", options_.state_file}, {"reason", std::string(state_file_->fault())}});
  }
  return {};
}

// What the state file says of a pool; nullptr where it says nothing.
const session::SavedPool* Process::saved_pool(const std::string& name) const {
  if (!state_file_) return nullptr;
  const auto& pools = state_file_->loaded();
  const auto saved = std::find_if(pools.begin(), pools.end(),
                                  [&](const session::SavedPool& p) { return p.name == name; });
  return saved == pools.end() ? nullptr : &*saved;
}

void Process::restore_pools() {
  if (!state_file_) return;
  WallClock clock;
  clock.set(control_.now(), std::chrono::system_clock::now());
  for (relay::Pool& pool : shared_->pools) {
    const session::SavedPool* saved = saved_pool(pool.options().name);
    if (saved == nullptr) continue;
    const std::size_t restored = restore_sessions(pool, *saved, clock, control_.now());
    restored_sessions_ += restored;
    log_.info("sessions restored from the state file",
              {{"pool", pool.options().name}, {"sessions", std::to_string(restored)}});
  }
  state_file_->drop_loaded();
}

Result<void> Process::start_saving() {
  if (!state_file_) return {};
  return state_file_->start([this, clock = WallClock()]() mutable {
    const Time now(milliseconds(static_cast<std::int64_t>(net::Loop::precise_us() / 1000)));
    clock.set(now, std::chrono::system_clock::now());
    std::vector<session::SavedPool> pools;
    for (relay::Pool& pool : shared_->pools) pools.push_back(save_sessions(pool, clock, now));
    return session::encode_state(pools);
  });
}

// Every worker has its own socket for every listener; the first of each finds out the port.
Result<void> Process::bind_listeners() {
  bound_.resize(options_.workers);
  for (relay::ListenerOptions& listener : options_.listeners) {
    for (unsigned worker = 0; worker < options_.workers; ++worker) {
      const auto bound = net::bind_listener(listener.bind, worker > 0);
      if (!bound) return fail("listener " + listener.name + ": " + bound.error().detail);
      bound_[worker].push_back(*bound);
      listener.bind = bound->address;
    }
  }
  return {};
}

Result<void> Process::make_pools() {
  shared_.reset(  // an aggregate with atomics in it: made in place, not moved
      new relay::Shared{
          .limits = options_.limits,
          .listeners = options_.listeners,
          .routers = {},
          .pools = {},
          .host_identity = host_identity(),
          .registry = registry_,
          .log = log_,
          .access_log = access_log_.get(),
          .on_refusal = [this] { probe_->notify(); },
          .connections = std::vector<std::atomic<std::uint32_t>>(options_.listeners.size()),
          .mailboxes = {}});
  probe_ = std::make_unique<health::RefusalProbe>(control_);
  for (const relay::PoolOptions& pool : options_.pools) {
    std::vector<upstream::EndpointOptions> endpoints = pool.endpoints;
    for (upstream::EndpointOptions& endpoint : endpoints) {
      const auto address = net::resolve(endpoint.address);
      if (!address) return fail("pool " + pool.name + ": " + address.error().detail);
      if (endpoint.name.empty()) endpoint.name = endpoint.address;
      endpoint.address = address->text();
    }
    auto keys = load_tag_keys(pool.affinity.tag);
    if (!keys) return fail("pool " + pool.name + ": " + keys.error().detail);
    const auto published = discovery::publish_static(
        endpoints, pool.ring, [&](std::shared_ptr<const upstream::PoolSnapshot> snapshot) {
          probe_->watch(*snapshot, pool.affinity.owner_grace);
          const session::SavedPool* saved = saved_pool(pool.name);  // so that keys stay the same
          const std::uint64_t table_seed = saved != nullptr ? saved->table_seed : system_random();
          shared_->pools.emplace_back(pool, shared_->pools.size(), std::move(snapshot), table_seed,
                                      std::move(*keys));
        });
    if (!published) return fail("pool " + pool.name + ": " + published.error().detail);
  }
  const auto index_of = [this](const std::string& name) {
    const auto found = std::find_if(options_.pools.begin(), options_.pools.end(),
                                    [&](const relay::PoolOptions& p) { return p.name == name; });
    return static_cast<std::size_t>(found - options_.pools.begin());
  };
  for (const relay::ListenerOptions& listener : options_.listeners) {
    std::vector<relay::Router::Target> targets;
    for (const relay::RouteOptions& route : listener.routes) {
      targets.push_back({route, index_of(route.pool)});
    }
    shared_->routers.emplace_back(std::move(targets));
  }
  return {};
}

Result<void> Process::bind_admin() {
  if (!options_.admin.bind) return {};
  const auto bound = net::bind_listener(*options_.admin.bind, false);
  if (!bound) return fail("admin: " + bound.error().detail);
  admin_address_ = bound->address.text();
  session_views_ = std::make_unique<SessionViews>(*shared_, [this] { return control_.now(); });
  admin_ =
      std::make_unique<admin::Server>(control_, *bound,
                                      admin::Views{.not_ready = [this] { return not_ready(); },
                                                   .metrics = [this] { return registry_.text(); },
                                                   .sessions = session_views_.get()});
  return {};
}

void Process::publish_metrics() {
  for (std::size_t i = 0; i < options_.listeners.size(); ++i) {
    registry_.gauge(family::kConnections, {{"listener", options_.listeners[i].name}},
                    [this, i] { return static_cast<double>(shared_->connections[i].load()); });
  }
  registry_.gauge(family::kAcceptPaused, {},
                  [this] { return static_cast<double>(shared_->workers_paused.load()); });
  if (access_log_) {
    registry_.counter(family::kAccessLogDropped, {}, [this] { return access_log_->dropped(); });
  }
  if (state_file_) {
    registry_.counter(family::kStateSaves, {{"result", "ok"}},
                      [this] { return state_file_->saved(); });
    registry_.counter(family::kStateSaves, {{"result", "failed"}},
                      [this] { return state_file_->failed(); });
    registry_.gauge(family::kStateLoadedSessions, {},
                    [this] { return static_cast<double>(restored_sessions_); });
  }
  for (relay::Pool& pool : shared_->pools) publish_pool_metrics(pool);
}

void Process::publish_pool_metrics(relay::Pool& pool) {
  const std::string& name = pool.options().name;
  const session::Table& sessions = pool.sessions();
  registry_.counter(family::kSessionsEvicted, {{"pool", name}},
                    [&sessions] { return sessions.evicted(); });
  registry_.counter(family::kSessionsUnbound, {{"pool", name}},
                    [&sessions] { return sessions.refused_full(); });
  registry_.counter(family::kSessionsLost, {{"pool", name}, {"cause", observe::cause::kExpired}},
                    [&sessions] { return sessions.expired(); });
  registry_.counter(family::kSessionsLost, {{"pool", name}, {"cause", observe::cause::kOwnerGone}},
                    [&pool] { return pool.lost_with_owner(); });
  for (const auto& endpoint : pool.snapshot().endpoints()) {
    const auto gauge = [&](std::string_view family, auto read) {
      registry_.gauge(family, {{"pool", name}, {"endpoint", endpoint->name()}},
                      [endpoint, read] { return static_cast<double>(read(*endpoint)); });
    };
    gauge(family::kSessions, [](const upstream::Endpoint& e) { return e.load().sessions.load(); });
    gauge(family::kStreams, [](const upstream::Endpoint& e) { return e.load().streams.load(); });
    gauge(family::kTunnels, [](const upstream::Endpoint& e) { return e.load().tunnels.load(); });
    gauge(family::kUpstreamConnections,
          [](const upstream::Endpoint& e) { return e.load().connections.load(); });
    gauge(family::kUpstreamWaiting,
          [](const upstream::Endpoint& e) { return e.slots().waiting(); });
    gauge(family::kEndpointRefusing,
          [](const upstream::Endpoint& e) { return e.refusal().refusing() ? 1 : 0; });
  }
}

void Process::say_ready() {
  std::vector<observe::LogField> fields;
  for (const relay::ListenerOptions& listener : options_.listeners) {
    fields.emplace_back(listener.name, listener.bind.text());
  }
  if (admin_) fields.emplace_back("admin", admin_address_);
  fields.emplace_back("workers", std::to_string(options_.workers));
  log_.write(observe::Level::info, "ready", fields);
}

std::string Process::not_ready() const {
  switch (phase_) {
    case Phase::starting:
      return "starting";
    case Phase::ready:
      return "";
    case Phase::waiting:
    case Phase::draining:
      return "draining";
  }
  return "";
}

int Process::run() {
  controls_->housekeeping.start(kHousekeepingInterval);
  workers_running_ = workers_.size();
  for (auto& worker : workers_) worker->start();
  phase_ = Phase::ready;
  say_ready();
  control_.run();

  bool clean = true;
  for (auto& worker : workers_) clean &= worker->join();
  workers_.clear();
  if (state_file_) state_file_->finish();
  admin_.reset();
  probe_.reset();
  controls_.reset();
  clean &= control_.run_dry();
  if (!clean) log_.error("a handle was left open at exit: please report this");
  log_.info("stopped");
  return clean ? 0 : 1;
}

void Process::on_stop_signal() {
  if (phase_ != Phase::ready) {
    log_.warn("second signal: exiting at once");
    _exit(1);  // a user who asks twice does not want to wait for anything
  }
  phase_ = Phase::waiting;
  log_.info("shutting down",
            {{"wait", std::to_string(options_.shutdown.wait.count()) + "ms"},
             {"deadline", std::to_string(options_.shutdown.deadline.count()) + "ms"}});
  if (options_.shutdown.wait.count() > 0) {
    controls_->wait.start(options_.shutdown.wait);
  } else {
    begin_drain();
  }
}

void Process::on_reload_signal() {
  log_.warn("SIGHUP: reading the configuration again is not supported yet; restart to change it");
}

void Process::begin_drain() {
  phase_ = Phase::draining;
  for (auto& worker : workers_) worker->drain();
  controls_->deadline.start(options_.shutdown.deadline);
}

// Several workers may end before this is called once.
void Process::on_worker_done() {
  if (workers_running_.load() == 0) control_.stop();
}

void Process::keep_house() {
  for (relay::Pool& pool : shared_->pools) {
    pool.sessions().expire(control_.now(), kExpireWork);
    if (const std::size_t lost = pool.forget_lost_owners(control_.now()); lost > 0) {
      log_.warn("sessions lost: their server refuses connections",
                {{"pool", pool.options().name}, {"sessions", std::to_string(lost)}});
    }
  }
  controls_->housekeeping.start(kHousekeepingInterval);
}

}  // namespace ringside::app
