"""What is too much, and what is said about it."""

import pytest

from harness.deadlines import eventually
from harness.mcp import expect_proxy_error
from harness.wire import chunk

SMALL_BODIES = {"body_bytes": "1KiB"}


def test_case_56_a_body_over_the_limit_is_a_413_before_anything_is_forwarded(ringside, upstream):
    proxy = ringside(upstream, limits=SMALL_BODIES)
    client = proxy.connect()
    client.request("POST", "/", {"Content-Length": "1025"})
    expect_proxy_error(client.read_response(), 413)
    upstream.expect_no_connection()
    client.close()
    proxy.expect_one_error(413, "client", "body_too_large")


def test_a_body_of_just_the_limit_passes(ringside, upstream):
    client = ringside(upstream, limits=SMALL_BODIES).connect()
    client.request("POST", "/", body=b"x" * 1024)
    assert len(upstream.accept().read_request().body) == 1024


def test_a_chunked_body_that_grows_over_the_limit_is_a_413_and_never_complete_upstream(
    ringside, upstream
):
    proxy = ringside(upstream, limits=SMALL_BODIES)
    client = proxy.connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    client.send(chunk(b"x" * 1000))
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    assert body.read(1000) == b"x" * 1000
    client.send(chunk(b"y" * 100))
    expect_proxy_error(client.read_response(), 413)
    body.expect_abort()
    client.close()
    proxy.expect_one_error(413, "client", "body_too_large")


def test_a_head_over_the_limit_is_a_431(ringside, upstream):
    proxy = ringside(upstream, limits={"header_bytes": "4KiB"})
    client = proxy.connect()
    client.request("GET", "/", {"X-Big": "x" * 5000})
    expect_proxy_error(client.read_response(), 431)
    proxy.expect_one_error(431, "client", "head_too_large")
    upstream.expect_no_connection()


@pytest.mark.parametrize("size", [1_000, 16_300, 33_000, 60_000, 65_000])
def test_a_head_under_the_limit_passes_whole(ringside, upstream, size):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"X-Big": "x" * size}, b"body")
    request = upstream.accept().read_request()
    assert (request.get("x-big"), request.body) == ("x" * size, b"body")


@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_of_a_head_is_exact(ringside, upstream, more):
    proxy = ringside(upstream, limits={"header_bytes": "4KiB"})
    client = proxy.connect()
    before = "/ HTTP/1.1\r\nHost: a\r\nX: "  # counted from the target on
    value = "x" * (4096 - len(before) + more)
    client.send_anyway(f"GET {before}{value}\r\n\r\n".encode())
    if more:
        expect_proxy_error(client.read_response(), 431)
        proxy.expect_one_error(431, "client", "head_too_large")
        upstream.expect_no_connection()
    else:
        assert upstream.accept().read_request().get("x") == value


# Connections


@pytest.mark.parametrize("workers", [1, 4])
def test_connections_over_the_limit_are_refused_and_room_is_used_again(ringside, pods, workers):
    """It is the limit of all workers and listeners together."""
    (a,) = pods("a")
    a.answer = lambda request: a.reply(200)
    names = ["one", "two"]
    proxy = ringside(
        config={
            "workers": workers,
            "admin": {"bind": "127.0.0.1:0"},
            "log": {"access": "stdout"},
            "limits": {"connections": 3},
            "listeners": [
                {"name": name, "bind": "127.0.0.1:0", "pool": "pods"} for name in names
            ],
            "pools": {"pods": {"endpoints": [a.address]}},
        }
    )
    held = [proxy.connect(name) for name in ("one", "two", "one")]
    for client in held:
        assert client.exchange().status == 200
    for name in names:
        surplus = proxy.connect(name)
        surplus.request()
        response = surplus.read_response()
        expect_proxy_error(response, 503)
        assert response.get("retry-after") == "1"
        surplus.expect_close()
    refused = {
        (line["listener"], line["status"], line["error_side"], line["error"])
        for line in proxy.access_log(5)
        if line["error"] != "-"
    }
    assert refused == {(name, "503", "proxy", "too_many_connections") for name in names}
    samples = proxy.metrics()
    for name in names:
        labels = {"listener": name, "side": "proxy", "error": "too_many_connections"}
        assert samples.sum("ringside_request_errors_total", **labels) == 1
        assert samples.sum("ringside_connections_refused_total", listener=name) == 1
    for client in held:
        assert client.exchange().status == 200
    assert len(a.requests) == 6
    held[0].close()

    def served_again() -> bool:
        """The proxy sees the close in its own time: one that is answered proves that it has."""
        again = proxy.connect("two")
        status = again.exchange("GET", "/", {"Connection": "close"}).status
        again.close()
        return status == 200

    eventually(served_again, "room for another connection")
