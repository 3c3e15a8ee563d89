// What is wrong with bytes that llhttp has refused, told from its error and the bytes around it.
//
// Why      A client that is refused is told in one sentence what to change; llhttp's errors are
//          about states of its machine, several of them for one mistake and one for several.
// Errors   What no rule knows is ParseFault::syntax.
#pragma once

#include <llhttp.h>

#include <string_view>

#include "http/parser.h"

namespace ringside::http {

// Where llhttp stopped.
struct FaultSite {
  std::string_view before;  // of the message, what is at hand of the bytes that were taken
  std::string_view behind;  // from the byte that was refused on; may be empty
  bool in_body = false;     // between the head and the trailers
};

ParseFault fault_of(const llhttp_t& llhttp, llhttp_errno_t error, const FaultSite& site);

}  // namespace ringside::http
