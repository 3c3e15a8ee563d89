// Numbers in names are the cases of the session rules that a test covers.
#include "session/learn.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace ringside::session {
namespace {

using http::Method;

// A legacy initialize that is answered 200 with an id.
Answer initialized() {
  return {.method = Method::post,
          .may_learn = true,
          .on_session_path = true,
          .status = 200,
          .issues_other_id = true};
}

// An answer to a request of a legacy session.
Answer answer_to(Method method, unsigned status) {
  return {.method = method,
          .claim = Claim::id,
          .may_learn = method == Method::post,
          .on_session_path = true,
          .status = status};
}

TEST_CASE("learn: a 2xx to a POST that issues an id binds it (1, 3)") {
  CHECK(lesson_of(initialized()) == Lesson::learn);
  Answer created = initialized();
  created.status = 201;
  CHECK(lesson_of(created) == Lesson::learn);
}

TEST_CASE("learn: a 202, an interim answer, a redirect and an error issue nothing (16)") {
  for (const unsigned status : {100U, 199U, 202U, 301U, 304U, 400U, 401U, 404U, 405U, 409U, 500U}) {
    Answer answer = initialized();
    answer.status = status;
    INFO(status);
    CHECK(lesson_of(answer) == Lesson::nothing);
  }
}

TEST_CASE("learn: a GET, a DELETE or an OPTIONS issues nothing (76)") {
  for (const Method method : {Method::get, Method::delete_, Method::options, Method::head}) {
    Answer answer = initialized();
    answer.method = method;
    CHECK(lesson_of(answer) == Lesson::nothing);
  }
}

TEST_CASE("learn: without an id, or with the request's own, there is nothing to bind (15)") {
  Answer answer = initialized();
  answer.issues_other_id = false;
  CHECK(lesson_of(answer) == Lesson::nothing);
}

TEST_CASE("learn: another id in the answer to a session's POST is bound too (18, 27)") {
  Answer answer = answer_to(Method::post, 200);
  answer.issues_other_id = true;
  CHECK(lesson_of(answer) == Lesson::learn);
}

TEST_CASE("learn: a modern request issues an id only where identify allowed it (60, 61)") {
  Answer answer = initialized();
  answer.era = Era::modern;
  CHECK(lesson_of(answer) == Lesson::learn);
  answer.may_learn = false;
  CHECK(lesson_of(answer) == Lesson::nothing);
}

TEST_CASE("learn: any 2xx to a DELETE ends its session, nothing else does (20, 21)") {
  for (const unsigned status : {200U, 202U, 204U}) {
    CHECK(lesson_of(answer_to(Method::delete_, status)) == Lesson::forget_ended);
  }
  for (const unsigned status : {302U, 403U, 405U, 409U, 500U, 503U}) {
    CHECK(lesson_of(answer_to(Method::delete_, status)) == Lesson::nothing);
  }
  CHECK(lesson_of(answer_to(Method::get, 200)) == Lesson::nothing);
}

TEST_CASE("learn: a 404 to a POST or DELETE of a session forgets it (22, 24)") {
  CHECK(lesson_of(answer_to(Method::post, 404)) == Lesson::forget_unknown);
  CHECK(lesson_of(answer_to(Method::delete_, 404)) == Lesson::forget_unknown);
}

TEST_CASE("learn: a 404 to a GET is only believed with its body: the server may lack the route") {
  CHECK(lesson_of(answer_to(Method::get, 404)) == Lesson::ask_body);
  CHECK_FALSE(says_unknown_session("<pre>Cannot GET /mcp</pre>"));
}

TEST_CASE("learn: a 400 to a session's request is judged by its body (26)") {
  for (const Method method : {Method::post, Method::get, Method::delete_}) {
    CHECK(lesson_of(answer_to(method, 400)) == Lesson::ask_body);
  }
}

TEST_CASE("learn: other refusals leave the session alone") {
  for (const unsigned status : {401U, 403U, 405U, 409U, 410U, 422U, 429U, 500U, 502U, 503U}) {
    INFO(status);
    CHECK(lesson_of(answer_to(Method::post, status)) == Lesson::nothing);
    CHECK(lesson_of(answer_to(Method::get, status)) == Lesson::nothing);
  }
}

TEST_CASE("learn: a router's answer on another path says nothing about the session") {
  for (const unsigned status : {200U, 400U, 404U}) {
    for (const Method method : {Method::post, Method::get, Method::delete_}) {
      Answer answer = answer_to(method, status);
      answer.on_session_path = false;
      CHECK(lesson_of(answer) == Lesson::nothing);
    }
  }
}

TEST_CASE("learn: a method outside of the transport says nothing about the session (76)") {
  for (const Method method : {Method::options, Method::put, Method::head, Method::other}) {
    CHECK(lesson_of(answer_to(method, 404)) == Lesson::nothing);
    CHECK(lesson_of(answer_to(method, 400)) == Lesson::nothing);
    CHECK(lesson_of(answer_to(method, 200)) == Lesson::nothing);
  }
}

TEST_CASE(
    "learn: the refusal of a request without a session, or of a modern one, teaches nothing (17, "
    "25)") {
  for (const unsigned status : {400U, 404U}) {
    Answer answer = answer_to(Method::post, status);
    answer.claim = Claim::none;
    CHECK(lesson_of(answer) == Lesson::nothing);
    answer = answer_to(Method::post, status);
    answer.era = Era::modern;
    CHECK(lesson_of(answer) == Lesson::nothing);
  }
}

TEST_CASE("says_unknown_session: the forms that servers use are known") {
  for (
      const std::string_view body : {
          R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null})",
          R"({"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}})",
          R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null})",
          R"({"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"Invalid session ID"}})",
          R"({"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Not Found: Session has been terminated"}})",
          R"({ "error" : { "message" : "bad request:no valid session id provided, send initialize first" } })",
          R"({"error":"Invalid or missing session ID"})",
          R"({"message":"Session not found"})",
          "Bad Request: No valid session ID provided",
          "Invalid or missing session ID",
          "No transport found for sessionId",
          "invalid SESSION id\n",
          "\r\n  Session terminated",
          "Not Found: Session not found",
          R"("Session ID not found.")",
      }) {
    INFO(body);
    CHECK(says_unknown_session(body));
  }
}

