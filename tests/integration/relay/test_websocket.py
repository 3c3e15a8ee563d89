"""WebSocket: once the pod has agreed, its bytes pass both ways as they are, until either side ends.

And only WebSocket, only when asked for, only when agreed to.
"""

import select
import threading

import pytest

from harness import websocket
from harness.deadlines import eventually
from harness.mcp import expect_proxy_error
from harness.process import within
from harness.upstream import accept_first, asked
from harness.websocket import BINARY, CLOSE, TEXT, frame, handshake, open_both, read_frame
from harness.wire import LAST_CHUNK, Truncated, encode

MIB = 1 << 20
PATTERN = bytes(range(256)) * (64 * MIB // 256)
SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def opened(ringside, upstream, **more):
    proxy = ringside(upstream, **more)
    client = proxy.connect()
    return proxy, client, open_both(client, upstream)


def asked_to_switch(proxy, upstream):
    """A handshake that has come to the upstream: both sides, and what it has read."""
    client = proxy.connect()
    client.request("GET", "/", handshake())
    served = upstream.accept()
    return client, served, served.read_request()


def tunnels(proxy) -> float:
    return proxy.metrics().sum("ringside_tunnels")


# The way there


def test_frames_pass_both_ways_after_the_handshake(ringside, upstream):
    _, client, served = opened(ringside, upstream)
    client.send(frame(TEXT, b"hello", masked=True))
    assert read_frame(served, masked=True) == (TEXT, b"hello")
    served.send(frame(TEXT, b"and hello", masked=False))
    assert read_frame(client, masked=False) == (TEXT, b"and hello")
    client.send(frame(CLOSE, b"\x03\xe8", masked=True))
    assert read_frame(served, masked=True)[0] == CLOSE
    served.send(frame(CLOSE, b"\x03\xe8", masked=False))
    served.close()
    assert read_frame(client, masked=False)[0] == CLOSE
    client.expect_close()


def test_the_fields_of_websocket_pass_and_those_of_the_connection_are_the_proxys(
    ringside, upstream
):
    client = ringside(upstream).connect()
    fields = {
        **handshake(),
        "Connection": "Upgrade, X-Private",
        "X-Private": "1",
        "Sec-WebSocket-Protocol": "mcp",
        "Sec-WebSocket-Extensions": "permessage-deflate",
        "Origin": "https://app.example",
    }
    client.request("GET", "/socket?a=b", fields)
    served = upstream.accept()
    request = served.read_request()
    assert request.target == "/socket?a=b"
    for name in ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Origin"):
        assert request.get(name) == fields[name]
    assert (request.get("connection"), request.get("upgrade")) == ("Upgrade", "websocket")
    assert request.get("x-private") is None
    served.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Private\r\n"
        "Upgrade: WebSocket\r\nX-Private: 1\r\nSec-WebSocket-Protocol: mcp\r\nContent-Length: 5\r\n\r\n"
    )
    response = client.read_head()
    assert (response.status, response.get("sec-websocket-protocol")) == (101, "mcp")
    assert response.get("x-private") is None and response.get("content-length") is None
    assert (response.get("connection"), response.get("upgrade")) == ("Upgrade", "websocket")


def test_bytes_before_the_answer_wait_for_the_tunnel(ringside, upstream):
    proxy = ringside(upstream)
    client = proxy.connect()
    early = frame(BINARY, b"e" * 100_000, masked=True)
    client.send(encode("GET / HTTP/1.1", {"Host": "a", **handshake()}) + early[:10])
    served = upstream.accept()
    request = served.read_request()
    client.send(early[10:])
    proxy.fence()
    served.expect_silence()
    served.send(websocket.acceptance(request) + frame(TEXT, b"first", masked=False))
    assert client.read_head().status == 101
    assert read_frame(client, masked=False) == (TEXT, b"first")
    assert read_frame(served, masked=True) == (BINARY, b"e" * 100_000)
    client.send(frame(TEXT, b"later", masked=True))
    assert read_frame(served, masked=True) == (TEXT, b"later")


