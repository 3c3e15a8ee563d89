// What an exchange keeps while the owner of its session is looked for, or the session revived.
//
// Why      A request that an endpoint refused because it does not know the session has done nothing
//          there: it is sent again elsewhere, and the client sees the one answer that counts. For
//          that the request is kept and a refusal held back.
// Bounds   The request: its head and SearchOptions::body_bytes of body. A refusal that is held:
//          kHeldBytes; past that the proxy answers in its own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "session/binding.h"

namespace ringside::relay {

struct Recovery {
  enum class State : std::uint8_t {
    standing_by,  // the owner is known, but may say that it does not know the session
    asking,       // endpoints are asked, one after another
    waiting,      // another request of the same session asks, or revives it
    collecting,   // the session is lost: the whole request tells whether it may be revived
    reviving,     // a handshake is under way
  };

  // A response that waits to be released or dropped.
  struct Answer {
    std::string bytes;  // as the client would get it
    std::uint64_t body_bytes = 0;
    unsigned status = 0;
    bool keeps_client = false;
    bool too_large = false;
    bool is_whole = false;
  };

  static constexpr std::size_t kHeldBytes = 64 * 1024;

  State state = State::standing_by;
  session::Key key;  // of the request's session: the answer may teach the exchange another one

  // The request.
  std::string request;  // as it was sent: head, then body with its framing
  std::string body;     // without framing, where a revival needs to read it
  std::size_t head_size = 0;
  std::size_t body_max = 0;
  bool reads_body = false;
  std::uint64_t client_hash = 0;  // where placement begins, should the session be revived
  bool too_large = false;         // it was, and is not kept any more

  // The search.
  unsigned refusals = 0;
  bool leads = false;                   // others may wait for what this finds
  bool somebody_was_not_asked = false;  // an endpoint could not be reached
  bool has_waited = false;              // for a connection to one, in vain

  // The refusal under way, and the best one so far.
  Answer held;
  Answer best;
  std::string peek;  // the beginning of a 400's body
  bool asks_body = false;
  bool client_kept = false;  // what client_keeps_alive_ was before the refusal's head

  void keep(std::string_view bytes) {
    if (too_large) return;
    if (head_size != 0 && request.size() + bytes.size() > head_size + body_max) {
      too_large = true;
      request = {};
      body = {};
      return;
    }
    request.append(bytes);
  }
};

}  // namespace ringside::relay
