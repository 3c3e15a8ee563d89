"""Refusals that a search meets: held back while they may be one, and never waited for in vain."""

import threading

import pytest

from harness.deadlines import DEADLINE
from harness.mcp import expect_proxy_error, fields_for, pod_of
from harness.pod import Pod
from harness.process import stopped, within
from harness.upstream import offered
from harness.wire import LAST_CHUNK, chunk, encode


@pytest.mark.parametrize("status", [404, 405])
def test_a_refusal_of_any_size_is_a_refusal(cluster, status):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(status, b"x" * 5_000_000)
    pods.wire.request("GET", "/mcp", fields_for(session, None))
    assert pod_of(pods.wire.read_response_head()) == "b"


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_refusal_in_any_framing_is_a_refusal(cluster, framing):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    if framing == "chunked":
        a.answer = lambda request: (
            encode("HTTP/1.1 404 No", {"Transfer-Encoding": "chunked"}) + chunk("no") + LAST_CHUNK
        )
    else:
        a.answer = lambda request: encode("HTTP/1.1 404 No", {"Connection": "close"}) + b"no"
    assert pod_of(pods.post(session=session)) == "b"


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_refusal_that_breaks_off_is_a_refusal(ringside, upstreams, end):
    a, b = upstreams(), upstreams()
    proxy = ringside(a, b)
    client, served, other = offered(proxy, a, b)
    served.read_request()
    served.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nSession")
    proxy.fence()  # a reset takes along what has not been read
    client.expect_silence()
    getattr(served, end)()
    served = other.accept()
    served.read_request()
    served.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200


def test_a_400_that_breaks_off_before_it_says_why_is_a_502(ringside, upstreams):
    a, b = upstreams(), upstreams()
    client, served, other = offered(ringside(a, b), a, b)
    served.read_request()
    served.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\nWrong")
    served.close()
    expect_proxy_error(client.read_response("POST"), 502)
    other.expect_no_connection()


@pytest.mark.parametrize("status", [404, 400])
def test_a_refusal_that_does_not_end_is_not_waited_for(ringside, upstreams, status):
    a, b = upstreams(), upstreams()
    client, served, other = offered(ringside(a, b), a, b)
    served.read_request()
    head = f"HTTP/1.1 {status} No\r\nTransfer-Encoding: chunked\r\n\r\n"
    served.send(head + chunk("Session not found").decode())
    soon = within(5)
    second = other.accept()
    soon()
    second.read_request()
    second.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200
    served.expect_close()


@pytest.mark.parametrize(
    "piece, pause",
    [(b"Session not found. ", 0.05), (b"x" * 100_000, 0)],
    ids=["a trickle", "a flood"],
)
def test_a_refusal_that_goes_on_is_not_read_to_its_end(cluster, piece, pause):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    left = trickle(a, piece, pause)
    soon = within(5)
    assert pod_of(pods.post(session=session)) == "b"
    soon()
    assert left.wait(DEADLINE), "the proxy has hung up"


def trickle(pod: Pod, piece: bytes, pause: float) -> threading.Event:
    """The pod answers 404 with a body that goes on until the proxy has left."""
    left = threading.Event()

    def serve(wire, number):
        try:
            wire.read_request()
            wire.send(encode("HTTP/1.1 404 No", {"Transfer-Encoding": "chunked"}))
            while not left.wait(pause):
                wire.send(chunk(piece))
        except OSError:
            left.set()
        finally:
            wire.close()

    pod.stop()  # so that no connection is served as before
    pod._serve = serve
    pod.start()
    return left


def test_a_400_that_does_not_end_and_is_no_refusal_is_passed_on_as_it_comes(ringside, upstreams):
    a, b = upstreams(), upstreams()
    client, served, other = offered(ringside(a, b), a, b)
    served.read_request()
    served.send("HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("Wrong").decode())
    head = client.read_response_head()
    body = client.body_of(head)
    assert (head.status, body.read(5)) == (400, b"Wrong")
    served.send(chunk(" again") + LAST_CHUNK)
    assert body.rest() == b" again"
    other.expect_no_connection()


def test_a_400_with_a_head_of_any_size_is_passed_on_whole(cluster):
    pods = cluster("ab", limits={"header_bytes": "256KiB"})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(400, b"Wrong", [("X-Large", "x" * 200_000)])
    response = pods.post(session=session)
    assert (response.status, response.body) == (400, b"Wrong")
    assert len(response.get("x-large")) == 200_000


def test_connections_stay_open_after_refusals(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    for _ in range(20):
        assert pod_of(pods.post(session=pods.stored(b, first=a))) == "b"
    for pod in (a, b):
        assert {request.connection for request in pod.requests} == {1}


def test_nothing_of_a_refusal_reaches_the_client(ringside, upstreams):
    a, b = upstreams(), upstreams()
    client, served, other = offered(ringside(a, b), a, b)
    served.read_request()
    served.respond(404, {"Mcp-Session-Id": "other", "Set-Cookie": "a=1"}, b"x" * 3000)
    second = other.accept()
    second.read_request()
    client.expect_silence()
    second.respond(200, {"X-Mine": "1"}, b"{}")
    response = client.read_response("POST")
    assert (response.status, response.get("x-mine"), response.body) == (200, "1", b"{}")
    assert response.get("mcp-session-id") is None and response.get("set-cookie") is None
    client.expect_silence()


@pytest.mark.parametrize(
    "refusal",
    [
        "Content-Length: 4\r\n\r\nlost",
        "Content-Length: 4\r\n\r\nlost and more",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nlost\r\nno size\r\n",
    ],
    ids=["whole", "more behind it", "a fault in it"],
)
def test_a_client_that_has_gone_when_an_interim_response_and_its_refusal_come(
    ringside, upstreams, refusal
):
    """Both are there when the proxy looks, the answer first: it meets a client that is no more."""
    a, b = upstreams(), upstreams()
    proxy = ringside(a, b)
    client, served, other = offered(proxy, a, b)
    served.read_request()
    proxy.fence()
    with stopped(proxy.process):
        served.send(f"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\n{refusal}")
        client.reset()
    served.expect_close()
    own = proxy.connect().exchange("OPTIONS", "*", {"Max-Forwards": "0"})  # the proxy's to answer
    assert (own.status, own.interim, own.raw_head[:12]) == (204, [], b"HTTP/1.1 204")
    other.expect_no_connection()
    assert "client_left" in [line["error"] for line in proxy.access_log(3)]
