"""Each timeout, by what it ends; and that none of them ends a live stream."""

import pytest

from harness.deadlines import eventually
from harness.mcp import expect_proxy_error, rpc
from harness.streams import STREAM, open_stream
from harness.upstream import asked
from harness.wire import LAST_CHUNK, TooLate, Truncated, chunk

SHORT = {"timeouts": {"request_head": "1s", "request_body": "1s", "keep_alive": "1s"}}


def expect_given_up(proxy, status: int, word: str) -> None:
    (line,) = proxy.access_log(1)
    said = (line["status"], line["error_side"], line["error"])
    assert said == (str(status), "upstream", word)
    counted = proxy.metrics().sum("ringside_request_errors_total", error=word, side="upstream")
    assert counted == 1


def outlive(proxy) -> None:
    """Returns once a time has passed that began after all others of the test."""
    proxy.connect().expect_close()


def test_a_request_head_that_never_ends_is_a_408(ringside, upstream):
    client = ringside(upstream, listener=SHORT).connect()
    client.send("GET / HTTP/1.1\r\nHost: a\r\n")
    assert client.read_response().status == 408
    client.expect_close()
    upstream.expect_no_connection()


def test_empty_lines_before_a_request_gain_no_time(ringside, upstream):
    client = ringside(upstream, listener=SHORT).connect()
    client.socket.settimeout(0.05)

    def closed() -> bool:
        client.send_anyway(b"\r\n")
        try:
            return client.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    eventually(closed, "the connection is closed")


def test_a_request_head_that_trickles_is_a_408_all_the_same(ringside, upstream):
    client = ringside(upstream, listener=SHORT).connect()
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    client.socket.settimeout(0.05)

    def answered() -> bool:
        client.send_anyway(b"x")
        try:
            return client.read_line().startswith(b"HTTP/1.1 408")
        except TooLate:
            return False

    eventually(answered, "a 408")


def test_a_connection_that_says_nothing_is_closed(ringside, upstream):
    client = ringside(upstream, listener=SHORT).connect()
    client.expect_close()


def test_an_idle_connection_is_closed_after_keep_alive(ringside, upstream):
    client, served = asked(ringside(upstream, listener=SHORT), upstream)
    served.respond(200)
    client.read_response()
    client.expect_close()


def test_a_request_body_that_stalls_is_a_408(ringside, upstream):
    client = ringside(upstream, listener=SHORT).connect()
    client.request("POST", "/", {"Content-Length": "10"})
    client.send("12345")
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    assert client.read_response().status == 408
    client.expect_close()
    body.expect_abort()


def test_a_request_body_that_moves_is_not_timed_out(ringside, upstream):
    times = {"request_head": "2200ms", "request_body": "2s", "keep_alive": "2200ms"}
    proxy = ringside(upstream, listener={"timeouts": times})
    client = proxy.connect()
    client.request("POST", "/", {"Content-Length": "23"})
    served = upstream.accept()
    served.read_request_head()
    clock = proxy.connect()  # closed by the proxy when its own 2.2 s are over
    clock.socket.settimeout(0.1)
    for byte in b"123456789abcdefghijklmn":
        client.send(bytes([byte]))
        assert served.read_exactly(1) == bytes([byte])
        try:
            clock.expect_close()
        except TooLate:
            pass
    served.respond(200, body=b"whole")
    assert client.read_response().body == b"whole"


def test_an_upstream_that_accepts_no_connection_is_given_up_after_connect(ringside, silence):
    proxy = ringside(silence, pool={"timeouts": {"connect": "300ms"}})
    client = proxy.connect()
    client.request("POST", "/", body=b"x")
    expect_proxy_error(client.read_response(), 503)
    expect_given_up(proxy, 503, "no_endpoint")


def test_a_silent_connect_is_followed_by_the_next_endpoint(trusting, silence, pods):
    (a,) = pods("a")
    proxy = trusting(silence, a, pool={"timeouts": {"connect": "500ms"}})
    client = proxy.connect()
    for number in range(6):
        fields = {"X-Forwarded-For": f"10.0.0.{number}"}
        assert client.exchange("POST", "/", fields, rpc("tools/list")).get("x-pod") == "a"


