"""Messages as a second parser reads them: h11, which shares no code with the proxy's.

What the proxy forwards is right when two readers who never met agree on it.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import h11

from harness.upstream import Port

_ROOM = 1 << 20  # h11 bounds heads; here the proxy's own bounds are the test

# What a proxy takes off, or writes anew (RFC 9110, 7.6.1, and what it says about the client).
_PROXYS_OWN = {
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate",
    b"proxy-authorization", b"te", b"transfer-encoding", b"upgrade", b"content-length", b"host",
    b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded",
    b"max-forwards",
}  # fmt: skip
_NOT_IN_TRAILERS = _PROXYS_OWN | {b"trailer", b"mcp-session-id", b"mcp-protocol-version"}

Pairs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Read:
    """A message, as far as a proxy must leave it alone."""

    start: tuple[bytes, ...]  # method, target, authority; or the status
    body: bytes
    fields: Pairs
    trailers: Pairs


def end_to_end(headers: h11.Headers) -> Pairs:
    named = {
        word.strip().lower()
        for name, value in headers
        if name == b"connection"
        for word in value.split(b",")
    } - {b"mcp-session-id", b"mcp-protocol-version"}
    return tuple(
        (name, value)
        for name, value in headers
        if name not in _PROXYS_OWN | named and b"_" not in name
    )


def request_start(request: h11.Request) -> tuple[bytes, ...]:
    """An absolute target says the authority; without a path it is "/", or "*" for OPTIONS."""
    authority = dict(request.headers).get(b"host", b"")
    target = request.target
    if target[:7].lower() == b"http://":
        authority, slash, path = target[7:].partition(b"/")
        target = slash + path or (b"*" if request.method == b"OPTIONS" else b"/")
    return request.method, target, authority


class Reader:
    """One direction of one connection, message after message."""

    def __init__(self, role: type, from_client: bool = False) -> None:
        self._role = role
        self._from_client = from_client
        self._left = b""
        self._ended = False

    def feed(self, data: bytes) -> None:
        """b"" for the end of the stream."""
        self._left += data
        self._ended = self._ended or not data

    def next(self, method: bytes = b"GET") -> Read | None:
        """The next message, when all of it is there. Raises h11.RemoteProtocolError."""
        connection = h11.Connection(self._role, max_incomplete_event_size=_ROOM)
        if self._role is h11.CLIENT:
            connection.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
            connection.send(h11.EndOfMessage())
        if self._from_client:
            self._left = re.sub(rb"\A[\r\n]*([A-Z-]+) +", rb"\1 ", self._left)
        if self._left:
            connection.receive_data(self._left)
        if self._ended:
            connection.receive_data(b"")
        start, fields, body = None, (), b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return None
            if isinstance(event, h11.Request):
                start, fields = request_start(event), end_to_end(event.headers)
            elif isinstance(event, h11.Response):
                start, fields = (str(event.status_code).encode(),), end_to_end(event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._left = connection.trailing_data[0]
                trailers = tuple(one for one in event.headers if one[0] not in _NOT_IN_TRAILERS)
                return Read(start, body, fields, trailers)

    @property
    def left(self) -> bytes:
        return self._left


def requests_in(data: bytes) -> list[Read]:
    """A client's, as far as they are whole, up to what this reader refuses.

    Empty lines before a request are passed over, and several spaces behind its method are one
    (RFC 9112, 2.2 and 3): h11 is stricter, and the proxy never writes either.
    """
    reader = Reader(h11.SERVER, from_client=True)
    reader.feed(data)
    requests = []
    try:
        while (read := reader.next()) is not None:
            requests.append(read)
    except h11.RemoteProtocolError:
        pass
    return requests


class SecondPod:
    """An upstream that reads with h11 alone, and answers each request as `answer` says.

    It closes behind an answer with `Connection: close`.
    """

    def __init__(self, answer: Callable[[Read, int], bytes]) -> None:
        self.port = Port()
        self.address = self.port.address
        self.seen: list[Read] = []
        self.faults: list[str] = []
        self.closes_always = False
        self._answer = answer
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = self.port.listen()
        self._listener.settimeout(None)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def join(self, deadline: float) -> None:
        """Waits until every connection has ended, as they do when the proxy does."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(deadline)
        for thread in self._threads:
            thread.join(deadline)
            assert not thread.is_alive(), "a connection of the proxy that has ended is open"
        self._listener.close()
        self.port.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        reader = Reader(h11.SERVER)
        try:
            with sock:
                while data := sock.recv(65536):
                    reader.feed(data)
                    while (read := reader.next()) is not None:
                        with self._lock:
                            self.seen.append(read)
                            number = len(self.seen) - 1
                        answer = self._answer(read, number)
                        sock.sendall(answer)
                        if self.closes_always or b"Connection: close\r\n" in answer:
                            return
        except h11.RemoteProtocolError as fault:
            self.faults.append(f"{fault}, in {reader.left!r}")
        except OSError:
            pass
