// The rules about a head that llhttp leaves to its user: one Host, one framing, known codings, a
// target that can be routed.
//
// Why      One look at each field serves all of them: every request pays for it.
// Errors   The first rule that is broken.
#pragma once

#include <llhttp.h>

#include <string>

#include "http/head.h"
#include "http/parser.h"

namespace ringside::http {

// Splits an absolute-form target, and fills in authority, expects_continue and has_underscores.
// `last_host` is the last that was good, at the caller's: nearly every request has that one again.
ParseFault check_head(RequestHead& head, const llhttp_t& llhttp, std::string& last_host);
ParseFault check_head(const ResponseHead& head, const llhttp_t& llhttp);

// Requires: Upgrade, and Connection names it. HTTP/1.0 has no Upgrade, and a body would have to end
// before the protocol may change.
bool asks_for_websocket(const RequestHead& head);

}  // namespace ringside::http
