#include "http/error_body.h"

#include <catch2/catch_test_macros.hpp>

namespace ringside::http {
namespace {

TEST_CASE("error_body: the answer for an unknown session is the one that clients start again at") {
  CHECK(json_rpc_error(kSessionNotFound, "Session not found") ==
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}})");
}

TEST_CASE("error_body: no code of ours is one of the stateless era") {
  for (const int code : {kSessionNotFound, kServerError}) {
    CHECK(code <= -32000);
    CHECK(code >= -32019);
  }
}

TEST_CASE("error_body: every status that the proxy makes has its phrase") {
  for (const unsigned status :
       {200U, 400U, 404U, 405U, 408U, 413U, 414U, 431U, 500U, 501U, 502U, 503U, 504U, 505U}) {
    CHECK(reason_phrase(status) != "Error");
  }
  CHECK(reason_phrase(503) == "Service Unavailable");
}

}  // namespace
}  // namespace ringside::http
