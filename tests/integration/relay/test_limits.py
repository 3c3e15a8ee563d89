"""What is too much, and what is said about it."""

import select

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.wire import Truncated, chunk

SMALL_BODIES = {"body_bytes": "1KiB"}


def test_case_56_a_body_over_the_limit_is_a_413_before_anything_is_forwarded(ringside, upstream):
    client = ringside(upstream, limits=SMALL_BODIES).connect()
    client.request("POST", "/", {"Content-Length": "1025"})
    response = client.read_response()
    assert (response.status, response.get("server")) == (413, "ringside")
    upstream.expect_no_connection()


def test_a_body_of_just_the_limit_passes(ringside, upstream):
    client = ringside(upstream, limits=SMALL_BODIES).connect()
    client.request("POST", "/", body=b"x" * 1024)
    assert len(upstream.accept().read_request().body) == 1024


def test_a_chunked_body_that_grows_over_the_limit_is_a_413_and_never_complete_upstream(
    ringside, upstream
):
    client = ringside(upstream, limits=SMALL_BODIES).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    client.send(chunk(b"x" * 1000))
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    assert body.read(1000) == b"x" * 1000
    client.send(chunk(b"y" * 100))
    assert client.read_response().status == 413
    body.expect_abort()


def test_a_head_over_the_limit_is_a_431(ringside, upstream):
    client = ringside(upstream, limits={"header_bytes": "4KiB"}).connect()
    client.request("GET", "/", {"X-Big": "x" * 5000})
    assert client.read_response().status == 431
    upstream.expect_no_connection()


@pytest.mark.parametrize("size", [1_000, 16_300, 33_000, 60_000, 65_000])
def test_a_head_under_the_limit_passes_whole(ringside, upstream, size):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"X-Big": "x" * size}, b"body")
    request = upstream.accept().read_request()
    assert (request.get("x-big"), request.body) == ("x" * size, b"body")


def test_connections_over_the_limit_are_refused_and_room_is_used_again(ringside, upstream):
    proxy = ringside(upstream, limits={"connections": 2})
    first, second = proxy.connect(), proxy.connect()
    for client in (first, second):
        client.request()
        served = upstream.accept()
        served.read_request()
        served.respond(
            200, {"Connection": "close"}
        )  # so that the next request needs a new connection
        assert client.read_response().status == 200
    third = proxy.connect()
    third.send_anyway(b"GET /third HTTP/1.1\r\nHost: a\r\n\r\n")
    try:
        assert third.read_response().status == 503
    except Truncated:
        pass  # closed without a word: as good
    upstream.expect_no_connection()
    first.close()
    second.close()

    def served_again() -> bool:
        """The proxy sees the close in its own time: one that is answered proves that it has."""
        again = proxy.connect()
        again.send_anyway(b"GET /again HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        ready, _, _ = select.select([upstream.listener, again.socket], [], [], DEADLINE)
        if upstream.listener not in ready:
            again.close()
            return False
        return upstream.accept().read_request().target == "/again"

    eventually(served_again, "room for another connection")
