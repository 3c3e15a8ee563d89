"""Server-sent events: each passed on as it comes, byte for byte."""

import pytest

from harness.process import within
from harness.streams import open_stream
from harness.wire import LAST_CHUNK, chunk


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_event_arrives_before_the_next_is_sent(ringside, upstream, method):
    _, served, body = open_stream(ringside(upstream), upstream, method=method)
    soon = within(6.0)  # 40 events: one that waits in a buffer would take 200 ms
    for number in range(40):
        event = f"id: {number}\ndata: x\n\n"
        served.send(chunk(event))
        assert body.event() == event.encode()
    soon()
    served.send(LAST_CHUNK)
    assert body.rest() == b""


def test_each_event_of_a_close_delimited_stream_arrives_before_the_next_is_sent(ringside, upstream):
    _, served, body = open_stream(ringside(upstream), upstream, framing="")
    for number in range(10):
        event = b"data: %d\n\n" % number
        served.send(event)
        assert body.event() == event
    served.half_close()
    assert body.rest() == b""


def test_half_an_event_is_passed_on_too(ringside, upstream):
    _, served, body = open_stream(ringside(upstream), upstream)
    served.send(chunk("da"))
    assert body.read(2) == b"da"
    served.send(chunk("ta: x\n\n"))
    assert body.event() == b"ta: x\n\n"


def test_case_36_comments_retry_priming_line_endings_and_large_events_are_byte_identical(
    ringside, upstream
):
    _, served, body = open_stream(ringside(upstream), upstream)
    events = [
        b": keepalive\n\n",
        b"id: 1\ndata: \n\n",
        b"retry: 3000\r\n\r\n",
        b"event: message\rdata: cr\r\r",
        b"data: " + b"x" * (1 << 20) + b"\n\n",
        "data: \u00e9\u4e16\n\n".encode(),
    ]
    for event in events:
        served.send(chunk(event))
        assert body.read(len(event)) == event
    served.send(LAST_CHUNK)
    assert body.rest() == b""


def test_many_streams_at_once_stay_apart(ringside, upstream):
    proxy = ringside(upstream)
    streams = [open_stream(proxy, upstream) for _ in range(30)]
    for number, (_, served, _) in enumerate(streams):
        served.send(chunk(f"data: {number}\n\n"))
    for number, (_, _, body) in enumerate(streams):
        assert body.event() == f"data: {number}\n\n".encode()
    for _, served, body in streams[::2]:
        served.send(LAST_CHUNK)
        assert body.rest() == b""
    for number, (_, served, body) in enumerate(streams[1::2]):
        served.send(chunk(f"data: again {number}\n\n"))
        assert body.event() == f"data: again {number}\n\n".encode()
