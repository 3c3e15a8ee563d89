"""A client that reads nothing of its response holds a connection to an endpoint: not for ever."""

import threading
import time

import pytest

from harness.deadlines import eventually
from harness.upstream import asked

SMALL = 64 * 1024
SHORT = {"timeouts": {"response_read": "500ms"}}
PIECE = b"x" * 65536


def never_read(proxy, upstream, content_type: str = "text/plain"):
    """A response that its client does not read, as far as the proxy takes it."""
    client = proxy.connect(receive_buffer=SMALL)
    client.request()
    served = upstream.accept()
    served.read_request()
    served.send(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n")
    served.socket.settimeout(0.05)
    return client, served


def fill(served) -> bool:
    """Sends as much as is taken; true when the proxy has gone."""
    try:
        while True:
            served.socket.send(PIECE)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("content_type", ["text/plain", "text/event-stream"])
def test_a_client_that_reads_nothing_is_cut(ringside, upstream, content_type):
    proxy = ringside(upstream, listener=SHORT)
    _, served = never_read(proxy, upstream, content_type)
    eventually(lambda: fill(served), "the upstream connection is closed")
    eventually(
        lambda: proxy.metrics().sum("ringside_request_errors_total", error="reader_timeout") == 1,
        "one reader_timeout counted",
    )


def test_a_client_that_reads_a_little_now_and_then_is_not(ringside, upstream):
    proxy = ringside(upstream, listener={"timeouts": {"response_read": "2s"}})
    client, served = never_read(proxy, upstream)
    client.read_response_head()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert not fill(served)
        client.read_exactly(1024 * 1024)
    assert proxy.metrics().sum("ringside_request_errors_total") == 0


def test_a_client_that_waits_for_events_is_not(ringside, upstream):
    times = {"response_read": "100ms", "request_head": "1s"}
    proxy = ringside(upstream, listener={"timeouts": times})
    client, served = asked(proxy, upstream)
    served.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    client.read_response_head()
    proxy.connect().expect_close()  # a second and more has passed
    served.send("data: 2\n\n")
    assert proxy.metrics().sum("ringside_request_errors_total") == 0


def test_a_client_that_sends_on_and_reads_nothing_is_cut(ringside, upstream):
    """Its endpoint answers at once, and like many reads on only when that is read: both ways stop."""
    proxy = ringside(upstream, listener=SHORT)
    client = proxy.connect(receive_buffer=SMALL)
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {2**30}\r\n\r\n")
    served = upstream.accept()
    served.read_request_head()
    served.send(f"HTTP/1.1 200 OK\r\nContent-Length: {2**30}\r\n\r\n")
    sending = threading.Thread(target=client.send_anyway, args=(b"x" * 2**26,))
    sending.start()
    served.socket.settimeout(0.05)
    eventually(lambda: fill(served), "the upstream connection is closed")
    sending.join()
    assert proxy.access_log(1)[0]["error"] == "reader_timeout"


def test_a_client_that_reads_slowly_all_the_time_is_not_cut(ringside, upstream):
    """The kernel would take megabytes at once, and then nothing for longer than that time."""
    proxy = ringside(upstream, listener={"timeouts": {"response_read": "3s"}})
    client, served = asked(proxy, upstream)
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
    sending = threading.Thread(target=served.send_anyway, args=(b"x" * 9_000_000,))
    sending.start()
    pause = threading.Event()
    for _ in range(80):  # 8 s of 150 KB a second
        client.read_exactly(15_000)
        pause.wait(0.1)
    assert proxy.metrics().sum("ringside_request_errors_total") == 0
    client.close()
    sending.join()
