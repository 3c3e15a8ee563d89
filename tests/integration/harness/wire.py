"""One TCP connection, byte-exact: the client's side of the proxy, or an upstream's.

Nothing is lenient here. A line that does not end in CRLF, a second framing field, a chunk size that
is not plain hexadecimal: each fails the test, since a proxy must never emit one.
"""

from __future__ import annotations

import re
import select
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.deadlines import DEADLINE

_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_STATUS = re.compile(rb"HTTP/1\.1 ([1-9][0-9][0-9]) ([^\r\n]*)")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(;[^\r\n]*)?")

Fields = Iterable[tuple[str, str]] | dict[str, str]


class Truncated(AssertionError):
    """The connection ended before the message did."""


class TooLate(AssertionError):
    """Nothing came before the deadline."""


@dataclass
class Message:
    """A request or a response, as it was on the wire."""

    start: str
    fields: list[tuple[str, str]]
    raw_head: bytes
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[Message] = field(default_factory=list)  # the 1xx responses before this one
    connection: int = 0  # which of a pod's connections brought it

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The only value of a field; a field that occurs twice fails the test."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} occurs {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    @property
    def path(self) -> str:
        return self.target.split("?")[0]


def encode(start: str, fields: Fields = (), body: bytes | None = None) -> bytes:
    """A message; Content-Length is added for a body unless the fields frame it themselves."""
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
    names = {name.lower() for name, _ in pairs}
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"{start}\r\n{head}\r\n".encode("latin-1") + (body or b"")


