"""Event streams of which the test plays both sides: the client's and the upstream's."""

from __future__ import annotations

from harness.mcp import fields_for
from harness.process import Ringside
from harness.upstream import Upstream, asked
from harness.wire import Body, Wire, chunk

EVENTS = "text/event-stream"
CHUNKED = "Transfer-Encoding: chunked\r\n"


def stream_head(framing: str = CHUNKED, kind: str = EVENTS) -> str:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{framing}\r\n"


STREAM = stream_head()


def open_stream(
    proxy: Ringside,
    upstream: Upstream,
    said: str = "",
    framing: str = CHUNKED,
    method: str = "GET",
    kind: str = EVENTS,
) -> tuple[Wire, Wire, Body]:
    """A stream on which `said` has been said, and has arrived."""
    content = b"{}" if method == "POST" else None
    wire, served = asked(proxy, upstream, method, "/mcp", fields_for(None, None), content)
    served.send(stream_head(framing, kind))
    body = wire.body_of(wire.read_response_head())
    if said:
        served.send(chunk(said) if framing.startswith(CHUNKED) else said)
        assert body.read(len(said)) == said.encode()
    return wire, served, body


def open_unread_stream(proxy: Ringside, upstream: Upstream) -> tuple[Wire, Wire]:
    """One whose client reads nothing, with as much on the way as finds room."""
    wire, served = asked(
        proxy, upstream, "GET", "/mcp", fields_for(None, None), receive_buffer=4096
    )
    served.send(STREAM)
    served.socket.setblocking(False)
    event = chunk("data: " + "x" * 65_000 + "\n\n")
    try:
        while True:
            served.socket.send(event)
    except BlockingIOError:
        return wire, served
