// What an operator sees of sessions, and does to them: the part of the process that the session
// pages need.
//
// Why      The pages know no pool and no table: app/ stands between.
// Threads  Called on the thread that makes the pages.
// Errors   A name that nothing has is an Error that says which names there are.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ringside::admin {

using std::chrono::sys_seconds;

struct SessionView {
  std::uint64_t digest = 0;
  std::string pool;
  std::string endpoint;  // empty: it is not in the pool any more
  std::string client;    // an address; empty where it is not known
  sys_seconds created{};
  sys_seconds last_used{};
  std::uint32_t streams = 0;
  bool provisional = false;
  bool revived = false;
};

// Names narrow the list down; empty: all.
struct SessionQuery {
  std::string pool;
  std::string endpoint;
  std::uint64_t after = 0;  // only those whose digests follow; 0: all
  std::size_t limit = 100;
};

// In the order of digests. More than the limit where pools have sessions of one digest: a digest is
// the place where the next page begins.
struct SessionList {
  std::vector<SessionView> sessions;
  bool has_more = false;
};

// A request that is not sent.
struct ExplainQuery {
  std::string client;               // the address it comes from; empty: 127.0.0.1
  std::string listener;             // empty: the first
  std::string pool;                 // empty: the one that the listener's routes say
  std::string method;               // empty: POST
  std::string path;                 // with or without a query; empty: /mcp
  std::vector<std::string> fields;  // "name: value"
};

class Sessions {
 public:
  virtual ~Sessions() = default;

  virtual Result<SessionList> list(const SessionQuery& query) = 0;
  virtual std::optional<SessionView> find(std::uint64_t digest) = 0;
  // False when there is no such session.
  virtual bool forget(std::uint64_t digest) = 0;
  // The session as it is then; nullopt when there is none.
  virtual Result<std::optional<SessionView>> move(std::uint64_t digest,
                                                  const std::string& endpoint) = 0;
  // Where the request would go, as a JSON object.
  virtual Result<std::string> explain(const ExplainQuery& query) = 0;
};

}  // namespace ringside::admin
