// The admin pages, without a socket.
#include "admin/pages.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace ringside::admin;

namespace {

Page ask(const Views& views, std::string_view method, std::string_view target) {
  return answer(views, {.method = method, .target = target});
}

Views views(std::string not_ready = {}) {
  return {.not_ready = [not_ready] { return not_ready; }, .metrics = [] { return "m_total 1\n"; }};
}

}  // namespace

TEST_CASE("pages: draining fails readiness with its reason and leaves liveness alone") {
  const Views draining = views("draining");
  CHECK(ask(draining, "GET", "/healthz").status == 200);
  CHECK(ask(draining, "GET", "/healthz").body == "ok");
  CHECK(ask(draining, "GET", "/readyz").status == 503);
  CHECK(ask(draining, "GET", "/readyz").body == "draining");
  CHECK(ask(views(), "GET", "/readyz").status == 200);
  CHECK(ask(views(), "GET", "/readyz").body == "ready");
}

TEST_CASE("pages: the metrics come with the media type of the text format") {
  const Page page = ask(views(), "GET", "/metrics");
  CHECK(page.status == 200);
  CHECK(page.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(page.body == "m_total 1\n");
}

TEST_CASE("pages: a query does not hide a page and HEAD gets what GET gets") {
  CHECK(ask(views(), "GET", "/healthz?verbose=1").status == 200);
  CHECK(ask(views(), "HEAD", "/metrics").body == "m_total 1\n");
}

TEST_CASE("pages: an unknown path is a problem document that names the known ones") {
  for (const char* target : {"/", "/healthz/", "/Healthz", "*", "", "/metricsx"}) {
    const Page page = ask(views(), "GET", target);
    CHECK(page.status == 404);
    CHECK(page.content_type == "application/problem+json");
    const auto document = nlohmann::json::parse(page.body);
    CHECK(document.at("status") == 404);
    CHECK(document.at("detail") ==
          "the pages here are /healthz, /readyz, /metrics, /sessions, /sessions/{digest}, "
          "/sessions/{digest}/move, /explain");
  }
}

TEST_CASE("pages: other methods are refused with the methods that are allowed") {
  for (const char* method : {"POST", "DELETE", "OPTIONS", "get"}) {
    const Page page = ask(views(), method, "/healthz");
    CHECK(page.status == 405);
    CHECK(page.allow == "GET, HEAD");
    CHECK(nlohmann::json::parse(page.body).at("title") == "Method Not Allowed");
  }
}

TEST_CASE("pages: a problem whose detail is no UTF-8 is still JSON") {
  CHECK(nlohmann::json::parse(problem(400, "\xff").body).at("status") == 400);
}
