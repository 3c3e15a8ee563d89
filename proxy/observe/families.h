// Every metric of the proxy: its name, its labels and its meaning, in one place.
//
// Why      Names and labels are an interface: dashboards and alerts are written against them. Code
//          that counts uses the constants below, so that a name is spelled once.
// Threads  declare_families() is called once, before anything counts.
#pragma once

#include <string_view>

#include "observe/registry.h"

namespace ringside::observe {

namespace family {

inline constexpr std::string_view kBuildInfo = "ringside_build_info";  // version

// {listener}
inline constexpr std::string_view kConnectionsTotal = "ringside_connections_total";
inline constexpr std::string_view kConnections = "ringside_connections";
inline constexpr std::string_view kConnectionsRefused = "ringside_connections_refused_total";
inline constexpr std::string_view kConnectionsUsedUp = "ringside_connections_used_up_total";
inline constexpr std::string_view kPipelinePauses = "ringside_pipeline_pauses_total";
inline constexpr std::string_view kRequestBodyBytes = "ringside_request_body_bytes_total";
inline constexpr std::string_view kResponseBodyBytes = "ringside_response_body_bytes_total";

inline constexpr std::string_view kRequests =
    "ringside_requests_total";  // listener, pool, endpoint, picked_by, code
inline constexpr std::string_view kRequestErrors =
    "ringside_request_errors_total";  // listener, pool, side, error

// {pool}, some with {endpoint}
inline constexpr std::string_view kSessions = "ringside_sessions";  // pool, endpoint
inline constexpr std::string_view kSessionsLearned = "ringside_sessions_learned_total";
inline constexpr std::string_view kSessionsLost = "ringside_sessions_lost_total";  // pool, cause
inline constexpr std::string_view kSessionsRevived = "ringside_sessions_revived_total";
inline constexpr std::string_view kRecoveryAttempts =
    "ringside_recovery_attempts_total";  // pool, result
inline constexpr std::string_view kSessionsEvicted = "ringside_sessions_evicted_total";
inline constexpr std::string_view kSessionsUnbound = "ringside_sessions_unbound_total";
inline constexpr std::string_view kSessionConflicts = "ringside_session_conflicts_total";
inline constexpr std::string_view kSessionRequests =
    "ringside_session_requests_total";                                       // pool, outcome
inline constexpr std::string_view kStreams = "ringside_streams";             // pool, endpoint
inline constexpr std::string_view kTunnels = "ringside_tunnels";             // pool, endpoint
inline constexpr std::string_view kTunnelsTotal = "ringside_tunnels_total";  // pool, endpoint
inline constexpr std::string_view kUpstreamUnasked =
    "ringside_upstream_unasked_total";  // pool, endpoint
inline constexpr std::string_view kUpstreamConnects =
    "ringside_upstream_connects_total";  // pool, endpoint, result
inline constexpr std::string_view kUpstreamConnections =
    "ringside_upstream_connections";  // pool, endpoint
inline constexpr std::string_view kUpstreamQueued =
    "ringside_upstream_queued_total";                                              // pool, endpoint
inline constexpr std::string_view kUpstreamWaiting = "ringside_upstream_waiting";  // pool, endpoint
inline constexpr std::string_view kEndpointRefusing =
    "ringside_endpoint_refusing";  // pool, endpoint

inline constexpr std::string_view kAcceptPauses = "ringside_accept_pauses_total";
inline constexpr std::string_view kAcceptPaused = "ringside_accept_paused";
inline constexpr std::string_view kAccessLogDropped = "ringside_access_log_dropped_total";
inline constexpr std::string_view kStateSaves = "ringside_state_saves_total";  // result: ok, failed
inline constexpr std::string_view kStateLoadedSessions = "ringside_state_loaded_sessions";

}  // namespace family

// Values of the label `cause` of kSessionsLost.
namespace cause {
inline constexpr std::string_view kUnknownToOwner = "unknown_to_owner";
inline constexpr std::string_view kOwnerGone = "owner_gone";
inline constexpr std::string_view kDeleted = "deleted";
inline constexpr std::string_view kExpired = "expired";
inline constexpr std::string_view kStreamEnded = "stream_ended";  // of HTTP+SSE
}  // namespace cause

// Values of the label `outcome` of kSessionRequests: what the routing table made of a request.
namespace outcome {
inline constexpr std::string_view kBound = "bound";
inline constexpr std::string_view kUnknown = "unknown";
inline constexpr std::string_view kEnded = "ended";
inline constexpr std::string_view kOwnerRefused = "owner_refused";
inline constexpr std::string_view kOwnerLost = "owner_lost";
inline constexpr std::string_view kNone = "none";
inline constexpr std::string_view kModern = "modern";
inline constexpr std::string_view kRefusedDuplicate = "refused_duplicate";
inline constexpr std::string_view kRefusedMalformed = "refused_malformed";
inline constexpr std::string_view kRefusedForged = "refused_forged";
inline constexpr std::string_view kHandle = "handle";
}  // namespace outcome

// Values of the label `result` of kRecoveryAttempts: what one endpoint said when it was asked for a
// session that nobody here knew.
namespace recovery_result {
inline constexpr std::string_view kFound = "found";
inline constexpr std::string_view kUnknown = "unknown";  // it does not know the session
inline constexpr std::string_view kUnreachable = "unreachable";
inline constexpr std::string_view kSilent = "silent";  // it is at work: taken for the owner
inline constexpr std::string_view kOther = "other";    // an answer that tells nothing
}  // namespace recovery_result

// Values of the label `result` of kUpstreamConnects.
namespace connect_result {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kRefused = "refused";
inline constexpr std::string_view kTimeout = "timeout";
inline constexpr std::string_view kError = "error";
}  // namespace connect_result

// Declares all of the above and the metrics of the process (process_*), and adds the series that
// need nobody else: the build's version and the process's start, memory and descriptors.
void declare_families(Registry& registry, std::string_view version);

}  // namespace ringside::observe
