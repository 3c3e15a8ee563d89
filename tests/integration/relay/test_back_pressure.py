"""A reader that stops makes the writer stop, and the proxy holds little in between."""

import hashlib
import socket
import threading
from pathlib import Path

import pytest

from harness.deadlines import DEADLINE, SANITIZED
from harness.upstream import asked
from harness.wire import Truncated

MIB = 1 << 20
TOTAL = 96 * MIB
PIECE = bytes(range(256)) * 256  # 64 KiB
SMALL = 64 * 1024  # socket buffers of the test's own sockets

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory hides the proxy's")


def send_until_blocked(sock: socket.socket) -> int:
    """Sends until the peer has taken nothing for a second; how much went."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    sock.settimeout(1.0)
    sent = 0
    while sent < TOTAL:
        try:
            sent += sock.send(PIECE[sent % len(PIECE) :])
        except TimeoutError:
            return sent
    return sent


def expected_digest(count: int) -> str:
    digest = hashlib.sha256()
    whole, part = divmod(count, len(PIECE))
    for _ in range(whole):
        digest.update(PIECE)
    digest.update(PIECE[:part])
    return digest.hexdigest()


def received_digest(wire, count: int) -> str:
    digest = hashlib.sha256()
    while count:
        data = wire.read_exactly(min(count, 65536))
        digest.update(data)
        count -= len(data)
    return digest.hexdigest()


def downloading(proxy, upstream):
    """A client that reads little, and an upstream that has announced much."""
    client, served = asked(proxy, upstream, receive_buffer=SMALL)
    served.send(f"HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n")
    return client, served


def uploading(proxy, upstream):
    """A client that has announced much, and an upstream that has read the head alone."""
    client = proxy.connect()
    client.request("POST", "/", {"Content-Length": str(TOTAL)})
    served = upstream.accept()
    served.read_request_head()
    return client, served


def test_a_client_that_stops_reading_stops_the_upstream(ringside, upstream):
    proxy = ringside(upstream)
    before = proxy.rss_bytes()
    client, served = downloading(proxy, upstream)
    client.read_response_head()
    sent = send_until_blocked(served.socket)
    assert sent < TOTAL, "the proxy took everything although nobody reads"
    assert proxy.rss_bytes() - before < 4 * MIB
    assert received_digest(client, sent) == expected_digest(sent)


def test_an_upstream_that_stops_reading_stops_the_client(ringside, upstream):
    proxy = ringside(upstream)
    before = proxy.rss_bytes()
    upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    client, served = uploading(proxy, upstream)
    sent = send_until_blocked(client.socket)
    assert sent < TOTAL, "the proxy took everything although nobody reads"
    assert proxy.rss_bytes() - before < 4 * MIB
    assert received_digest(served, sent) == expected_digest(sent)


def test_a_stalled_client_does_not_hold_up_another(ringside, upstream):
    proxy = ringside(upstream)
    _, served = downloading(proxy, upstream)
    assert send_until_blocked(served.socket) < TOTAL
    other = proxy.connect()
    other.request("GET", "/other")
    second = upstream.accept()
    assert second.read_request().target == "/other"
    second.respond(200, body=b"quick")
    assert other.read_response().body == b"quick"


def test_a_client_that_leaves_while_stalled_frees_the_upstream(ringside, upstream):
    client, served = downloading(ringside(upstream), upstream)
    assert send_until_blocked(served.socket) < TOTAL
    client.reset()
    served.socket.settimeout(DEADLINE)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(TOTAL // len(PIECE)):
            served.send(PIECE)


def test_a_connection_whose_answer_ended_at_a_slow_reader_serves_the_next(ringside, pods):
    (a,) = pods("a")
    a.answer = lambda request: a.reply(200, b"x" * int(request.path[1:]))
    proxy = ringside(a)
    # The kernel takes this much, the proxy's queue the rest: among these sizes is one whose last
    # byte is read from the upstream while that queue is full.
    kernel = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    for size in range(kernel - 256 * 1024, kernel + 512 * 1024, 16 * 1024):
        slow = proxy.connect(receive_buffer=SMALL)
        slow.request("GET", f"/{size}")
        slow.read_response_head()
        quick = proxy.connect()
        assert quick.exchange("GET", "/2").body == b"xx", size
        quick.close()
        slow.close()


def test_an_upstream_that_stops_reading_a_request_is_given_up(ringside, upstream):
    short = {"timeouts": {"response_head": "1s"}}
    proxy = ringside(upstream, pool=short, listener={"timeouts": {"request_body": "1s"}})
    client, _ = uploading(proxy, upstream)
    sending = threading.Thread(target=client.send_anyway, args=(b"x" * TOTAL,))
    sending.start()
    assert client.read_response().status in (408, 502, 504)
    client.close()
    sending.join()


def test_a_client_that_leaves_while_its_upload_is_stalled_frees_the_upstream(ringside, upstream):
    client, served = uploading(ringside(upstream), upstream)
    assert send_until_blocked(client.socket) < TOTAL
    client.reset()
    with pytest.raises(Truncated):
        for _ in range(TOTAL // 65536):
            served.read_exactly(65536)
