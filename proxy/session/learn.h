// What the head of a response teaches about a session, and what its refusal means.
//
// Why      Learning is driven by the answer alone: the pod was chosen before the id existed.
//          Errors, GETs and DELETEs teach no id, since some servers attach a throwaway one to them.
//          Forgetting a session that lives breaks its client, keeping one that is dead costs a
//          request its pod refuses anyway: so an answer makes the proxy forget only when it comes
//          from the session's own path and to a method of the transport (POST, GET, DELETE), as a
//          404 for another path, or to an OPTIONS, is a router's and says nothing about sessions.
// Era      Modern requests have no session: their 404s and 400s mean other things.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/head.h"
#include "session/identify.h"

namespace ringside::session {

enum class Lesson : std::uint8_t {
  nothing,
  learn,           // bind the issued id to the endpoint that answered
  forget_ended,    // 2xx to a DELETE of a session
  forget_unknown,  // the owner says that it does not know the session: a 404 to a POST or DELETE
  ask_body,  // forget_unknown if says_unknown_session(): a 400, and a 404 to a GET, which is also
             // what a server answers that has no event stream and no route for one
};

struct Answer {
  http::Method method = http::Method::other;  // of the request, as the next three
  Claim claim = Claim::none;
  Era era = Era::legacy;
  bool may_learn = false;
  bool on_session_path =
      false;  // the request's path is the one its session was issued on (true where none is bound)
  unsigned status = 0;
  bool issues_other_id =
      false;  // the response issues exactly one well-formed id, and not the request's
};

Lesson lesson_of(const Answer& answer);

// True when a refusal with this body (its beginning suffices) is one of the known forms of "unknown
// session": a text that begins with one, or a JSON object whose error message does. What the body
// says elsewhere does not count. `more_forms` are further beginnings of such a text, in any case.
bool says_unknown_session(std::string_view body_start,
                          std::span<const std::string> more_forms = {});

// How much of a 400's body says_unknown_session() needs to see at most.
inline constexpr std::size_t kUnknownSessionPeekBytes = 512;

}  // namespace ringside::session