TEST_CASE("says_unknown_session: a message that is cut off after its form still tells") {
  CHECK(says_unknown_session(
      R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Session not found in)"));
}

TEST_CASE("says_unknown_session: a refusal that merely talks of sessions is another matter") {
  for (
      const std::string_view body : {
          "",
          "{",
          "{}",
          "Bad Request",
          "Bad Request: Mcp-Session-Id header is required",
          "The tool says: Session not found",
          R"({"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Invalid params: session not found in 'query'"}})",
          R"({"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Invalid Request: Server already initialized"}})",
          R"({"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"No such tool","data":{"message":"Session not found"}}})",
          R"({"id":"Session not found","error":{"code":-32602,"message":"Unknown tool"}})",
          R"({"detail":{"error":"Session not found"},"error":{"message":"Unknown tool"}})",
          R"({"detail":[{"message":"Session not found"}]})",
          R"({"note":"\"error\":\"Session not found\"","error":"Unknown tool"})",
          R"({"error":{"code":-32000,"message":"Bad Request: Unsupported protocol version"}})",
      }) {
    INFO(body);
    CHECK_FALSE(says_unknown_session(body));
  }
}

TEST_CASE("says_unknown_session: any beginning of a body is read without harm") {
  const std::string body =
      R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"x\"\\ Session not found"},"id":[null,{}]})";
  for (std::size_t size = 0; size <= body.size(); ++size) {
    CHECK_FALSE(says_unknown_session(std::string(body, 0, size)));
  }
  CHECK_FALSE(says_unknown_session(std::string("{\"error\":\"\\")));
  CHECK_FALSE(says_unknown_session(std::string(4096, '}')));
  CHECK_FALSE(
      says_unknown_session("{" + std::string(600, ' ') + R"("error":"Session not found"})"));
}

}  // namespace
}  // namespace ringside::session
