// What the answer of an endpoint says about a session that may live on another: the rules by which
// an owner is found again.
//
// Why      Only an answer which proves that the request was not processed may move it on. A status
//          that another reason may have (a 500, a 401) ends the search and teaches nothing.
#pragma once

#include <cstdint>

#include "http/head.h"

namespace ringside::session {

enum class Refusal : std::uint8_t {
  no,
  yes,       // the endpoint does not know the session, and has done nothing
  ask_body,  // yes if says_unknown_session()
};

// `bound`: the endpoint owns the session, or is believed to. A 405 to a GET means "no stream here",
// which some servers say only to ids that they do not know: it moves on an unbound session alone.
Refusal refusal_of(http::Method method, unsigned status, bool bound);

enum class Acceptance : std::uint8_t {
  nothing,      // teaches nothing about the session
  provisional,  // perhaps: some servers open a stream, or take a notification, for any id
  firm,         // the endpoint knows the session
};
Acceptance acceptance_of(http::Method method, unsigned status);

}  // namespace ringside::session
