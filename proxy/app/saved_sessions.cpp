// Owners by name, times by the wall clock.
#include "app/saved_sessions.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ringside::app {
namespace {

using session::SavedPool;
using session::SavedSession;
using session::Standing;
using session::Table;
using std::chrono::duration_cast;

constexpr milliseconds kStepMax = std::chrono::seconds(1);

// Sessions with an open stream are always in use. In steps, so that a quiet proxy does not write
// its file for them again and again.
using StreamStep = std::chrono::minutes;

// Owners as indices into the list of their names.
class OwnerNames {
 public:
  OwnerNames(const upstream::PoolSnapshot& endpoints, std::vector<std::string>& names)
      : endpoints_(endpoints), names_(names) {}

  // nullopt for an endpoint that is gone.
  std::optional<std::uint32_t> index_of(session::OwnerId owner) {
    if (const auto known = indices_.find(owner); known != indices_.end()) return known->second;
    const upstream::Endpoint* endpoint = endpoints_.find(owner);
    if (endpoint == nullptr) return std::nullopt;
    names_.push_back(endpoint->name());
    return indices_[owner] = static_cast<std::uint32_t>(names_.size() - 1);
  }

 private:
  const upstream::PoolSnapshot& endpoints_;
  std::vector<std::string>& names_;
  std::unordered_map<session::OwnerId, std::uint32_t> indices_;
};

}  // namespace

void WallClock::set(Time now, std::chrono::system_clock::time_point wall) {
  const milliseconds fresh =
      duration_cast<milliseconds>(wall.time_since_epoch()) - now.time_since_epoch();
  if (std::chrono::abs(fresh - offset_) > kStepMax) offset_ = fresh;
}

std::uint64_t WallClock::to_wall_ms(Time time) const {
  const std::int64_t ms = (time.time_since_epoch() + offset_).count();
  return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(ms, 0)),
                  session::kLatestSavedMs);
}

Time WallClock::from_wall_ms(std::uint64_t wall_ms) const {
  return Time(milliseconds(static_cast<std::int64_t>(wall_ms)) - offset_);
}

SavedPool save_sessions(relay::Pool& pool, const WallClock& clock, Time now) {
  SavedPool saved{.name = pool.options().name, .table_seed = pool.sessions().seed()};
  saved.sessions.reserve(pool.sessions().bindings());
  OwnerNames names(pool.snapshot(), saved.owners);
  const Time in_use = std::chrono::floor<StreamStep>(now);
  pool.sessions().for_each(in_use, [&](const Table::Record& record) {
    const bool is_binding = record.standing == Standing::bound;
    if (is_binding && record.binding.revival != 0) return;
    const auto owner = is_binding ? names.index_of(record.binding.owner) : session::kNoSavedOwner;
    if (!owner) return;
    saved.sessions.push_back({.key = record.key,
                              .digest = record.binding.digest,
                              .owner = *owner,
                              .path_hash = record.binding.path_hash,
                              .when_ms = clock.to_wall_ms(record.when),
                              .created_ms = clock.to_wall_ms(record.created),
                              .standing = record.standing,
                              .provisional = record.binding.provisional,
                              .client = record.client});
  });
  return saved;
}

std::size_t restore_sessions(relay::Pool& pool, const SavedPool& saved, const WallClock& clock,
                             Time now) {
  std::unordered_map<std::string, session::OwnerId> ids;
  for (const auto& endpoint : pool.snapshot().endpoints()) ids[endpoint->name()] = endpoint->id();
  std::vector<const SavedSession*> by_use;  // as Table::restore() wants them
  by_use.reserve(saved.sessions.size());
  for (const SavedSession& session : saved.sessions) by_use.push_back(&session);
  std::sort(by_use.begin(), by_use.end(),
            [](const SavedSession* a, const SavedSession* b) { return a->when_ms < b->when_ms; });
  std::size_t restored = 0;
  for (const SavedSession* session : by_use) {
    const bool is_binding = session->standing == Standing::bound;
    const auto owner = is_binding ? ids.find(saved.owners[session->owner]) : ids.end();
    if (is_binding && owner == ids.end()) continue;
    const Table::Record record{.key = session->key,
                               .binding = {.owner = is_binding ? owner->second : 0,
                                           .path_hash = session->path_hash,
                                           .digest = session->digest,
                                           .provisional = session->provisional},
                               .standing = session->standing,
                               .when = clock.from_wall_ms(session->when_ms),
                               .created = clock.from_wall_ms(session->created_ms),
                               .client = session->client};
    restored += pool.sessions().restore(record, now) && is_binding;
  }
  return restored;
}

}  // namespace ringside::app
