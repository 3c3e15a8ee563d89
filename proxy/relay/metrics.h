// What one worker counts, in cells of its own.
//
// Why      The hot path counts a request with one look-up and one add; names and labels are
//          resolved the first time.
// Threads  One a worker, on its loop; the registry sums over workers.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "observe/access_log.h"
#include "observe/registry.h"
#include "relay/failure.h"
#include "relay/pool.h"

namespace ringside::relay {

// What the session of a request came to: the label outcome of ringside_session_requests_total.
enum class Outcome : std::uint8_t {
  bound,
  unknown,
  ended,
  owner_refused,
  owner_lost,
  none,
  modern,
  refused_duplicate,
  refused_malformed,
  refused_forged,
  handle,
};

class Metrics {
 public:
  // Series that alerts are made of exist from the start, so that their first event is an increase.
  Metrics(observe::Registry& registry, std::vector<std::string> listeners,
          const std::deque<Pool>& pools);

  struct Request {
    std::size_t listener;
    const Pool* pool;                    // nullptr: no route
    const upstream::Endpoint* endpoint;  // nullptr: none was found
    observe::PickedBy picked_by;
    unsigned status;  // 0: none was sent
    Failure failure;
  };
  void count(const Request& request);
  void count_bodies(std::size_t listener, std::uint64_t request_bytes,
                    std::uint64_t response_bytes);

  void count(const Pool& pool, Outcome outcome);

  // A counter of a pool with one more label value, such as
  // ringside_sessions_lost_total{pool,cause}.
  void count_pool(std::string_view family, const Pool& pool, std::string_view label = {},
                  std::string_view value = {}) {
    pool_cell(family, pool, label, value).add();
  }
  void count_connect(const Pool& pool, const upstream::Endpoint& endpoint,
                     std::string_view result) {
    connect_cell(pool, endpoint, result).add();
  }
  void count_endpoint(std::string_view family, const Pool& pool,
                      const upstream::Endpoint& endpoint) {
    endpoint_cell(family, pool, endpoint).add();
  }
  void count_listener(std::string_view family, std::size_t listener) {
    listener_cell(family, listener).add();
  }
  void count_process(std::string_view family) { process_cell(family).add(); }

 private:
  observe::Cell& pool_cell(std::string_view family, const Pool& pool, std::string_view label = {},
                           std::string_view value = {});
  observe::Cell& connect_cell(const Pool& pool, const upstream::Endpoint& endpoint,
                              std::string_view result);
  observe::Cell& endpoint_cell(std::string_view family, const Pool& pool,
                               const upstream::Endpoint& endpoint);
  observe::Cell& process_cell(std::string_view family);
  observe::Cell& listener_cell(std::string_view family, std::size_t listener);

  observe::Registry& registry_;
  std::vector<std::string> listeners_;
  std::vector<observe::Cell*> request_bytes_;             // by listener
  std::vector<observe::Cell*> response_bytes_;            // by listener
  std::vector<std::array<observe::Cell*, 11>> outcomes_;  // by pool, then Outcome
  std::unordered_map<std::uint64_t, observe::Cell*> requests_;
  // family, then up to four label values: cold paths
  std::map<std::tuple<std::string_view, std::size_t, std::uint32_t, std::string_view>,
           observe::Cell*>
      others_;
};

}  // namespace ringside::relay
