"""An upstream whose every byte the test decides.

    upstream = upstreams()              # listens on a free port
    client.request("GET", "/")
    served = upstream.accept()          # the connection that the proxy opened
    served.read_request()
    served.respond(200, body=b"hello")

The test's own thread plays both sides, so its lines are the order in which things happen.
"""

from __future__ import annotations

import select
import socket

from harness.deadlines import DEADLINE
from harness.process import Ringside
from harness.wire import Fields, TooLate, Wire


class Port:
    """A loopback port that stays ours: it refuses while nobody listens, and can be listened on."""

    def __init__(self) -> None:
        self._holder = self._bound(0)
        self.number: int = self._holder.getsockname()[1]
        self.address = f"127.0.0.1:{self.number}"

    def listen(self, backlog: int = 512) -> socket.socket:
        listener = self._bound(self.number)
        listener.listen(backlog)
        listener.settimeout(DEADLINE)
        return listener

    def close(self) -> None:
        self._holder.close()

    @staticmethod
    def _bound(number: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", number))
        return sock


class Silence:
    """A listener with a full backlog: a connect to it is neither accepted nor refused."""

    def __init__(self, port: Port | None = None) -> None:
        self.port = port or Port()
        self.address = self.port.address
        self._listener = self.port.listen(backlog=0)
        self._fillers = [self._knock() for _ in range(3)]

    def _knock(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", self.port.number))
        return sock

    def close(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._listener.close()
        self.port.close()


class Upstream:
    def __init__(self, listening: bool = True) -> None:
        self.port = Port()
        self.address = self.port.address
        self.listener: socket.socket | None = None
        self._accepted: list[Wire] = []
        if listening:
            self.listen()

    def listen(self) -> None:
        self.listener = self.port.listen()

    def refuse(self) -> None:
        """Closes the listener; connections already accepted stay."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def accept(self) -> Wire:
        assert self.listener
        try:
            sock, _ = self.listener.accept()
        except TimeoutError:
            raise TooLate("the proxy opened no connection to the upstream") from None
        self._accepted.append(Wire(sock))
        return self._accepted[-1]

    def expect_no_connection(self) -> None:
        """None waits to be accepted. A loopback connect is there once it was asked for."""
        assert self.listener
        self.listener.setblocking(False)
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return
        finally:
            self.listener.settimeout(DEADLINE)
        wire = Wire(sock)
        wire.socket.settimeout(0.2)
        try:
            seen = wire.receive()
        except (TooLate, OSError):
            seen = b""
        raise AssertionError(f"the upstream was contacted, and got {seen[:300]!r}")

    def close(self) -> None:
        for wire in self._accepted:
            wire.close()
        self.refuse()
        self.port.close()


def accept_first(*upstreams: Upstream) -> tuple[Upstream, Wire]:
    """The first of several upstreams that the proxy connects to, and the connection."""
    by_listener = {upstream.listener: upstream for upstream in upstreams}
    ready, _, _ = select.select(list(by_listener), [], [], DEADLINE)
    assert ready, "the proxy opened no connection to any upstream"
    upstream = by_listener[ready[0]]
    return upstream, upstream.accept()


def asked(
    proxy: Ringside,
    upstream: Upstream,
    method: str = "GET",
    target: str = "/",
    fields: Fields = (),
    body: bytes | None = None,
    receive_buffer: int | None = None,
) -> tuple[Wire, Wire]:
    """A request that the upstream has read and not answered: the client's side and its own."""
    client = proxy.connect(receive_buffer=receive_buffer)
    client.request(method, target, fields, body)
    served = upstream.accept()
    served.read_request()
    return client, served


def offered(
    proxy: Ringside,
    a: Upstream,
    b: Upstream,
    fields: Fields = {"Content-Length": "0"},
    begun: bytes = b"",
) -> tuple[Wire, Wire, Upstream]:
    """A request of a session that the proxy does not know: the client, the connection to the one
    that it is offered to first, which has read nothing yet, and the other upstream."""
    client = proxy.connect()
    client.request("POST", "/mcp", {"Mcp-Session-Id": "s-1", **dict(fields)})
    client.send(begun)
    first, served = accept_first(a, b)
    return client, served, (b if first is a else a)
