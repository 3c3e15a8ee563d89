// What the admin pages show of sessions, and do to them: the tables of all pools as one.
//
// Why      admin/ and relay/ know nothing of each other; this is where they meet.
// Bounds   A page, a look or a command looks at every binding of the pools that it is about.
// Threads  On the control thread.
#pragma once

#include <functional>

#include "admin/sessions.h"
#include "app/saved_sessions.h"
#include "observe/log.h"
#include "relay/worker.h"

namespace ringside::app {

class SessionViews final : public admin::Sessions {
 public:
  // `now` is the loop's clock.
  SessionViews(relay::Shared& shared, std::function<Time()> now)
      : shared_(shared), now_(std::move(now)) {}

  Result<admin::SessionList> list(const admin::SessionQuery& query) override;
  std::optional<admin::SessionView> find(std::uint64_t digest) override;
  bool forget(std::uint64_t digest) override;
  Result<std::optional<admin::SessionView>> move(std::uint64_t digest,
                                                 const std::string& endpoint) override;
  Result<std::string> explain(const admin::ExplainQuery& query) override;

 private:
  Result<void> check_names(const admin::SessionQuery& query) const;
  admin::SessionView view_of(const relay::Pool& pool, const session::Table::Listed& listed) const;
  Result<std::size_t> listener_index(const std::string& name) const;
  Result<std::optional<std::size_t>> pool_index(const std::string& name) const;
  void read_clocks();

  relay::Shared& shared_;
  std::function<Time()> now_;
  WallClock clock_;
};

}  // namespace ringside::app
