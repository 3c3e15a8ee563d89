// Statuses and what they prove.
#include "session/recovery.h"

namespace ringside::session {

using http::Method;

Refusal refusal_of(Method method, unsigned status, bool bound) {
  switch (status) {
    case 404:
      return Refusal::yes;
    case 405:
      return method == Method::get && !bound ? Refusal::yes : Refusal::no;
    case 400:
      return Refusal::ask_body;
    default:
      return Refusal::no;
  }
}

Acceptance acceptance_of(Method method, unsigned status) {
  if (method == Method::get && status == 409) return Acceptance::firm;  // its stream is open there
  if (method == Method::get && status == 101) return Acceptance::provisional;
  if (status < 200 || status >= 300) return Acceptance::nothing;
  if (method == Method::get) return Acceptance::provisional;
  if (method != Method::post) return Acceptance::nothing;
  return status == 202 ? Acceptance::provisional : Acceptance::firm;
}

}  // namespace ringside::session