def chunk(data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"


class Wire:
    def __init__(self, sock: socket.socket):
        sock.settimeout(DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self._received = bytearray()

    # Sending

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def send_anyway(self, data: bytes) -> None:
        """Sends what the other side may already have refused to read."""
        try:
            self.send(data)
        except OSError:
            pass

    def send_until_stalled(self, data: bytes) -> int:
        """Sends until the other side has taken nothing for a second; how much it took: not all."""
        self.socket.settimeout(1.0)
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent : sent + 65536])
        except TimeoutError:
            self.socket.settimeout(DEADLINE)
            return sent
        raise AssertionError("the other side took everything although nobody reads")

    def trickle(self, data: bytes | str) -> None:
        """Sends byte by byte, each in a segment of its own."""
        for byte in data.encode() if isinstance(data, str) else data:
            self.send(bytes([byte]))

    def request(
        self, method: str = "GET", target: str = "/", fields: Fields = (), body: bytes | None = None
    ) -> None:
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        if "host" not in {name.lower() for name, _ in pairs}:
            pairs.insert(0, ("Host", "test.example"))
        self.send(encode(f"{method} {target} HTTP/1.1", pairs, body))

    def respond(self, status: int = 200, fields: Fields = (), body: bytes | None = b"") -> None:
        self.send(encode(f"HTTP/1.1 {status} Status", fields, body))

    def exchange(
        self, method: str = "GET", target: str = "/", fields: Fields = (), body: bytes | None = None
    ) -> Message:
        self.request(method, target, fields, body)
        return self.read_response(method)

    # Receiving

    def receive(self) -> bytes:
        """What comes next; b"" at the end of the stream."""
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            return data
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            raise TooLate("nothing received before the deadline") from None

    def _fill(self, wanted: str) -> None:
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise TooLate(f"waited for {wanted}; got {bytes(self._received[-200:])!r}") from None
        except ConnectionResetError:
            raise Truncated(f"reset, expected {wanted}; got {self._received[-200:]!r}") from None
        if not data:
            raise Truncated(f"end of stream, expected {wanted}; got {self._received[-200:]!r}")
        self._received += data

    def read_exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            self._fill(f"{count} bytes")
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def read_until(self, marker: bytes) -> bytes:
        while (at := self._received.find(marker)) < 0:
            self._fill(repr(marker))
        return self.read_exactly(at + len(marker))

    def read_line(self) -> bytes:
        line = self.read_until(b"\n")
        assert line.endswith(b"\r\n"), f"a line must end in CRLF: {line!r}"
        assert b"\r" not in line[:-2], f"a bare CR in {line!r}"
        return line[:-2]

    def read_head(self) -> Message:
        raw = bytearray()
        fields: list[tuple[str, str]] = []
        start = self.read_line()
        raw += start + b"\r\n"
        while line := self.read_line():
            raw += line + b"\r\n"
            match = _FIELD.fullmatch(line)
            assert match, f"not a field line: {line!r}"
            fields.append((match[1].decode(), match[2].decode("latin-1")))
        return Message(start.decode("latin-1"), fields, bytes(raw) + b"\r\n")

    def read_request_head(self) -> Message:
        head = self.read_head()
        assert re.fullmatch(r"[A-Z-]+ \S+ HTTP/1\.1", head.start), f"request line: {head.start!r}"
        return head

    def read_request(self) -> Message:
        request = self.read_request_head()
        body = self.body_of(request, request_side=True)
        request.body, request.trailers = body.rest(), body.trailers
        return request

    def read_response_head(self) -> Message:
        """The head of the final response; interim responses are kept beside it."""
        interim: list[Message] = []
        while True:
            head = self.read_head()
            assert _STATUS.fullmatch(head.start.encode("latin-1")), f"status line: {head.start!r}"
            if head.status >= 200:
                head.interim = interim
                return head
            interim.append(head)

    def read_response(self, method: str = "GET") -> Message:
        response = self.read_response_head()
        body = self.body_of(response, method)
        response.body, response.trailers = body.rest(), body.trailers
        return response

    def body_of(self, head: Message, method: str = "GET", request_side: bool = False) -> Body:
        lengths, codings = head.all("content-length"), head.all("transfer-encoding")
        assert len(lengths) + len(codings) <= 1, f"more than one framing field: {head.raw_head!r}"
        if not request_side and (method == "HEAD" or head.status in (204, 304)):
            return Body(self, length=0)
        if codings:
            assert codings == ["chunked"], codings
            return Body(self, chunked=True)
        if lengths:
            assert lengths[0].isdecimal(), lengths
            return Body(self, length=int(lengths[0]))
        return Body(self, length=0 if request_side else None)

    # Endings

    def expect_close(self) -> None:
        """The other side closes, having sent nothing more."""
        assert not self._received, f"unexpected bytes: {bytes(self._received[:200])!r}"
        try:
            data = self.socket.recv(4096)
        except ConnectionResetError:
            return
        except TimeoutError:
            raise TooLate("the connection was not closed") from None
        assert not data, f"unexpected bytes before the close: {data[:200]!r}"

    def expect_silence(self) -> None:
        """Nothing has been sent and the connection is open; looks, does not wait."""
        assert not self._received, f"unexpected bytes: {bytes(self._received[:200])!r}"
        readable, _, _ = select.select([self.socket], [], [], 0)
        assert not readable, f"unexpected: {self.socket.recv(200)!r}"

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Closes with a RST in place of a FIN."""
        self.reset_on_close()
        self.socket.close()

    def reset_on_close(self) -> None:
        """Whoever closes it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Wakes a thread that reads from it, too."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Body:
    """A body, read piece by piece as its framing says."""

    def __init__(self, wire: Wire, length: int | None = None, chunked: bool = False):
        self.wire = wire
        self._left = length  # None: until the close
        self._chunked = chunked
        self._ended = False
        self._pending = bytearray()
        self.trailers: list[tuple[str, str]] = []

    def piece(self) -> bytes:
        """The next bytes; b"" at the proper end of the body. Raises Truncated at any other."""
        if self._ended:
            return b""
        data = self._next_chunk() if self._chunked else self._next_plain()
        self._ended = not data
        return data

    def _next_chunk(self) -> bytes:
        line = self.wire.read_line()
        match = _CHUNK_SIZE.fullmatch(line)
        assert match, f"not a chunk size: {line!r}"
        size = int(match[1], 16)
        if size:
            data = self.wire.read_exactly(size)
            assert self.wire.read_exactly(2) == b"\r\n", "no CRLF after a chunk"
            return data
        while line := self.wire.read_line():
            name, value = line.decode("latin-1").split(":", 1)
            self.trailers.append((name, value.strip()))
        return b""

    def _next_plain(self) -> bytes:
        if self._left is None:
            return self.wire.receive()
        if self._left == 0:
            return b""
        if not self.wire._received:
            self.wire._fill(f"{self._left} more bytes of a body")
        data = self.wire.read_exactly(min(self._left, len(self.wire._received)))
        self._left -= len(data)
        return data

    def read(self, count: int) -> bytes:
        while len(self._pending) < count:
            data = self.piece()
            if not data:
                raise Truncated(f"body ended; wanted {count} bytes, has {bytes(self._pending)!r}")
            self._pending += data
        data = bytes(self._pending[:count])
        del self._pending[:count]
        return data

    def until(self, marker: bytes) -> bytes:
        while (at := self._pending.find(marker)) < 0:
            data = self.piece()
            if not data:
                raise Truncated(f"body ended before {marker!r}: {bytes(self._pending)!r}")
            self._pending += data
        return self.read(at + len(marker))

    def event(self) -> bytes:
        """One server-sent event, LF style."""
        return self.until(b"\n\n")

    def rest(self) -> bytes:
        while data := self.piece():
            self._pending += data
        data = bytes(self._pending)
        self._pending.clear()
        return data

    def expect_abort(self) -> bytes:
        """The body never ends properly; returns what came before the connection was cut."""
        try:
            while data := self.piece():
                self._pending += data
        except (Truncated, ConnectionResetError):
            return bytes(self._pending)
        raise AssertionError(f"a truncated body was ended properly: {bytes(self._pending)!r}")
