"""Requests sent without waiting are answered in the order in which they were sent."""

import socket
import threading

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.streams import open_stream
from harness.wire import chunk, encode


def pipelined(*targets: str) -> bytes:
    return b"".join(encode(f"GET {target} HTTP/1.1", {"Host": "a"}) for target in targets)


def test_pipelined_requests_are_answered_in_order(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(pipelined("/1", "/2", "/3"))
    served = upstream.accept()
    for number in (1, 2, 3):
        assert served.read_request().target == f"/{number}"
        served.respond(200, body=b"%d" % number)
    assert [client.read_response().body for _ in range(3)] == [b"1", b"2", b"3"]


def test_a_pipelined_request_does_not_reach_an_upstream_before_the_answer_to_the_one_before(
    ringside, upstream
):
    client = ringside(upstream).connect()
    client.send(pipelined("/1", "/2"))
    served = upstream.accept()
    assert served.read_request().target == "/1"
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
    client.read_response_head()
    client.read_exactly(1)
    served.expect_silence()
    upstream.expect_no_connection()
    served.send("b")
    assert served.read_request().target == "/2"


@pytest.mark.parametrize("size", [1, 1_000, 70_000, 300_000])
def test_a_request_body_ends_where_the_next_request_begins(ringside, upstream, size):
    client = ringside(upstream).connect()
    bodies = [b"1" * size, b"2" * size]
    both = b"".join(encode("POST / HTTP/1.1", {"Host": "a"}, body) for body in bodies)
    sending = threading.Thread(target=client.send_anyway, args=(both,))
    sending.start()
    served = upstream.accept()
    for body in bodies:
        assert served.read_request().body == body
        served.respond(200)
        assert client.read_response().status == 200
    sending.join()


def test_a_request_split_at_every_byte_is_one_request(ringside, upstream):
    client = ringside(upstream).connect()
    client.trickle(
        b"POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    served = upstream.accept()
    request = served.read_request()
    assert (request.target, request.body) == ("/slow", b"abc")


def test_nothing_after_a_request_that_closes_is_served(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(encode("GET /1 HTTP/1.1", {"Host": "a", "Connection": "close"}) + pipelined("/2"))
    served = upstream.accept()
    served.read_request()
    served.respond(200, body=b"only")
    assert client.read_response().body == b"only"
    client.expect_close()
    served.expect_silence()
    upstream.expect_no_connection()


@pytest.mark.parametrize(
    "request_line, status",
    [("OPTIONS * HTTP/1.1", 204), ("TRACE / HTTP/1.1", 501), ("GET / HTTP/1.1", 400)],
    ids=["OPTIONS", "TRACE", "GET"],
)
def test_answers_that_nobody_reads_stop_the_requests(ringside, pods, request_line, status):
    (a,) = pods("a")
    proxy = ringside(a)
    client = proxy.connect(receive_buffer=4096)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    one = encode(request_line, {"Host": "a", "Max-Forwards": "0"})
    client.socket.settimeout(1)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 64 * 1024 * 1024:
            sent += client.socket.send((one * 1000)[sent % len(one) :])
    client.socket.settimeout(DEADLINE)
    for _ in range(sent // len(one)):
        assert client.read_response(request_line.split()[0]).status == status


@pytest.mark.parametrize("slow_first", [False, True], ids=["", "once it was slow"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_while_it_is_not_read_from_is_noticed(
    ringside, upstream, how, slow_first
):
    """With so much behind a request that takes its time, reading stops: no event tells of the end."""
    proxy = ringside(upstream)
    client, served, body = open_stream(proxy, upstream, "data: 1\n\n")
    # more than it reads ahead, and no more than the kernel takes behind that: else the end would wait
    client.send(pipelined("/" + "x" * 7000) * 14)
    eventually(
        lambda: proxy.metrics().sum("ringside_pipeline_pauses_total") == 1, "reading has stopped"
    )
    if slow_first:
        event = "data: " + "x" * 60_000 + "\n\n"
        sent = served.send_until_stalled(chunk(event) * 500) // len(chunk(event))
        for _ in range(sent):
            assert len(body.event()) == len(event)
    getattr(client, how)()
    served.expect_close()
    assert proxy.access_log(1)[0]["error"] == "client_left"
