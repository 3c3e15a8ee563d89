"""1xx responses: passed on as they come, and never mistaken for the answer."""

import json

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
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.send("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
    hints = client.read_head()
    assert (hints.status, hints.get("link")) == (103, "</a>; rel=preload")
    served.respond(200, body=b"ok")
    response = client.read_response()
    assert (response.status, response.interim) == (200, [])


def test_several_interim_responses_come_in_order(ringside, upstream):
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.send(
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\n"
    )
    served.respond(200)
    assert [one.get("link") for one in client.read_response().interim] == ["a", "b"]


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
