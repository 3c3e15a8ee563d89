"""A reader that takes its time gets all of an answer, also when its rest is in the proxy alone.

The upstream is done and gone; the last bytes wait in the proxy because the client has not read the
first. Nothing that ends connections may lose them.
"""

from harness.deadlines import eventually
from harness.kernel import Kernel

SMALL = 64 * 1024
PIECE = 12 * 1024  # so that the proxy, which has one of them, goes on to read the end


def answered_but_not_read(ringside, upstream, fields=(), **options):
    proxy = ringside(upstream, **options)
    slow = proxy.connect(receive_buffer=SMALL)
    slow.request("GET", "/", fields)
    pod = upstream.accept()
    pod.read_request()
    pod.send("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    head = slow.read_response_head()
    size = 0

    def held_by_kernel() -> int | None:
        kernel = Kernel()
        return kernel.towards(slow.socket) if kernel.sent_by(pod.socket) == 0 else None

    def send(count: int) -> int:
        nonlocal size
        pod.send(f"{count:x}\r\n".encode() + b"x" * count + b"\r\n")
        size += count
        return eventually(held_by_kernel, "the proxy has read what was sent")

    held = send(SMALL)
    while (now := send(PIECE)) >= held + PIECE:
        held = now
    # some of it is in the proxy alone
    pod.send("0\r\n\r\n")
    eventually(lambda: proxy.metrics().sum("ringside_requests_total") == 1, "the exchange is over")
    return proxy, slow.body_of(head), size


def pass_idle_time(proxy, upstream):
    clock = proxy.connect()
    clock.request("OPTIONS", "/")
    pod = upstream.accept()
    pod.read_request()
    pod.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    assert clock.read_response("OPTIONS").status == 204
    clock.expect_close()


def test_an_idle_time_does_not_begin_before_the_answer_is_out(ringside, upstream):
    short = {"timeouts": {"request_head": "1s", "keep_alive": "1s"}}
    proxy, body, size = answered_but_not_read(ringside, upstream, listener=short)
    proxy.connect().expect_close()  # the time of a head
    pass_idle_time(proxy, upstream)  # of another client, which began later
    assert len(body.rest()) == size


def test_a_client_that_asked_to_close_may_read_slowly(ringside, upstream):
    proxy, body, size = answered_but_not_read(
        ringside, upstream, {"Connection": "close"}, listener={"timeouts": {"keep_alive": "3s"}}
    )
    pass_idle_time(proxy, upstream)
    assert len(body.rest()) == size


def test_an_answer_that_waits_for_its_reader_is_under_way_at_shutdown_too(ringside, upstream):
    proxy, body, size = answered_but_not_read(
        ringside, upstream, shutdown={"wait": "0s", "deadline": "30s"}
    )
    proxy.signal()
    proxy.stderr.wait(lambda line: "shutting down" in line, "word that it shuts down")
    assert len(body.rest()) == size
    proxy.expect_exit(0)


def test_empty_lines_gain_no_time_for_reading(ringside, upstream):
    short = {"timeouts": {"response_read": "3s", "keep_alive": "3s"}}
    proxy, body, _ = answered_but_not_read(ringside, upstream, listener=short)

    def closed() -> bool:
        body.wire.send_anyway(b"\r\n")
        return proxy.metrics().sum("ringside_connections") == 0

    eventually(closed, "the connection is closed")
