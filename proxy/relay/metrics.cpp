// Cells by packed keys; the registry is asked once for each.
#include "relay/metrics.h"

#include <algorithm>

#include "observe/families.h"

namespace ringside::relay {
namespace {

namespace family = observe::family;

// In the order of Outcome.
constexpr std::array<std::string_view, 11> kOutcomes{observe::outcome::kBound,
                                                     observe::outcome::kUnknown,
                                                     observe::outcome::kEnded,
                                                     observe::outcome::kOwnerRefused,
                                                     observe::outcome::kOwnerLost,
                                                     observe::outcome::kNone,
                                                     observe::outcome::kModern,
                                                     observe::outcome::kRefusedDuplicate,
                                                     observe::outcome::kRefusedMalformed,
                                                     observe::outcome::kRefusedForged,
                                                     observe::outcome::kHandle};

constexpr std::array<std::string_view, 4> kConnectResults{
    observe::connect_result::kOk, observe::connect_result::kRefused,
    observe::connect_result::kTimeout, observe::connect_result::kError};

constexpr std::array<std::string_view, 5> kRecoveryResults{
    observe::recovery_result::kFound, observe::recovery_result::kUnknown,
    observe::recovery_result::kUnreachable, observe::recovery_result::kSilent,
    observe::recovery_result::kOther};

constexpr std::uint32_t kNoEndpoint = 0xffffffU;
constexpr std::size_t kNoPool = 0xfff;

std::uint64_t packed(const Metrics::Request& request) {
  const std::uint64_t pool = request.pool != nullptr ? request.pool->index() : kNoPool;
  const std::uint64_t endpoint = request.endpoint != nullptr ? request.endpoint->id() : kNoEndpoint;
  return (static_cast<std::uint64_t>(request.listener) << 52U) | (pool << 40U) | (endpoint << 16U) |
         (static_cast<std::uint64_t>(request.picked_by) << 12U) | request.status;
}

}  // namespace

Metrics::Metrics(observe::Registry& registry, std::vector<std::string> listeners,
                 const std::deque<Pool>& pools)
    : registry_(registry), listeners_(std::move(listeners)) {
  for (const std::string& listener : listeners_) {
    request_bytes_.push_back(&registry.cell(family::kRequestBodyBytes, {{"listener", listener}}));
    response_bytes_.push_back(&registry.cell(family::kResponseBodyBytes, {{"listener", listener}}));
  }
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    listener_cell(family::kConnectionsTotal, i);
    listener_cell(family::kConnectionsRefused, i);
    listener_cell(family::kConnectionsUsedUp, i);
    listener_cell(family::kPipelinePauses, i);
  }
  process_cell(family::kAcceptPauses);
  for (const Pool& pool : pools) {
    auto& cells = outcomes_.emplace_back();
    std::transform(kOutcomes.begin(), kOutcomes.end(), cells.begin(),
                   [&](std::string_view outcome) {
                     return &registry.cell(family::kSessionRequests,
                                           {{"pool", pool.options().name}, {"outcome", outcome}});
                   });
    pool_cell(family::kSessionsLearned, pool);
    pool_cell(family::kSessionConflicts, pool);
    pool_cell(family::kSessionsRevived, pool);
    for (const std::string_view result : kRecoveryResults) {
      pool_cell(family::kRecoveryAttempts, pool, "result", result);
    }
    for (const std::string_view cause : {observe::cause::kUnknownToOwner, observe::cause::kDeleted,
                                         observe::cause::kStreamEnded}) {
      pool_cell(family::kSessionsLost, pool, "cause", cause);
    }
    for (const auto& endpoint : pool.snapshot().endpoints()) {
      for (const std::string_view result : kConnectResults) connect_cell(pool, *endpoint, result);
      endpoint_cell(family::kTunnelsTotal, pool, *endpoint);
      endpoint_cell(family::kUpstreamQueued, pool, *endpoint);
    }
  }
}

void Metrics::count(const Pool& pool, Outcome outcome) {
  outcomes_[pool.index()][static_cast<std::size_t>(outcome)]->add();
}

void Metrics::count(const Request& request) {
  std::string_view pool = "-";
  if (request.pool != nullptr) pool = request.pool->options().name;
  observe::Cell*& cell = requests_[packed(request)];
  if (cell == nullptr) {
    std::string_view endpoint = "-";
    if (request.endpoint != nullptr) endpoint = request.endpoint->name();
    cell = &registry_.cell(family::kRequests, {{"listener", listeners_[request.listener]},
                                               {"pool", pool},
                                               {"endpoint", endpoint},
                                               {"picked_by", observe::text(request.picked_by)},
                                               {"code", std::to_string(request.status)}});
  }
  cell->add();
  if (request.failure == Failure::none) return;
  const FailureRow& row = row_of(request.failure);
  const std::size_t pool_index = request.pool != nullptr ? request.pool->index() : kNoPool;
  observe::Cell*& error =
      others_[{family::kRequestErrors, request.listener << 12U | pool_index, 0, row.word}];
  if (error == nullptr) {
    error = &registry_.cell(family::kRequestErrors, {{"listener", listeners_[request.listener]},
                                                     {"pool", pool},
                                                     {"side", observe::text(row.side)},
                                                     {"error", row.word}});
  }
  error->add();
}

void Metrics::count_bodies(std::size_t listener, std::uint64_t request_bytes,
                           std::uint64_t response_bytes) {
  request_bytes_[listener]->add(request_bytes);
  response_bytes_[listener]->add(response_bytes);
}

observe::Cell& Metrics::pool_cell(std::string_view family, const Pool& pool, std::string_view label,
                                  std::string_view value) {
  observe::Cell*& cell = others_[{family, pool.index(), kNoEndpoint, value}];
  if (cell == nullptr) {
    const std::string& name = pool.options().name;
    cell = label.empty() ? &registry_.cell(family, {{"pool", name}})
                         : &registry_.cell(family, {{"pool", name}, {label, value}});
  }
  return *cell;
}

observe::Cell& Metrics::connect_cell(const Pool& pool, const upstream::Endpoint& endpoint,
                                     std::string_view result) {
  observe::Cell*& cell = others_[{family::kUpstreamConnects, pool.index(), endpoint.id(), result}];
  if (cell == nullptr) {
    cell = &registry_.cell(
        family::kUpstreamConnects,
        {{"pool", pool.options().name}, {"endpoint", endpoint.name()}, {"result", result}});
  }
  return *cell;
}

observe::Cell& Metrics::endpoint_cell(std::string_view family, const Pool& pool,
                                      const upstream::Endpoint& endpoint) {
  observe::Cell*& cell = others_[{family, pool.index(), endpoint.id(), {}}];
  if (cell == nullptr) {
    cell = &registry_.cell(family, {{"pool", pool.options().name}, {"endpoint", endpoint.name()}});
  }
  return *cell;
}

observe::Cell& Metrics::process_cell(std::string_view family) {
  observe::Cell*& cell = others_[{family, 0, 0, {}}];
  if (cell == nullptr) cell = &registry_.cell(family, {});
  return *cell;
}

observe::Cell& Metrics::listener_cell(std::string_view family, std::size_t listener) {
  observe::Cell*& cell = others_[{family, listener, 0, {}}];
  if (cell == nullptr) {
    cell = &registry_.cell(family, {{"listener", listeners_[listener]}});
  }
  return *cell;
}

}  // namespace ringside::relay
