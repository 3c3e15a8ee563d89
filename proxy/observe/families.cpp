// One table of names and meanings, and the readers of /proc for the process's own metrics.
#include "observe/families.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <string>

namespace ringside::observe {
namespace {

constexpr std::string_view kResidentMemory = "process_resident_memory_bytes";
constexpr std::string_view kOpenFds = "process_open_fds";
constexpr std::string_view kMaxFds = "process_max_fds";
constexpr std::string_view kStartTime = "process_start_time_seconds";

void declare_traffic(Registry& registry) {
  registry.declare_counter(family::kConnectionsTotal, "Client connections accepted.");
  registry.declare_gauge(family::kConnections, "Client connections open now.");
  registry.declare_counter(
      family::kConnectionsRefused,
      "Client connections refused at limits.connections or limits.connections_per_client.");
  registry.declare_counter(
      family::kConnectionsUsedUp,
      "Client connections that brought limits.requests_per_connection requests.");
  registry.declare_counter(
      family::kPipelinePauses,
      "Times that a client was not read from, for limits.pipeline_bytes waited.");
  registry.declare_counter(
      family::kRequests,
      "Requests answered, by the endpoint, by how it was picked and by status code "
      "(code 0: the connection ended before an answer).");
  registry.declare_counter(
      family::kRequestErrors,
      "Requests that failed in the proxy, by the side at fault and the error.");
  registry.declare_counter(family::kRequestBodyBytes,
                           "Bytes of request bodies received from clients.");
  registry.declare_counter(family::kResponseBodyBytes, "Bytes of response bodies sent to clients.");
}

void declare_sessions(Registry& registry) {
  registry.declare_gauge(family::kSessions, "Live session bindings of the endpoint.");
  registry.declare_counter(family::kSessionsLearned, "Sessions bound from an answer to a request.");
  registry.declare_counter(
      family::kSessionsLost,
      "Bindings that ended: unknown_to_owner, owner_gone, deleted or expired.");
  registry.declare_counter(family::kSessionsRevived,
                           "Lost sessions opened anew for their clients.");
  registry.declare_counter(family::kRecoveryAttempts,
                           "Endpoints asked for a session that nobody here knew.");
  registry.declare_counter(family::kSessionsEvicted,
                           "Bindings dropped to make room, least recently used first.");
  registry.declare_counter(
      family::kSessionsUnbound,
      "Sessions not bound because every entry of the full table had an open stream.");
  registry.declare_counter(
      family::kSessionConflicts,
      "Answers that issued a session id which a living other endpoint already owns.");
  registry.declare_counter(family::kSessionRequests,
                           "Requests by what their session id meant for their route.");
}

void declare_upstream(Registry& registry) {
  registry.declare_gauge(family::kStreams, "Event streams open now.");
  registry.declare_gauge(family::kTunnels, "WebSocket tunnels open now.");
  registry.declare_counter(family::kTunnelsTotal, "WebSocket tunnels opened.");
  registry.declare_counter(family::kUpstreamUnasked,
                           "Connections closed since the endpoint sent what nobody asked for.");
  registry.declare_counter(family::kUpstreamConnects,
                           "Attempts to connect to the endpoint, by result.");
  registry.declare_gauge(family::kUpstreamConnections, "Connections to the endpoint open now.");
  registry.declare_counter(family::kUpstreamQueued,
                           "Requests that waited for a connection to the endpoint.");
  registry.declare_gauge(family::kUpstreamWaiting,
                         "Requests that wait for a connection to the endpoint now.");
  registry.declare_gauge(family::kEndpointRefusing,
                         "1 while the endpoint refuses connections without a break, else 0.");
}

void declare_process(Registry& registry) {
  registry.declare_counter(
      family::kAcceptPauses,
      "Times that a worker stopped accepting because too few descriptors were left.");
  registry.declare_gauge(family::kAcceptPaused, "Workers that do not accept now.");
  registry.declare_counter(
      family::kAccessLogDropped,
      "Access log lines dropped: the queue was full, or the file could not be written.");
  registry.declare_counter(family::kStateSaves,
                           "Times that the state file was written, by result.");
  registry.declare_gauge(family::kStateLoadedSessions,
                         "Bindings that were taken over from the state file at the start.");
  registry.declare_gauge(family::kBuildInfo, "Always 1; the label tells the version.");
  registry.declare_gauge(kStartTime, "Start of the process, in seconds since 1970.");
  registry.declare_gauge(kResidentMemory, "Resident memory, in bytes.");
  registry.declare_gauge(kOpenFds, "Open file descriptors.");
  registry.declare_gauge(kMaxFds, "Most file descriptors that the process may open.");
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages_total = 0;
  double pages_resident = 0;
  file >> pages_total >> pages_resident;
  return pages_resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_fds() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int entries = 0;
  while (readdir(folder) != nullptr) ++entries;
  closedir(folder);
  return entries - 3;  // ".", ".." and the folder itself
}

double max_fds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(limit.rlim_cur);
}

double now_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) /
         1000;
}

}  // namespace

void declare_families(Registry& registry, std::string_view version) {
  declare_traffic(registry);
  declare_sessions(registry);
  declare_upstream(registry);
  declare_process(registry);
  registry.gauge(family::kBuildInfo, {{"version", version}}, [] { return 1.0; });
  // Called as the process starts: near enough, and free of the kernel's ticks since boot.
  registry.gauge(kStartTime, {}, [start = now_seconds()] { return start; });
  registry.gauge(kResidentMemory, {}, resident_bytes);
  registry.gauge(kOpenFds, {}, open_fds);
  registry.gauge(kMaxFds, {}, max_fds);
}

}  // namespace ringside::observe
