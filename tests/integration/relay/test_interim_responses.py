"""1xx responses: passed on as they come, and never mistaken for the answer."""

import json

import pytest

from harness.upstream import asked
from harness.wire import LAST_CHUNK, chunk


def test_expect_continue_is_answered_by_the_upstream_and_then_the_body_flows(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "5", "Expect": "100-continue"})
    served = upstream.accept()
    head = served.read_request_head()
    assert head.get("expect") == "100-continue"
    served.send("HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_head().start == "HTTP/1.1 100 Continue"
    client.send("hello")
    assert served.read_exactly(5) == b"hello"
    served.respond(200)
    assert client.read_response().status == 200


def test_case_56_expect_continue_with_a_chunked_body(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked", "Expect": "100-continue"})
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    served.send("HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_head().status == 100
    client.send(chunk("hello") + LAST_CHUNK)
    assert body.rest() == b"hello"


def test_an_upstream_may_refuse_a_body_that_the_client_has_not_sent_yet(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "5", "Expect": "100-continue"})
    served = upstream.accept()
    served.read_request_head()
    served.respond(403, {"Connection": "close"}, b"no")
    response = client.read_response()
    assert (response.status, response.body) == (403, b"no")


def test_early_hints_are_passed_on_before_the_answer_exists(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
    hints = client.read_head()
    assert (hints.status, hints.get("link")) == (103, "</a>; rel=preload")
    served.respond(200, body=b"ok")
    response = client.read_response()
    assert (response.status, response.interim) == (200, [])


def test_several_interim_responses_come_in_order(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send(
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\n"
    )
    served.respond(200)
    assert [one.get("link") for one in client.read_response().interim] == ["a", "b"]


@pytest.mark.parametrize(
    "interim",
    ["HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n", "HTTP/1.0 103 Early Hints\r\n\r\n"],
    ids=["close", "1.0"],
)
def test_an_interim_response_says_nothing_about_the_connection(ringside, upstream, interim):
    client, served = asked(ringside(upstream), upstream)
    served.send(interim)
    served.respond(200, body=b"ok")
    response = client.read_response()
    assert (response.status, response.body, len(response.interim)) == (200, b"ok", 1)
    client.request("GET", "/next")
    assert served.read_request().target == "/next"


def test_a_session_id_on_an_interim_response_is_not_learned(trusting, pods):
    (a,) = pods("a")
    hint = b"HTTP/1.1 103 Early Hints\r\nmcp-session-id: early\r\n\r\n"
    a.answer = lambda request: hint + a.reply(200)
    proxy = trusting(a)
    response = proxy.connect().exchange("POST", "/mcp", body=json.dumps({"id": 1}).encode())
    assert response.status == 200
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_an_http_1_0_client_sees_no_interim_response(ringside, upstream):
    client = ringside(upstream).connect()
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    served = upstream.accept()
    served.read_request()
    served.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
    served.respond(200, body=b"ok")
    assert client.read_head().status == 200


# Expect: 100-continue


EXPECTS = {"Content-Length": "5", "Expect": "100-continue"}


def test_an_upstream_that_lets_a_client_wait_for_its_100_is_a_504(ringside, upstream):
    proxy = ringside(upstream, listener={"timeouts": {"request_body": "300ms"}})
    client = proxy.connect()
    client.request("POST", "/", EXPECTS)
    served = upstream.accept()
    served.read_request_head()
    response = client.read_response()
    assert response.status == 504 and b"asked for the request body" in response.body
    client.expect_close()
    served.expect_close()
    assert proxy.access_log(1)[0]["error"] == "continue_timeout"


@pytest.mark.parametrize("part", ["", "he"])
def test_a_client_that_was_told_to_continue_and_stops_is_a_408(ringside, upstream, part):
    proxy = ringside(upstream, listener={"timeouts": {"request_body": "1s"}})
    client = proxy.connect()
    client.request("POST", "/", EXPECTS)
    served = upstream.accept()
    served.read_request_head()
    served.send("HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_head().status == 100
    client.send(part)
    assert client.read_response().status == 408
    client.expect_close()


def test_a_client_need_not_wait_for_the_100(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", EXPECTS)
    served = upstream.accept()
    served.read_request_head()
    client.send("hello")
    assert served.read_exactly(5) == b"hello"
    served.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    response = client.read_response()
    assert ([one.status for one in response.interim], response.body) == ([100], b"ok")
    client.request("GET", "/next")
    assert served.read_request().target == "/next"


@pytest.mark.parametrize("status", [401, 413, 417])
def test_a_final_answer_in_the_place_of_the_100_closes_and_nothing_is_taken_for_a_request(
    ringside, upstream, status
):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "40", "Expect": "100-continue"})
    served = upstream.accept()
    served.read_request_head()
    served.respond(status, body=b"no")
    response = client.read_response()
    assert (response.status, response.body) == (status, b"no")
    assert response.get("connection") == "close"
    client.send_anyway(b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n")
    client.expect_close()
    served.expect_close()
    upstream.expect_no_connection()


@pytest.mark.parametrize("value", ["100-continue, x", "x", "200-ok", ""])
def test_other_expectations_are_the_upstreams_to_refuse(ringside, upstream, value):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Expect": value}, b"hello")
    served = upstream.accept()
    request = served.read_request()
    assert (request.get("expect"), request.body) == (value, b"hello")
    served.respond(417)
    assert client.read_response().status == 417
    client.request("GET", "/next")
    assert served.read_request().target == "/next"


def test_an_expectation_of_http_1_0_means_nothing(ringside, upstream):
    client = ringside(upstream).connect()
    client.send("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    served = upstream.accept()
    assert served.read_request_head().get("expect") is None
    client.send("hello")
    assert served.read_exactly(5) == b"hello"
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"


@pytest.mark.parametrize("status", [100, 102, 103])
def test_an_interim_response_that_nobody_asked_for_is_passed_on(ringside, upstream, status):
    client, served = asked(ringside(upstream), upstream)
    served.send(f"HTTP/1.1 {status} Interim\r\nContent-Length: 5\r\n\r\n")
    assert client.read_head().status == status
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"
