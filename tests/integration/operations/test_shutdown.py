"""SIGTERM: no new connections, what is under way finishes, streams end at the deadline, exit 0."""

import signal

import pytest

from harness.deadlines import eventually
from harness.process import within
from harness.streams import open_stream
from harness.upstream import asked
from harness.wire import Truncated, Wire, chunk


def refused(proxy) -> bool:
    try:
        proxy.connect().expect_close()
    except ConnectionRefusedError:
        return True
    except (AssertionError, ConnectionResetError):  # it stood in the backlog of what was closed
        return False
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_idle_proxy_exits_0_at_once(ringside, upstream, number):
    proxy = ringside(upstream, shutdown={"deadline": "30s"})
    soon = within(2.0)
    proxy.signal(number)
    proxy.expect_exit(0)
    soon()


def test_idle_connections_do_not_hold_it_up(ringside, upstream):
    proxy = ringside(upstream, shutdown={"deadline": "30s"})
    idle = proxy.connect()
    idle.request()
    served = upstream.accept()
    served.read_request()
    served.respond(200)
    idle.read_response()
    proxy.connect()
    soon = within(2.0)
    proxy.signal()
    proxy.expect_exit(0)
    soon()
    idle.expect_close()
    served.expect_close()


def test_an_exchange_under_way_finishes_and_new_connections_are_refused(ringside, upstream):
    proxy = ringside(upstream, shutdown={"deadline": "30s"})
    client, served = asked(proxy, upstream)
    proxy.signal()
    eventually(lambda: refused(proxy), "the listener is closed")
    served.respond(200, body=b"finished")
    response = client.read_response()
    assert response.body == b"finished"
    assert response.get("connection") == "close"
    client.expect_close()
    proxy.expect_exit(0)


def test_an_answer_whose_head_was_out_already_finishes_too(ringside, upstream):
    proxy = ringside(upstream, shutdown={"deadline": "30s"})
    client, served = asked(proxy, upstream)
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    body = client.body_of(client.read_response_head())
    assert body.read(4) == b"half"
    proxy.signal()
    eventually(lambda: refused(proxy), "the listener is closed")
    served.send("done")
    assert body.rest() == b"done"
    client.expect_close()
    proxy.expect_exit(0)


def test_a_stream_goes_on_until_the_deadline_and_is_then_cut(ringside, upstream):
    proxy = ringside(upstream, shutdown={"deadline": "4s"})
    _, served, body = open_stream(proxy, upstream)
    proxy.signal()
    eventually(lambda: refused(proxy), "the listener is closed")
    served.send(chunk("data: still here\n\n"))
    assert body.event() == b"data: still here\n\n"
    with pytest.raises((Truncated, ConnectionResetError)):
        body.event()
    served.expect_close()
    proxy.expect_exit(0)


def test_a_second_signal_exits_at_once(ringside, upstream):
    proxy = ringside(upstream, shutdown={"deadline": "30s"})
    open_stream(proxy, upstream)
    proxy.signal()
    eventually(lambda: refused(proxy), "the listener is closed")
    soon = within(2.0)
    proxy.signal()
    code = proxy.wait_exit()
    soon()
    proxy.expect_exit(code)


def test_readiness_fails_and_serving_goes_on_during_the_wait(ringside, upstream):
    proxy = ringside(upstream, shutdown={"wait": "4s", "deadline": "5s"})
    assert proxy.admin("/readyz").status == 200
    proxy.signal()
    eventually(lambda: proxy.admin("/readyz").status == 503, "readiness fails")
    assert proxy.admin("/healthz").status == 200
    client, served = asked(proxy, upstream)
    served.respond(200, body=b"still serving")
    assert client.read_response().body == b"still serving"
    proxy.expect_exit(0)


def test_a_connection_that_waits_to_be_accepted_is_served_or_refused_but_not_left_hanging(
    ringside, upstream
):
    proxy = ringside(upstream)
    wires: list[Wire] = [proxy.connect() for _ in range(20)]
    proxy.signal()
    for wire in wires:
        wire.expect_close()
    proxy.expect_exit(0)
