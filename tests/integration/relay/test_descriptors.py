"""When descriptors run out accepting pauses: who is there is served, who comes waits."""

import select
import threading
from pathlib import Path

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.process import stopped

OPEN_FILES = 96


def paused(proxy) -> bool:
    return proxy.metrics().sum("ringside_accept_paused") > 0


def readable(*wires) -> list:
    by_socket = {wire.socket: wire for wire in wires}
    ready, _, _ = select.select(list(by_socket), [], [], 0)
    return [by_socket[sock] for sock in ready]


def connect_until_paused(proxy, most: int) -> list:
    """Clients that were served, one after the other, until no more is accepted."""
    clients = []
    while not paused(proxy):
        assert len(clients) < most, "so many clients, and no pause"
        clients.append(proxy.connect())
        assert clients[-1].exchange().status == 200
    return clients


def ask(client, target: str) -> None:
    client.request("GET", target)


@pytest.fixture
def pod(pods):
    (one,) = pods("a")
    one.answer = lambda request: one.reply(200, request.target.encode())
    return one


@pytest.fixture(params=[1, 3], ids=["one_worker", "three_workers"])
def proxy(request, ringside, pod):
    return ringside(pod, open_files=OPEN_FILES, workers=request.param)


def test_who_comes_waits_and_is_served_when_others_have_closed(proxy):
    clients = connect_until_paused(proxy, OPEN_FILES)
    late = [proxy.connect() for _ in range(30)]
    for number, client in enumerate(late):
        ask(client, f"/late-{number}")
    for client in clients:  # they are served on
        assert client.exchange("GET", "/again").body == b"/again"
    assert len(readable(*late)) < len(late)
    for client in clients:
        client.close()
    waiting = late[:]
    while waiting:  # in any order, as workers accept; each that is done makes room
        ready, _, _ = select.select([client.socket for client in waiting], [], [], DEADLINE)
        assert ready, f"{len(waiting)} clients were never served"
        for client in [one for one in waiting if one.socket in ready]:
            response = client.read_response()
            assert (response.status, response.body) == (200, f"/late-{late.index(client)}".encode())
            waiting.remove(client)
            client.close()
    eventually(lambda: not paused(proxy), "accepting goes on")
    assert proxy.connect().exchange().status == 200


def test_the_pause_is_counted_and_said_with_what_to_do(ringside, pod):
    proxy = ringside(pod, open_files=OPEN_FILES)
    connect_until_paused(proxy, OPEN_FILES)
    line = proxy.stderr.wait(lambda said: "no client is accepted" in said, "warning")
    assert f"open_files={OPEN_FILES}" in line and "ulimit -n" in line
    assert proxy.metrics().sum("ringside_accept_pauses_total") == 1
    assert proxy.metrics().sum("process_open_fds") < OPEN_FILES


def test_a_pause_takes_no_time_of_the_processor(ringside, pod):
    proxy = ringside(pod, open_files=OPEN_FILES)
    connect_until_paused(proxy, OPEN_FILES)
    for _ in range(10):
        ask(proxy.connect(), "/late")
    before = proxy.cpu_seconds()
    threading.Event().wait(1)  # the time that is measured: a loop that spins would take all of it
    assert proxy.cpu_seconds() - before < 0.5


def test_clients_that_are_there_still_reach_their_endpoints(ringside, upstream, pods):
    """The reserve is for their connections."""
    proxy = ringside(upstream, open_files=OPEN_FILES)
    clients = []
    while not paused(proxy):
        clients.append(proxy.connect())
        assert clients[-1].exchange("OPTIONS", "*", {"Max-Forwards": "0"}).status == 204
    for number, client in enumerate(clients[:12]):
        ask(client, f"/{number}")
    served = [upstream.accept() for _ in clients[:12]]
    for one in served:
        target = one.read_request().target
        one.respond(body=target.encode())
    for number, client in enumerate(clients[:12]):
        assert client.read_response().body == f"/{number}".encode()


def test_a_crowd_that_comes_as_another_leaves_is_served(ringside, pod):
    """The proxy sees both at once. Without a descriptor its library closes who comes, unheard."""
    proxy = ringside(pod, open_files=OPEN_FILES, workers=1)
    before = [proxy.connect() for _ in range(40)]
    eventually(lambda: proxy.clients() == (40, 40), "all are there")
    with stopped(proxy.process):
        for client in before:
            client.reset()
        crowd = [proxy.connect() for _ in range(40)]
        for client in crowd:  # the proxy's own to answer: no connection to an endpoint is needed
            client.request("OPTIONS", "*", {"Max-Forwards": "0"})
    for client in crowd:
        assert client.read_response().status == 204
        client.close()


def test_a_drain_ends_a_pause(ringside, pod):
    proxy = ringside(pod, open_files=OPEN_FILES)
    clients = connect_until_paused(proxy, OPEN_FILES)
    late = proxy.connect()
    ask(late, "/late")
    proxy.signal()
    for client in clients:
        client.expect_close()
    assert proxy.wait_exit() == 0


def test_clients_that_are_turned_away_do_not_use_up_the_descriptors(ringside, pod):
    proxy = ringside(pod, open_files=128, workers=2, limits={"connections_per_client": 3})
    for _ in range(4):  # they linger a while, to hear why
        crowd = [proxy.connect() for _ in range(100)]
        assert len(list(Path(f"/proc/{proxy.process.pid}/fd").iterdir())) < 120
        for client in crowd:
            client.reset()
    eventually(lambda: proxy.clients() == (400, 0), "all have come, and have gone")
    assert proxy.connect().exchange().status == 200
    proxy.signal()
    assert proxy.wait_exit() == 0
    assert sum("could not be accepted" in line for line in proxy.stderr.all) == 0
