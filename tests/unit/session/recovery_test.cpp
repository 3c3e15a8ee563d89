// Which answers move a request on, and which bind its session.
#include "session/recovery.h"

#include <catch2/catch_test_macros.hpp>

using namespace ringside::session;
using ringside::http::Method;

TEST_CASE("a 404 proves that the endpoint does not know the session, whatever the method") {
  for (const Method method : {Method::post, Method::get, Method::delete_}) {
    CHECK(refusal_of(method, 404, false) == Refusal::yes);
    CHECK(refusal_of(method, 404, true) == Refusal::yes);
  }
}

TEST_CASE("a 400 is a refusal only if its body says so") {
  CHECK(refusal_of(Method::post, 400, false) == Refusal::ask_body);
  CHECK(refusal_of(Method::get, 400, true) == Refusal::ask_body);
}

TEST_CASE("a 405 moves on the GET of an unbound session and nothing else") {
  CHECK(refusal_of(Method::get, 405, false) == Refusal::yes);
  CHECK(refusal_of(Method::get, 405, true) == Refusal::no);
  CHECK(refusal_of(Method::post, 405, false) == Refusal::no);
  CHECK(refusal_of(Method::delete_, 405, false) == Refusal::no);
}

TEST_CASE("statuses with other reasons end a search") {
  for (const unsigned status : {200U, 202U, 401U, 403U, 409U, 413U, 422U, 500U, 502U, 503U}) {
    CHECK(refusal_of(Method::post, status, false) == Refusal::no);
  }
}

TEST_CASE("a served POST and a GET whose stream is open elsewhere bind firmly") {
  CHECK(acceptance_of(Method::post, 200) == Acceptance::firm);
  CHECK(acceptance_of(Method::get, 409) == Acceptance::firm);
}

TEST_CASE("what some servers do for any id binds provisionally") {
  CHECK(acceptance_of(Method::get, 200) == Acceptance::provisional);
  CHECK(acceptance_of(Method::post, 202) == Acceptance::provisional);
  CHECK(acceptance_of(Method::get, 101) == Acceptance::provisional);
}

TEST_CASE("errors and other methods bind nothing") {
  CHECK(acceptance_of(Method::post, 500) == Acceptance::nothing);
  CHECK(acceptance_of(Method::post, 409) == Acceptance::nothing);
  CHECK(acceptance_of(Method::delete_, 200) == Acceptance::nothing);
  CHECK(acceptance_of(Method::options, 204) == Acceptance::nothing);
}
