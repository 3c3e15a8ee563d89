"""A reader that takes its time gets all of an answer, also when its rest is in the proxy alone.

The upstream is done and gone; the last bytes wait in the proxy because the client has not read the
first. Nothing that ends connections may lose them.
"""

from pathlib import Path

import pytest

from harness.deadlines import SANITIZED, eventually

SMALL = 64 * 1024
# The kernel takes nearly as much as this of what the client does not read; the proxy has the rest.
SIZE = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]) - 64 * 1024

pytestmark = pytest.mark.skipif(SANITIZED, reason="slow builds are slow readers themselves")


def answered_but_not_read(proxy, pod, fields=()):
    pod.answer = lambda request: pod.reply(200, b"x" * SIZE)
    slow = proxy.connect(receive_buffer=SMALL)
    slow.request("GET", "/", fields)
    head = slow.read_response_head()
    eventually(lambda: proxy.metrics().sum("ringside_requests_total") == 1, "the exchange is over")
    return slow.body_of(head)


def test_an_idle_time_does_not_begin_before_the_answer_is_out(ringside, pods):
    (a,) = pods("a")
    proxy = ringside(a, listener={"timeouts": {"request_head": "300ms", "keep_alive": "300ms"}})
    body = answered_but_not_read(proxy, a)
    proxy.connect().expect_close()  # the time of a head
    clock = proxy.connect()
    clock.exchange("GET", "/")
    clock.expect_close()  # the idle time of another client, which began later
    assert len(body.rest()) == SIZE


def test_a_client_that_asked_to_close_may_read_slowly(ringside, pods):
    (a,) = pods("a")
    proxy = ringside(a, listener={"timeouts": {"keep_alive": "3s"}})
    body = answered_but_not_read(proxy, a, {"Connection": "close"})
    clock = proxy.connect()
    clock.exchange("GET", "/")
    clock.expect_close()  # three seconds later
    assert len(body.rest()) == SIZE


def test_an_answer_that_waits_for_its_reader_is_under_way_at_shutdown_too(ringside, pods):
    (a,) = pods("a")
    proxy = ringside(a, shutdown={"wait": "0s", "deadline": "30s"})
    body = answered_but_not_read(proxy, a)
    proxy.signal()
    proxy.stderr.wait(lambda line: "shutting down" in line, "word that it shuts down")
    assert len(body.rest()) == SIZE
    proxy.expect_exit(0)
