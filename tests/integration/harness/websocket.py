"""WebSocket (RFC 6455) over a wire: the handshake with its proof, and whole frames."""

from __future__ import annotations

import base64
import hashlib
import os
import struct

from harness.wire import Message, Wire

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def handshake() -> dict[str, str]:
    """The fields by which a client asks for WebSocket."""
    return {
        "Connection": "keep-alive, Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }


def proof(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


def acceptance(request: Message) -> bytes:
    """A server's 101 to this request, once it is seen to be a proper one."""
    assert request.get("upgrade").lower() == "websocket", request.raw_head
    assert request.get("connection").lower() == "upgrade", request.raw_head
    assert request.get("sec-websocket-version") == "13"
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {proof(request.get('sec-websocket-key'))}\r\n\r\n"
    ).encode()


def expect_accepted(response: Message, key: str) -> None:
    assert response.status == 101, response.start
    assert response.get("upgrade") == "websocket"
    assert response.get("connection").lower() == "upgrade"
    assert response.get("sec-websocket-accept") == proof(key)
    assert response.all("content-length") + response.all("transfer-encoding") == []


def open_both(client: Wire, upstream, fields: dict[str, str] = {}) -> Wire:
    """The handshake of a client and of an upstream that the test plays; the upstream's side."""
    asked = {**handshake(), **fields}
    client.request("GET", "/socket", asked)
    served = upstream.accept()
    served.send(acceptance(served.read_request()))
    expect_accepted(client.read_head(), asked["Sec-WebSocket-Key"])
    return served


def frame(opcode: int, payload: bytes, masked: bool) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, size | masked << 7)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 126 | masked << 7, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127 | masked << 7, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + _masked(payload, mask)


def read_frame(wire: Wire, masked: bool) -> tuple[int, bytes]:
    first, second = wire.read_exactly(2)
    assert first & 0xF0 == 0x80 and second >> 7 == masked, (first, second)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", wire.read_exactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", wire.read_exactly(8))
    mask = wire.read_exactly(4) if masked else b"\0\0\0\0"
    return first & 0x0F, _masked(wire.read_exactly(size), mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    stream = mask * (len(payload) // 4 + 1)
    number = int.from_bytes(payload, "big") ^ int.from_bytes(stream[: len(payload)], "big")
    return number.to_bytes(len(payload), "big")
