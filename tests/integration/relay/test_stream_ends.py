"""How event streams end that nobody ended: at shutdown, and when their client is gone."""

import select

import pytest

from harness.deadlines import DEADLINE
from harness.process import within
from harness.streams import CHUNKED, open_stream, open_unread_stream
from harness.wire import LAST_CHUNK, chunk


def shut_down(ringside, upstream):
    return ringside(upstream, shutdown={"deadline": "300ms"})


BETWEEN = ["", "data: x\n\n", "data: x\r\n\r\n", ": hello\n", "data: x\n\n: hello\n\n"]
INSIDE = ["data: x", "event: message\ndata: x\n", "data: x\n\nid: 2\n", ": half"]


def test_at_the_deadline_a_stream_between_events_ends_properly(ringside, upstream):
    proxy = shut_down(ringside, upstream)
    opened = [open_stream(proxy, upstream, said) for said in BETWEEN]
    proxy.signal()
    for wire, served, body in opened:
        assert body.rest() == b""
        wire.expect_close()
        served.expect_close()
    proxy.expect_exit(0)


def test_at_the_deadline_a_stream_within_an_event_is_cut(ringside, upstream):
    proxy = shut_down(ringside, upstream)
    opened = [open_stream(proxy, upstream, said, method="POST") for said in INSIDE]
    proxy.signal()
    for _, served, body in opened:
        assert body.expect_abort() == b""
        served.expect_close()
    proxy.expect_exit(0)


def test_at_the_deadline_a_stream_that_owes_bytes_is_cut(ringside, upstream):
    proxy = shut_down(ringside, upstream)
    _, _, body = open_stream(proxy, upstream, "data: x\n\n", "Content-Length: 500\r\n")
    proxy.signal()
    assert body.expect_abort() == b""
    proxy.expect_exit(0)


def test_at_the_deadline_a_compressed_stream_is_cut(ringside, upstream):
    proxy = shut_down(ringside, upstream)
    framing = CHUNKED + "Content-Encoding: gzip\r\n"
    _, served, body = open_stream(proxy, upstream, framing=framing)
    served.send(chunk(b"\x1f\x8b\n\n"))
    assert body.read(4) == b"\x1f\x8b\n\n"
    proxy.signal()
    assert body.expect_abort() == b""
    proxy.expect_exit(0)


def test_at_the_deadline_another_body_is_cut_even_between_lines(ringside, upstream):
    proxy = shut_down(ringside, upstream)
    _, _, body = open_stream(proxy, upstream, "a line\n\n", kind="text/plain")
    proxy.signal()
    assert body.expect_abort() == b""
    proxy.expect_exit(0)


def test_at_the_deadline_a_first_event_that_is_not_complete_was_never_seen(ringside, upstream):
    proxy = shut_down(ringside, upstream)
    _, served, body = open_stream(proxy, upstream)
    served.send(chunk("event: endpoint\ndata: /m"))
    proxy.signal()
    assert body.rest() == b""
    proxy.expect_exit(0)


def test_before_the_deadline_a_stream_ends_as_its_server_says(ringside, upstream):
    proxy = ringside(upstream, shutdown={"deadline": "30s"})
    wire, served, body = open_stream(proxy, upstream, "data: x\n\n")
    proxy.signal()
    served.send(chunk("data: last\n\n") + LAST_CHUNK)
    assert body.rest() == b"data: last\n\n"
    wire.expect_close()
    proxy.expect_exit(0)


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_case_39_when_the_next_stream_reaches_the_pod_the_dead_one_has_left(
    ringside, upstream, leave
):
    """Servers that allow one stream a session answer 409 to a second."""
    proxy = ringside(upstream)
    wire, served, _ = open_stream(proxy, upstream, "data: 0\n\n")
    for number in range(1, 20):
        getattr(wire, leave)()
        wire, after, _ = open_stream(proxy, upstream, f"data: {number}\n\n")
        readable, _, _ = select.select([served.socket], [], [], 0)
        assert readable, "the first was still open when the second came"
        served.expect_close()
        served = after


def test_case_39_a_stream_that_nobody_reads_is_left_when_its_client_is_gone(ringside, upstream):
    wire, served = open_unread_stream(ringside(upstream), upstream)
    served.socket.settimeout(DEADLINE)
    at_once = within(2.5)
    wire.reset()
    served.expect_close()
    at_once()
