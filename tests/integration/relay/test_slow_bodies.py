"""A request body that trickles is given up; one that the proxy itself holds up is not."""

import threading

from harness.deadlines import DEADLINE, eventually
from harness.mcp import expect_proxy_error
from harness.wire import LAST_CHUNK, TooLate, chunk

LONG = 3 * DEADLINE  # a rate is taken over ten seconds
MIB = 1 << 20


def trickle_until_answered(client, piece: bytes = b"x"):
    """Sends a piece now and then; the answer."""
    client.socket.settimeout(0.05)

    def answered():
        client.send_anyway(piece)
        try:
            return client.read_response()
        except TooLate:
            return None

    return eventually(answered, "an answer", LONG)


def test_a_body_that_trickles_is_a_408_and_never_complete_upstream(ringside, upstream):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.request("POST", "/", {"Content-Length": "1000000"})
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    response = trickle_until_answered(client)
    expect_proxy_error(response, 408)
    assert b"slow" in response.body
    assert response.get("connection") == "close"
    body.expect_abort()
    assert proxy.access_log(1)[0]["error"] == "body_too_slow"
    assert proxy.metrics().sum("ringside_request_errors_total", error="body_too_slow") == 1


def test_chunks_that_trickle_are_a_408(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    client.send("5;")
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    assert trickle_until_answered(client, b"e").status == 408  # an extension that never ends
    body.expect_abort()


def test_a_body_that_comes_as_fast_as_is_asked_for_is_not_given_up(ringside, upstream):
    proxy = ringside(upstream, limits={"body_rate": "64B"})
    client, clock = proxy.connect(), proxy.connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    clock.request("POST", "/", {"Content-Length": "1000000"})
    upstream.accept().read_request_head()
    clock.socket.settimeout(0.05)

    def given_up():
        client.send(chunk(b"x" * 64))
        clock.send_anyway(b"x")
        assert body.read(64) == b"x" * 64
        try:
            return clock.read_response()
        except TooLate:
            return None

    assert eventually(given_up, "the clock's 408", LONG).status == 408
    client.send(LAST_CHUNK)
    assert body.rest() == b""
    served.respond(200, body=b"whole")
    assert client.read_response().body == b"whole"


def test_time_in_which_the_upstream_does_not_read_does_not_count(ringside, upstream):
    proxy = ringside(upstream)
    client, clock = proxy.connect(), proxy.connect()
    total = 48 * MIB
    client.request("POST", "/", {"Content-Length": str(total)})
    served = upstream.accept()
    served.read_request_head()
    sending = threading.Thread(target=client.send_anyway, args=(b"x" * (total - 1),))
    client.socket.settimeout(LONG)
    sending.start()
    clock.request("POST", "/", {"Content-Length": "1000000"})
    upstream.accept().read_request_head()
    assert trickle_until_answered(clock).status == 408
    left = total - 1
    while left:
        left -= len(served.read_exactly(min(left, 65536)))
    sending.join()
    client.send("x")
    assert served.read_exactly(1) == b"x"
    served.respond(200, body=b"whole")
    assert client.read_response().body == b"whole"


def test_no_rate_is_asked_for_by_zero(ringside, upstream):
    slow, clock = (ringside(upstream, limits={"body_rate": rate}) for rate in ("0", "128B"))
    client, other = slow.connect(), clock.connect()
    client.request("POST", "/", {"Content-Length": "1000000"})
    served = upstream.accept()
    served.read_request_head()
    other.request("POST", "/", {"Content-Length": "1000000"})
    upstream.accept().read_request_head()
    other.socket.settimeout(0.05)

    def given_up():
        client.send(b"x")
        other.send_anyway(b"x")
        try:
            return other.read_response()
        except TooLate:
            return None

    assert eventually(given_up, "the clock's 408", LONG).status == 408
    client.send(b"x")
    served.respond(200, body=b"early")
    assert client.read_response().body == b"early"
