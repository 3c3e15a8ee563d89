// The pages about sessions: the list, one session, the commands on it, and where a request would
// go.
//
// Errors   Problem documents: 400 for a parameter or a body that makes no sense, 404 for a session
//          that is not bound.
#pragma once

#include <string_view>

#include "admin/pages.h"

namespace ringside::admin {

inline constexpr std::size_t kSessionsOnPage = 100;
inline constexpr std::size_t kSessionsOnPageMax = 1000;

// `digest` is the text that stands in the path.
Page list_sessions(Sessions& sessions, const Request& request, std::string_view);
Page show_session(Sessions& sessions, const Request& request, std::string_view digest);
Page forget_session(Sessions& sessions, const Request& request, std::string_view digest);
Page move_session(Sessions& sessions, const Request& request, std::string_view digest);
Page explain_request(Sessions& sessions, const Request& request, std::string_view);

}  // namespace ringside::admin
