"""What must not end the process or wear it out: lost outputs, full disks, no descriptors."""

import os
import resource
import signal

import pytest

from harness.deadlines import SANITIZED, eventually
from harness.upstream import asked
from harness.wire import Truncated

CROWD = 400


def answers(proxy, upstream) -> None:
    client, served = asked(proxy, upstream, "GET", "/", {"Connection": "close"})
    served.respond(200, {"Connection": "close"}, b"alive")
    assert client.read_response().body == b"alive"
    client.close()


def test_a_reader_of_the_access_log_that_leaves_does_not_end_the_process(ringside, pods):
    (a,) = pods("a")
    a.answer = lambda request: a.reply(200)
    proxy = ringside(a)
    client = proxy.connect()
    assert client.exchange().status == 200
    proxy.access_log(1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), proxy.process.stdout.fileno())
    lost = lambda: proxy.metrics().sum("ringside_access_log_dropped_total") >= 1
    # whoever waits in a read still gets what is written next
    eventually(lambda: client.exchange().status == 200 and lost(), "lost lines are counted")
    assert client.exchange().status == 200


def test_an_access_log_on_a_full_disk_is_counted_and_ends_nothing(ringside, upstream):
    proxy = ringside(upstream, log={"access": "/dev/full"})
    proxy.expected_errors.append("access log")
    answers(proxy, upstream)
    lost = lambda: proxy.metrics().sum("ringside_access_log_dropped_total") >= 1
    eventually(lost, "the lost line is counted")
    answers(proxy, upstream)


def test_an_access_log_that_cannot_be_opened_is_named_and_exits_1(ringside, upstream):
    proxy = ringside(upstream, log={"access": "/no/such/folder/access.log"}, ready=False)
    assert "/no/such/folder/access.log" in proxy.expect_exit(1)


# Without a free descriptor UBSan cannot look at memory, and takes every object for a wrong one.
@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs descriptors of its own")
def test_a_process_out_of_descriptors_serves_again_when_some_are_free(ringside, pods):
    (a,) = pods("a")
    a.answer = lambda request: a.reply(200)
    proxy = ringside(a)
    most = int(proxy.metrics().sum("process_open_fds")) + 10
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (most, most))
    for client in [proxy.connect() for _ in range(40)]:
        client.reset()

    def served() -> bool:
        try:
            return proxy.connect().exchange("GET", "/", {"Connection": "close"}).status == 200
        except (Truncated, OSError):
            return False  # it has not seen yet that the crowd is gone

    eventually(served, "it serves again")


def test_a_hangup_does_not_end_the_process(ringside, upstream):
    proxy = ringside(upstream)
    proxy.signal(signal.SIGHUP)
    answers(proxy, upstream)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory hides the proxy's")
def test_a_crowd_of_connections_that_come_and_go_leaves_no_memory_behind(ringside, upstream):
    proxy = ringside(upstream)

    def come_and_go(crowds: int) -> None:  # all are there at once, so that each takes as much
        for number in range(1, crowds + 1):
            crowd = [proxy.connect() for _ in range(CROWD)]
            eventually(lambda: proxy.clients()[1] == CROWD, f"crowd {number} is there")
            for client in crowd:
                client.reset()
            eventually(lambda: proxy.clients()[1] == 0, f"crowd {number} is gone")

    come_and_go(2)
    before = proxy.rss_bytes()
    come_and_go(20)
    assert proxy.rss_bytes() - before < 2 << 20
