"""Comments that keep a silent event stream alive: only where asked for, only between events."""

import pytest

from harness.streams import CHUNKED, STREAM, open_stream, open_unread_stream
from harness.wire import LAST_CHUNK, chunk

COMMENT = b": keep-alive\n\n"


def keeping(**timeouts: str) -> dict:
    return {"timeouts": {"stream_keep_alive": "1s", **timeouts}}


class Streams:
    """Any number of streams through one proxy, each played by the test on both sides."""

    def __init__(self, ringside, upstream, **timeouts: str) -> None:
        self.upstream = upstream
        self.proxy = ringside(upstream, pool=keeping(**timeouts))

    def open(self, said="", **more):
        return open_stream(self.proxy, self.upstream, said, **more)

    def expect_a_comment_everywhere_else(self, *silent) -> None:
        """A stream that is opened last gets two comments, and these none meanwhile."""
        _, _, body = self.open("data: x\n\n")
        assert body.read(2 * len(COMMENT)) == 2 * COMMENT
        for wire in silent:
            wire.expect_silence()


BETWEEN = {
    "nothing yet": "",
    "an event": "data: x\n\n",
    "CRLF": "event: a\r\ndata: x\r\n\r\n",
    "CR": "data: x\r\r",
    "a comment": "data: x\n\n: hello\n",
    "retry": "retry: 5\n\n",
}
INSIDE = {
    "a line": "data: x",
    "an event": "data: x\n",
    "a second event": "data: x\n\nevent: a\r\ndata: y\r\n",
    "a comment line": ": half",
    "an event with a comment": "data: x\n: hello\n",
    "the last CRLF": "data: x\r\n\r",
    "an id": "id: 7\n",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("said", BETWEEN)
def test_a_silent_stream_gets_comments_between_its_events(ringside, upstream, said, method):
    _, served, body = Streams(ringside, upstream).open(BETWEEN[said], method=method)
    assert body.read(2 * len(COMMENT)) == 2 * COMMENT
    served.send(chunk("data: later\n\n") + LAST_CHUNK)
    assert body.rest() == b"data: later\n\n"


def test_a_stream_that_stopped_within_an_event_gets_none(ringside, upstream):
    streams = Streams(ringside, upstream)
    stopped = {name: streams.open(said, method="POST") for name, said in INSIDE.items()}
    streams.expect_a_comment_everywhere_else(*(wire for wire, _, _ in stopped.values()))
    for name, (_, served, body) in stopped.items():
        served.send(chunk("\n\n") + LAST_CHUNK)
        assert body.rest() == b"\n\n", name


def test_when_the_event_is_over_comments_come_again(ringside, upstream):
    streams = Streams(ringside, upstream)
    wire, served, body = streams.open("data: x")
    streams.expect_a_comment_everywhere_else(wire)
    served.send(chunk("\n\n"))
    assert body.event() == b"\n\n"
    assert body.read(len(COMMENT)) == COMMENT


def test_there_are_none_by_default(ringside, upstreams):
    streams = Streams(ringside, upstreams())
    plain = upstreams()
    wire, _, _ = open_stream(ringside(plain), plain)
    streams.expect_a_comment_everywhere_else(wire)


def test_what_is_no_event_stream_or_has_a_length_gets_none(ringside, upstream):
    streams = Streams(ringside, upstream)
    plain, _, _ = streams.open("", kind="text/plain")
    json, _, _ = streams.open("[", kind="application/json")
    long, _, _ = streams.open("data: x\n\n", framing="Content-Length: 500\r\n")
    streams.expect_a_comment_everywhere_else(plain, json, long)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_compressed_stream_gets_none(ringside, upstream, method):
    streams = Streams(ringside, upstream)
    framing = CHUNKED + "Content-Encoding: gzip\r\n"
    fresh, _, _ = streams.open("", framing=framing, method=method)
    begun, _, _ = streams.open("\x1f\x08\n\n", framing=framing, method=method)
    streams.expect_a_comment_everywhere_else(fresh, begun)


def test_a_stream_without_framing_gets_them_too(ringside, upstream):
    _, served, body = Streams(ringside, upstream).open("data: x\n\n", framing="")
    assert body.read(len(COMMENT)) == COMMENT
    served.send("data: y\n\n")
    served.half_close()
    assert body.rest() == b"data: y\n\n"


def test_a_client_of_http_1_0_gets_them_too(ringside, upstream):
    proxy = ringside(upstream, pool=keeping())
    wire = proxy.connect()
    wire.send("GET /mcp HTTP/1.0\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
    served = upstream.accept()
    served.read_request()
    served.send(STREAM)
    body = wire.body_of(wire.read_response_head())
    assert body.read(len(COMMENT)) == COMMENT
    served.send(chunk("data: x\n\n") + LAST_CHUNK)
    assert body.rest() == b"data: x\n\n"


def test_comments_do_not_keep_a_dead_upstream_alive(ringside, upstream):
    _, _, body = Streams(ringside, upstream, stream_idle="3500ms").open("data: x\n\n")
    assert body.read(len(COMMENT)) == COMMENT
    assert body.expect_abort().replace(COMMENT, b"") == b""


def test_a_connection_whose_stream_is_over_gets_none(ringside, upstream):
    streams = Streams(ringside, upstream)
    _, _, clock = streams.open("data: x\n\n")
    wire, served, body = streams.open("data: x\n\n")
    served.send(LAST_CHUNK)
    assert body.rest() == b""
    assert clock.read(2 * len(COMMENT)) == 2 * COMMENT
    wire.expect_silence()
    wire.request("GET", "/", {})
    served.read_request()
    served.respond(200, body=b"on goes the connection")
    assert wire.read_response().body == b"on goes the connection"


def test_a_first_event_that_is_held_back_is_not_torn(ringside, upstream):
    """An `endpoint` event waits until it is complete: for the client the stream is silent."""
    streams = Streams(ringside, upstream)
    _, served, body = streams.open()
    served.send(chunk("event: endpoint\ndata: /m?sess"))
    assert body.read(len(COMMENT)) == COMMENT
    served.send(chunk("ionId=x\n\n"))
    assert body.event() == b"event: endpoint\ndata: /m?sessionId=x\n\n"
    assert streams.proxy.metrics().sum("ringside_sessions") == 1


def test_a_client_that_does_not_read_is_not_buried_in_comments(ringside, upstream):
    streams = Streams(ringside, upstream)
    open_unread_stream(streams.proxy, upstream)
    streams.expect_a_comment_everywhere_else()