def test_bytes_before_an_answer_that_does_not_switch_are_the_next_request(ringside, upstream):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(
        encode("GET /one HTTP/1.1", {"Host": "a", **handshake()})
        + encode("GET /two HTTP/1.1", {"Host": "a"})
    )
    served = upstream.accept()
    served.read_request()
    proxy.fence()
    served.expect_silence()
    served.respond(426, {"Upgrade": "websocket", "Connection": "Upgrade"}, b"no")
    response = client.read_response()
    assert (response.status, response.body, response.get("upgrade")) == (426, b"no", None)
    assert served.read_request().target == "/two"
    served.respond(200, body=b"two")
    assert client.read_response().body == b"two"


def test_what_waits_for_the_answer_is_bounded(ringside, upstream):
    client, served, request = asked_to_switch(ringside(upstream), upstream)
    sent = client.send_until_stalled(PATTERN)
    served.send(websocket.acceptance(request))
    assert served.read_exactly(sent) == PATTERN[:sent]


def test_interim_responses_come_before_the_switch(ringside, upstream):
    client, served, request = asked_to_switch(ringside(upstream), upstream)
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    served.send(hint + websocket.acceptance(request) + b"raw")
    assert client.read_head().status == 103
    assert client.read_head().status == 101
    assert client.read_exactly(3) == b"raw"


def test_an_answer_split_at_every_byte_opens_the_tunnel(ringside, upstream):
    client, served, request = asked_to_switch(ringside(upstream), upstream)
    served.trickle(websocket.acceptance(request) + b"raw")
    assert client.read_head().status == 101
    assert client.read_exactly(3) == b"raw"


def test_a_tunnel_on_connections_that_were_used_before(ringside, upstream):
    client, served = asked(ringside(upstream), upstream, "GET", "/first")
    served.respond(200)
    client.read_response()
    client.request("GET", "/socket", handshake())
    served.send(websocket.acceptance(served.read_request()))
    assert client.read_head().status == 101
    client.send("GET / HTTP/1.1\r\n\r\n")  # bytes like any others
    assert served.read_exactly(18) == b"GET / HTTP/1.1\r\n\r\n"
    served.send("HTTP/1.1 200 OK\r\n\r\n")
    assert client.read_exactly(19) == b"HTTP/1.1 200 OK\r\n\r\n"


def test_a_websocket_of_a_session_goes_to_its_owner(cluster):
    c = cluster()
    first, second = c.sessions_apart()
    for session in (first, second):
        for pod in c.pods.values():
            pod.answer = lambda request: (
                websocket.acceptance(request) if request.get("upgrade") else None
            )
        wire = c.connect()
        wire.request("GET", "/mcp", {**handshake(), "Mcp-Session-Id": session.id})
        assert wire.read_head().status == 101
        sample = c.proxy.metrics()
        assert sample.sum("ringside_tunnels", endpoint=session.owner.name) == 1


def test_a_websocket_of_a_session_that_nobody_here_knows_finds_its_owner(cluster):
    c = cluster()
    owner = c.pods["b"]
    id = c.stored(owner, first=c.pods["a"])
    for pod in c.pods.values():

        def answer(request, pod=pod):
            if not request.get("upgrade"):
                return None
            return websocket.acceptance(request) if pod is owner else pod.reply(404)

        pod.answer = answer
    wire = c.connect()
    wire.request("GET", "/mcp", {**handshake(), "Mcp-Session-Id": id})
    assert wire.read_head().status == 101
    assert c.proxy.metrics().sum("ringside_tunnels", endpoint="b") == 1


# Never

