"""A thousand peers that do not go on: what each may hold of the proxy's memory is small.

The peak counts, as the kernel has seen it: memory that was given back in time has been taken, too.
"""

import re
import selectors
import socket
import threading
from pathlib import Path

import pytest

from harness.deadlines import SANITIZED, eventually
from harness.process import enough_open_files
from harness.wire import Wire, chunk, encode

CLIENTS = 100 if SANITIZED else 1000  # and a slow build's memory is not looked at
SIZE = 32 << 20
MOST = 64 << 20  # above idle, for all of them
SETTLES = 60.0  # seconds at most, on a busy machine; about two on a quiet one
SMALL = 4096  # a receive buffer; the kernel takes less then, and the proxy no more
SEGMENT = 1400  # as on a network: on loopback the kernel alone would take 2 MiB a connection
SENT = 32 << 10  # a send buffer, of those who send to the proxy
PIECE = b"x" * (256 << 10)

HEADS = {
    "length": encode("HTTP/1.1 200 OK", {"Content-Length": str(SIZE)}),
    "chunked": encode("HTTP/1.1 200 OK", {"Transfer-Encoding": "chunked"}),
}
BODIES = {"length": PIECE, "chunked": chunk(PIECE)}


class Crowd:
    """One thread that plays many sockets: each writes as much as it can, and reads no more."""

    def __init__(self, framing="length"):
        self._head, self._body = HEADS[framing], memoryview(BODIES[framing])
        self._selector = selectors.DefaultSelector()
        self._wake, self._stop = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._at = {}
        self._thread = None

    def answer(self, listener):
        """Every request on it, but one for /small, is answered by more than its client takes."""
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        return self.start()

    def write(self, sock):
        """Its body without an end."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        sock.setblocking(False)
        self._at[sock] = 0
        self._selector.register(sock, selectors.EVENT_WRITE, self._write)

    def start(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def wait_stuck(self, count):
        """So many have begun, and for some looks none could go on."""
        seen = []

        def settled():
            written = list(self._at.copy().values())
            seen.append(sum(written))
            return len(written) == count and len(seen) >= 30 and len(set(seen[-30:])) == 1

        eventually(settled, f"{count} can write no more", SETTLES)

    def close(self):
        self._stop.close()
        if self._thread:
            self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _run(self):
        while True:
            ready = self._selector.select()
            if any(key.fileobj is self._wake for key, _ in ready):
                return
            for key, _ in ready:
                key.data(key.fileobj)

    def _accept(self, listener):
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, self._read)

    def _read(self, sock):
        try:
            request = sock.recv(65536)
        except OSError:
            request = b""
        if request.startswith(b"GET /small "):
            sock.send(encode("HTTP/1.1 200 OK", (), b"small"))
        elif request:
            sock.send(self._head)
            self._at[sock] = 0
            self._selector.modify(sock, selectors.EVENT_WRITE, self._write)
        else:
            self._leave(sock)

    def _write(self, sock):
        at = self._at[sock]
        try:
            self._at[sock] = at + sock.send(self._body[at % len(self._body) :])
        except BlockingIOError:
            pass
        except OSError:
            self._leave(sock)

    def _leave(self, sock):
        self._at.pop(sock, None)
        self._selector.unregister(sock)
        sock.close()


@pytest.fixture(autouse=True)
def descriptors():
    with enough_open_files(4 * CLIENTS):
        yield


@pytest.fixture
def crowd():
    made = []

    def make(framing="length"):
        made.append(Crowd(framing))
        return made[-1]

    yield make
    for one in made:
        one.close()


def connect(proxy, receive_buffer=None):
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(proxy.addresses["mcp"])
    proxy.wires.append(Wire(sock))
    return proxy.wires[-1]


def peak_bytes(proxy):
    status = Path(f"/proc/{proxy.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def expect_bounded(proxy, idle, most=MOST):
    taken = peak_bytes(proxy) - idle
    assert SANITIZED or taken < most, f"{taken / CLIENTS / 1024:.1f} KiB each"


def leave(proxy):
    for wire in proxy.wires:
        wire.reset()
    proxy.wires.clear()
    eventually(lambda: proxy.metrics().sum("ringside_connections") == 0, "all are gone", SETTLES)


@pytest.mark.parametrize("framing, buffer", [("length", None), ("chunked", SMALL)])
def test_a_thousand_readers_that_never_read_are_bounded_in_memory(
    ringside, upstream, crowd, framing, buffer
):
    pods = crowd(framing).answer(upstream.listener)
    proxy = ringside(upstream, pool={"affinity": {"mode": "none"}})
    assert proxy.connect().exchange("GET", "/small").body == b"small"
    idle = proxy.rss_bytes()
    for _ in range(CLIENTS):
        connect(proxy, buffer).request("GET", "/large")
    pods.wait_stuck(CLIENTS)
    assert proxy.connect().exchange("GET", "/small").body == b"small", "others are served"
    expect_bounded(proxy, idle)
    leave(proxy)


def test_a_thousand_bodies_that_no_endpoint_reads_are_bounded_in_memory(ringside, upstream, crowd):
    proxy = ringside(upstream, pool={"affinity": {"mode": "none"}})
    idle = proxy.rss_bytes()
    clients = crowd()
    upstream.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    for _ in range(CLIENTS):
        wire = connect(proxy)
        wire.send(encode("POST / HTTP/1.1", {"Host": "a", "Content-Length": str(SIZE)}))
        clients.write(wire.socket)
        upstream.accept()
    clients.start().wait_stuck(CLIENTS)
    expect_bounded(proxy, idle)


@pytest.mark.parametrize("begun, most", [((0, 40), 4 << 20), ((32 << 10,), MOST)])
def test_a_thousand_heads_that_never_end_are_bounded_in_memory(ringside, upstream, begun, most):
    proxy = ringside(upstream, listener={"timeouts": {"request_head": "2s"}})
    idle = proxy.rss_bytes()
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * max(begun)
    for number in range(CLIENTS):
        proxy.connect().send_anyway(head[: begun[number % len(begun)]])
    eventually(lambda: proxy.clients() == (CLIENTS, 0), "all came and are gone", SETTLES)
    expect_bounded(proxy, idle, most)
    upstream.expect_no_connection()