HEAD_TIMEOUT = {"timeouts": {"response_head": "1s"}}


def test_case_74_an_upstream_that_never_answers_is_a_504(ringside, upstream):
    proxy = ringside(upstream, pool=HEAD_TIMEOUT)
    client, served = asked(proxy, upstream, "POST", "/", body=b"{}")
    expect_proxy_error(client.read_response(), 504)
    served.expect_close()
    expect_given_up(proxy, 504, "response_timeout")


@pytest.mark.parametrize("said", ["HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK\r\nX: "])
def test_an_interim_response_or_half_a_head_is_no_answer_to_the_response_head_timeout(
    ringside, upstream, said
):
    proxy = ringside(upstream, pool=HEAD_TIMEOUT)
    client, served = asked(proxy, upstream, "POST", "/", body=b"{}")
    served.send(said)
    expect_proxy_error(client.read_response(), 504)
    served.expect_close()
    expect_given_up(proxy, 504, "response_timeout")


def test_case_95_a_get_that_accepts_an_event_stream_is_spared_the_response_head_timeout(
    ringside, upstream
):
    proxy = ringside(upstream, pool=HEAD_TIMEOUT, listener=SHORT)
    client, served = asked(proxy, upstream, "GET", "/", {"Accept": "text/event-stream"})
    outlive(proxy)
    served.send(STREAM)
    served.send(chunk("data: late\n\n"))
    assert client.body_of(client.read_response_head()).event() == b"data: late\n\n"


def test_a_get_that_accepts_no_event_stream_is_not_spared(ringside, upstream):
    proxy = ringside(upstream, pool=HEAD_TIMEOUT)
    client = proxy.connect()
    client.request("GET", "/", {"Accept": "application/json"})
    upstream.accept().read_request()
    expect_proxy_error(client.read_response(), 504)
    expect_given_up(proxy, 504, "response_timeout")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_case_35_a_stream_with_gaps_longer_than_every_timeout_is_not_cut(
    ringside, upstream, method
):
    proxy = ringside(upstream, pool=HEAD_TIMEOUT, listener=SHORT)
    _, served, body = open_stream(proxy, upstream, method=method)
    outlive(proxy)
    served.send(chunk("data: 1\n\n"))
    assert body.event() == b"data: 1\n\n"
    outlive(proxy)
    served.send(LAST_CHUNK)
    assert body.rest() == b""


def test_the_stream_idle_time_runs_again_when_a_slow_client_has_read(ringside, upstream):
    proxy = ringside(upstream, pool={"timeouts": {"stream_idle": "2s"}})  # the pod may be slow, too
    client, served = asked(proxy, upstream, receive_buffer=4096)
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
    taken = served.send_until_stalled(b"x" * 80_000_000)
    body = client.body_of(client.read_response_head())
    assert len(body.expect_abort()) == taken
    assert proxy.access_log(1)[0]["error"] == "stream_timeout"


def test_a_stream_idle_time_ends_a_stream_only_when_one_is_configured(ringside, upstream):
    proxy = ringside(upstream, pool={"timeouts": {"stream_idle": "300ms"}})
    _, served, body = open_stream(proxy, upstream)
    with pytest.raises((Truncated, ConnectionResetError)):
        body.event()
    served.expect_close()
    expect_given_up(proxy, 200, "stream_timeout")


JSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"


def test_an_ordinary_answer_that_stops_is_cut_by_stream_idle(ringside, upstream):
    proxy = ringside(upstream, pool={"timeouts": {"stream_idle": "300ms"}})
    client, served = asked(proxy, upstream, "POST", "/", body=b"{}")
    served.send(JSON)
    assert client.body_of(client.read_response_head()).expect_abort() == b"{"
    served.expect_close()
    expect_given_up(proxy, 200, "stream_timeout")


def test_an_ordinary_answer_that_stops_is_waited_for_without_a_stream_idle(ringside, upstream):
    proxy = ringside(upstream, pool=HEAD_TIMEOUT, listener=SHORT)
    client, served = asked(proxy, upstream, "POST", "/", body=b"{}")
    served.send(JSON)
    body = client.body_of(client.read_response_head())
    outlive(proxy)
    served.send("}")
    assert body.rest() == b"{}"