NOT_ASKED = {
    "h2c": {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAA"},
    "two protocols": {"Connection": "Upgrade", "Upgrade": "websocket, h2c"},
    "h2c first": {"Connection": "Upgrade", "Upgrade": "h2c, websocket"},
    "a version": {"Connection": "Upgrade", "Upgrade": "websocket/13"},
    "an empty upgrade": {"Connection": "Upgrade", "Upgrade": ""},
    "TLS": {"Connection": "Upgrade", "Upgrade": "TLS/1.3"},
    "no word in connection": {"Upgrade": "websocket"},
    "another word in connection": {"Connection": "X-Upgrade", "Upgrade": "websocket"},
}


@pytest.mark.parametrize("name", NOT_ASKED)
def test_no_other_upgrade_passes_and_its_101_is_a_502(ringside, upstream, name):
    client = ringside(upstream).connect()
    client.request("GET", "/", NOT_ASKED[name])
    served = upstream.accept()
    request = served.read_request()
    assert request.get("upgrade") is None and request.get("connection") is None
    assert request.get("http2-settings") is None
    served.send(SWITCHED + "bytes of a tunnel")
    expect_proxy_error(client.read_response(), 502)
    served.expect_close()
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next"


def test_two_upgrade_fields_do_not_pass(ringside, upstream):
    client = ringside(upstream).connect()
    twice = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c")]
    client.request("GET", "/", twice)
    assert upstream.accept().read_request().all("upgrade") == []


MAY_NOT_SWITCH = {
    "POST": encode("POST / HTTP/1.1", {"Host": "a", **handshake()}),
    "HEAD": encode("HEAD / HTTP/1.1", {"Host": "a", **handshake()}),
    "OPTIONS": encode("OPTIONS / HTTP/1.1", {"Host": "a", **handshake()}),
    "a body with a length": encode("GET / HTTP/1.1", {"Host": "a", **handshake()}, b"hello"),
    "a chunked body": encode(
        "GET / HTTP/1.1", {"Host": "a", **handshake(), "Transfer-Encoding": "chunked"}, LAST_CHUNK
    ),
    "HTTP/1.0": encode("GET / HTTP/1.0", {"Host": "a", **handshake()}),
}


@pytest.mark.parametrize("name", MAY_NOT_SWITCH)
def test_only_a_get_of_http_1_1_without_a_body_may_switch(ringside, upstream, name):
    client = ringside(upstream).connect()
    client.send(MAY_NOT_SWITCH[name])
    served = upstream.accept()
    request = served.read_request()
    assert request.get("upgrade") is None
    served.send(SWITCHED)
    assert client.read_response(request.method).status == 502


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.0 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_a_switch_to_something_else_is_a_502(ringside, upstream, answer):
    client, served, _ = asked_to_switch(ringside(upstream), upstream)
    served.send(answer + "bytes of a tunnel")
    expect_proxy_error(client.read_response(), 502)
    served.expect_close()


def test_a_request_after_one_that_was_not_switched_has_asked_for_nothing(ringside, upstream):
    client, served, _ = asked_to_switch(ringside(upstream), upstream)
    served.respond(200)
    assert client.read_response().status == 200
    client.request("GET", "/")
    assert served.read_request().get("upgrade") is None
    served.send(SWITCHED)
    assert client.read_response().status == 502


def test_a_pool_without_websocket_drops_the_upgrade(ringside, upstream):
    proxy = ringside(upstream, pool={"websocket": False})
    client, served, request = asked_to_switch(proxy, upstream)
    assert request.get("upgrade") is None and request.get("connection") is None
    served.send(SWITCHED)
    assert client.read_response().status == 502


# What it carries


def pump(send, data: bytes) -> threading.Thread:
    thread = threading.Thread(target=send, args=(data,))
    thread.start()
    return thread


def test_much_passes_both_ways_at_once(ringside, upstream):
    _, client, served = opened(ringside, upstream)
    there = frame(BINARY, bytes(range(256)) * (24 * MIB // 256), masked=True)
    back = frame(BINARY, bytes(reversed(range(256))) * (24 * MIB // 256), masked=False)
    senders = [pump(client.send, there), pump(served.send, back)]
    seen: dict[str, bool] = {}
    reader = threading.Thread(
        target=lambda: seen.update(there=served.read_exactly(len(there)) == there)
    )
    reader.start()
    assert client.read_exactly(len(back)) == back
    for thread in (*senders, reader):
        thread.join()
    assert seen == {"there": True}


@pytest.mark.parametrize("slow", ["client", "upstream"])
def test_a_side_that_does_not_read_stops_the_other_and_nothing_is_lost(ringside, upstream, slow):
    proxy, client, served = opened(ringside, upstream)
    writer, reader = (served, client) if slow == "client" else (client, served)
    sent = writer.send_until_stalled(PATTERN)
    reader.send(b"still")  # the other direction is as good as before
    assert writer.read_exactly(5) == b"still"
    assert reader.read_exactly(sent) == PATTERN[:sent]
    writer.send(b"and on")
    assert reader.read_exactly(6) == b"and on"
    assert tunnels(proxy) == 1


# The end


@pytest.mark.parametrize("first", ["client", "upstream"])
def test_an_end_in_one_direction_is_passed_on_and_the_other_goes_on(ringside, upstream, first):
    proxy, client, served = opened(ringside, upstream)
    one, other = (client, served) if first == "client" else (served, client)
    sending = pump(one.send, b"x" * MIB)
    assert other.read_exactly(MIB) == b"x" * MIB
    sending.join()
    one.half_close()
    with pytest.raises(Truncated):
        other.read_exactly(1)
    sending = pump(other.send, b"y" * MIB)
    assert one.read_exactly(MIB) == b"y" * MIB
    sending.join()
    assert tunnels(proxy) == 1
    other.close()
    one.expect_close()
    eventually(lambda: tunnels(proxy) == 0, "the tunnel has ended")
    (line,) = proxy.access_log(1)
    assert line["error"] == "-"


@pytest.mark.parametrize("reader", ["client", "upstream"])
def test_what_waits_for_a_slow_reader_arrives_after_both_have_ended(ringside, upstream, reader):
    proxy, client, served = opened(ringside, upstream)
    one, other = (client, served) if reader == "upstream" else (served, client)
    sending = pump(one.send, b"x" * (8 * MIB))
    other.half_close()
    with pytest.raises(Truncated):
        one.read_exactly(1)
    assert other.read_exactly(8 * MIB) == b"x" * (8 * MIB)
    sending.join()
    one.half_close()
    other.expect_close()
    eventually(lambda: tunnels(proxy) == 0, "the tunnel has ended")


@pytest.mark.parametrize(
    "who, how, error",
    [
        ("client", "close", "-"),
        ("client", "reset", "client_left"),
        ("pod", "close", "-"),
        ("pod", "reset", "connection_lost"),
    ],
    ids=["client closes", "client resets", "pod closes", "pod resets"],
)
def test_a_side_that_goes_ends_the_other_at_once(ringside, upstream, who, how, error):
    proxy, client, served = opened(ringside, upstream)
    gone, left = (client, served) if who == "client" else (served, client)
    at_once = within(2.5)
    getattr(gone, how)()
    left.expect_close()
    at_once()
    left.close()
    eventually(lambda: tunnels(proxy) == 0, "the tunnel has ended")
    assert proxy.access_log(1)[0]["error"] == error


def test_a_client_that_goes_on_sending_to_a_pod_that_has_gone_is_cut(ringside, upstream):
    proxy, client, served = opened(ringside, upstream)
    served.close()
    client.expect_close()

    def cut() -> bool:
        try:
            client.send(b"x" * 4096)
        except (ConnectionResetError, BrokenPipeError):
            return True
        return False

    eventually(cut, "the client's connection is cut")
    eventually(lambda: tunnels(proxy) == 0, "the tunnel has ended")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_goes_before_the_answer_opens_no_tunnel(ringside, upstream, how):
    proxy = ringside(upstream)
    client, served, _ = asked_to_switch(proxy, upstream)
    getattr(client, how)()
    served.expect_close()
    assert proxy.metrics().sum("ringside_tunnels_total") == 0


def test_a_pod_that_goes_before_the_answer_is_a_502(ringside, upstream):
    client, served, _ = asked_to_switch(ringside(upstream), upstream)
    served.reset()
    expect_proxy_error(client.read_response(), 502)


def test_a_tunnel_without_a_byte_ends_and_one_with_some_does_not(ringside, upstream):
    proxy, client, served = opened(ringside, upstream, pool={"timeouts": {"tunnel": "3s"}})
    idle = proxy.connect()
    idle_served = open_both(idle, upstream)
    ended = False
    while not ended:  # each byte, either way, gives it another three seconds
        client.send(b"x")
        assert served.read_exactly(1) == b"x"
        ended = bool(select.select([idle.socket], [], [], 0.1)[0])
        served.send(b"y")
        assert client.read_exactly(1) == b"y"
    idle.expect_close()
    idle_served.expect_close()
    idle.close()
    (line,) = proxy.access_log(1)
    assert (line["status"], line["error"]) == ("101", "tunnel_timeout")
    client.expect_close()  # and in the end this one, too
    served.expect_close()


@pytest.mark.parametrize("first", ["client", "upstream"])
def test_a_tunnel_of_which_one_side_has_ended_has_the_time_of_a_reader(ringside, upstream, first):
    """Its own time is an hour."""
    proxy, client, served = opened(
        ringside, upstream, listener={"timeouts": {"response_read": "300ms"}}
    )
    ended, silent = (client, served) if first == "client" else (served, client)
    ended.half_close()
    with pytest.raises(Truncated):
        silent.read_exactly(1)
    ended.expect_close()
    (line,) = proxy.access_log(1)
    said = (line["status"], line["error_side"], line["error"])
    assert said == ("101", "proxy", "tunnel_timeout")
    eventually(lambda: tunnels(proxy) == 0, "the tunnel has ended")
    open_now = ("ringside_connections", "ringside_upstream_connections")
    eventually(lambda: not any(map(proxy.metrics().sum, open_now)), "both its ends are closed")


def test_other_timeouts_are_none_of_a_tunnels(ringside, upstream):
    times = {"request_head": "1s", "request_body": "1s", "keep_alive": "1s"}
    pool = {"timeouts": {"response_head": "1s", "stream_idle": "1s", "tunnel": "0s"}}
    proxy, client, served = opened(ringside, upstream, pool=pool, listener={"timeouts": times})
    proxy.connect().expect_close()  # its second began after all of the tunnel's
    client.send(b"x")
    assert served.read_exactly(1) == b"x"
    served.send(b"y")
    assert client.read_exactly(1) == b"y"


def test_a_drain_leaves_a_tunnel_its_time_and_then_ends_it(ringside, upstream):
    proxy, client, served = opened(ringside, upstream, shutdown={"deadline": "3s"})
    proxy.signal()
    proxy.stderr.wait(lambda line: "shutting down" in line, "word that it shuts down")
    client.send(b"x")
    assert served.read_exactly(1) == b"x"
    client.expect_close()
    served.expect_close()
    proxy.expect_exit(0)


# What is told of it


def test_a_tunnel_is_counted_and_logged_at_its_end_with_its_bytes(ringside, upstream):
    proxy, client, served = opened(ringside, upstream)
    samples = proxy.metrics()
    assert samples.sum("ringside_tunnels") == samples.sum("ringside_tunnels_total") == 1
    client.send(b"x" * 1000)
    assert served.read_exactly(1000) == b"x" * 1000
    served.send(b"y" * 3000)
    assert client.read_exactly(3000) == b"y" * 3000
    assert proxy.stdout.all == []
    client.close()
    served.expect_close()
    served.close()
    (line,) = proxy.access_log(1)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/socket", "101")
    assert (line["request_bytes"], line["response_bytes"]) == ("1000", "3000")
    samples = proxy.metrics()
    assert samples.sum("ringside_tunnels") == 0
    assert samples.sum("ringside_tunnels_total") == 1
    assert samples.sum("ringside_requests_total", code="101") == 1


def test_no_descriptor_is_left_of_tunnels_that_came_and_went(ringside, upstream):
    proxy = ringside(upstream)
    before = proxy.metrics().sum("process_open_fds")
    for number in range(40):
        client = proxy.connect()
        served = open_both(client, upstream)
        for end in (client, served) if number % 2 else (served, client):
            end.reset() if number % 3 else end.close()
    eventually(
        lambda: proxy.metrics().sum("process_open_fds") <= before, "every descriptor is closed"
    )
    assert tunnels(proxy) == 0


def test_tunnels_to_a_pool_of_several_endpoints(ringside, upstreams):
    both = upstreams(), upstreams()
    client = ringside(*both).connect()
    client.request("GET", "/", handshake())
    _, served = accept_first(*both)
    served.send(websocket.acceptance(served.read_request()))
    assert client.read_head().status == 101
