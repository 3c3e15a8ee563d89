"""Connections to an endpoint are bounded, and requests wait for one in line."""

import itertools
import threading

import pytest

from harness import mcp
from harness.deadlines import DEADLINE, eventually
from harness.process import within
from harness.wire import chunk

SSE = "text/event-stream"


def limited(connections: int = 1, **more) -> dict:
    return {"limits": {"connections": connections, "queue_timeout": "1h", **more}}


def waiting(proxy) -> float:
    return proxy.metrics().sum("ringside_upstream_waiting")


def wait_for(proxy, count: int) -> None:
    eventually(lambda: waiting(proxy) == count, f"{count} requests wait")


def wait_for_error(proxy, error: str) -> None:
    """An exchange is counted when it has ended, which is after its answer."""
    eventually(
        lambda: proxy.metrics().sum("ringside_request_errors_total", error=error) == 1,
        f"one {error} counted",
    )


def in_line(proxy, targets: str) -> list:
    """A client for each target; each waits before the next one comes."""
    clients = []
    before = int(waiting(proxy))
    for number, target in enumerate(targets, before + 1):
        clients.append(proxy.connect())
        clients[-1].request("GET", f"/{target}")
        wait_for(proxy, number)
    return clients


def occupied(proxy, upstream):
    """A client whose request has the only connection, and that connection."""
    client = proxy.connect()
    client.request("GET", "/first")
    served = upstream.accept()
    assert served.read_request().target == "/first"
    return client, served


def test_a_request_over_the_bound_waits_and_gets_the_connection_that_is_free(ringside, upstream):
    proxy = ringside(upstream, pool=limited())
    first, served = occupied(proxy, upstream)
    (second,) = in_line(proxy, "2")
    upstream.expect_no_connection()
    served.respond(body=b"one")
    assert first.read_response().body == b"one"
    assert served.read_request().target == "/2"  # on the connection that is there
    served.respond(body=b"two")
    assert second.read_response().body == b"two"
    wait_for(proxy, 0)
    assert proxy.metrics().sum("ringside_upstream_queued_total") == 1
    upstream.expect_no_connection()


def test_a_websocket_that_waited_opens_its_tunnel(ringside, upstream):
    proxy = ringside(upstream, pool=limited())
    first, served = occupied(proxy, upstream)
    client = proxy.connect()
    client.request("GET", "/socket", {"Connection": "Upgrade", "Upgrade": "websocket"})
    wait_for(proxy, 1)
    served.respond(body=b"one")
    assert first.read_response().body == b"one"
    assert served.read_request().get("upgrade") == "websocket"
    served.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"
    )
    assert client.read_head().status == 101
    assert client.read_exactly(5) == b"hello"
    client.send("from the client")
    assert served.read_exactly(15) == b"from the client"


def test_a_connection_that_is_done_makes_room_at_once(ringside, pods):
    (a,) = pods("a")
    a.answer = lambda request: a.reply(200, request.target.encode(), [("Connection", "close")])
    client = ringside(a, pool=limited(queue=0)).connect()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5)))
    answers = [client.read_response() for _ in range(5)]
    assert [(each.status, each.body) for each in answers] == [
        (200, b"/%d" % number) for number in range(5)
    ]


def test_requests_that_wait_are_served_in_the_order_in_which_they_came(ringside, upstream):
    proxy = ringside(upstream, pool=limited())
    first, served = occupied(proxy, upstream)
    clients = in_line(proxy, "abcd")
    served.respond()
    for target, client in zip("abcd", clients):
        assert served.read_request().target == f"/{target}"
        served.respond(body=target.encode())
        assert client.read_response().body == target.encode()


def test_a_body_that_comes_while_its_request_waits_arrives_whole(ringside, upstream):
    proxy = ringside(upstream, pool=limited())
    _, served = occupied(proxy, upstream)
    body = b"x" * 2_000_000
    client = proxy.connect()
    sending = threading.Thread(
        target=client.request, args=("POST", "/big"), kwargs={"body": body}, daemon=True
    )
    sending.start()
    wait_for(proxy, 1)
    served.respond()
    request = served.read_request()
    assert (request.target, request.body == body) == ("/big", True)
    served.respond(201)
    assert client.read_response().status == 201
    sending.join()


def test_a_connection_that_ends_makes_room_for_a_new_one(ringside, upstream):
    proxy = ringside(upstream, pool=limited())
    first, served = occupied(proxy, upstream)
    (second,) = in_line(proxy, "2")
    served.respond(200, {"Connection": "close"})
    served.expect_close()
    again = upstream.accept()
    assert again.read_request().target == "/2"
    again.respond(body=b"two")
    assert second.read_response().body == b"two"


@pytest.mark.parametrize("how", ["reset", "close"])
def test_an_endpoint_that_breaks_off_makes_room(ringside, upstream, how):
    proxy = ringside(upstream, pool=limited())
    first, served = occupied(proxy, upstream)
    (second,) = in_line(proxy, "2")
    getattr(served, how)()
    assert first.read_response().status == 502
    again = upstream.accept()
    assert again.read_request().target == "/2"
    again.respond()
    assert second.read_response().status == 200


def test_a_full_queue_is_a_503_at_once(ringside, upstream):
    proxy = ringside(upstream, pool=limited(queue=1))
    _, served = occupied(proxy, upstream)
    in_line(proxy, "2")
    response = proxy.connect().exchange()
    assert (response.status, response.get("retry-after")) == (503, "1")
    wait_for_error(proxy, "queue_full")
    assert waiting(proxy) == 1


def test_without_a_queue_nobody_waits(ringside, upstream):
    proxy = ringside(upstream, pool=limited(queue=0))
    first, served = occupied(proxy, upstream)
    assert proxy.connect().exchange().status == 503
    served.respond()
    assert first.read_response().status == 200
    first.request("GET", "/again")
    assert served.read_request().target == "/again"


def test_a_request_that_waited_too_long_is_a_503_and_keeps_its_client(ringside, upstream):
    proxy = ringside(upstream, pool=limited(queue_timeout="50ms"))
    first, served = occupied(proxy, upstream)
    second = proxy.connect()
    response = second.exchange()
    assert (response.status, response.get("retry-after")) == (503, "1")
    wait_for_error(proxy, "queue_timeout")
    assert waiting(proxy) == 0
    served.respond()
    assert first.read_response().status == 200
    second.request("GET", "/later")
    assert served.read_request().target == "/later"  # what timed out never came
    served.respond()
    assert second.read_response().status == 200


def test_a_client_that_waits_for_its_100_in_line_has_the_time_of_the_line(ringside, upstream):
    proxy = ringside(
        upstream,
        pool=limited(queue_timeout="500ms"),
        listener={"timeouts": {"request_body": "50ms"}},
    )
    first, served = occupied(proxy, upstream)
    second = proxy.connect()
    second.request("POST", "/", {"Content-Length": "5", "Expect": "100-continue"})
    assert second.read_response().status == 503
    wait_for_error(proxy, "queue_timeout")
    served.respond()
    assert first.read_response().status == 200


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_leaves_the_queue(ringside, upstream, how):
    proxy = ringside(upstream, pool=limited())
    first, served = occupied(proxy, upstream)
    second, third = in_line(proxy, "23")
    getattr(second, how)()
    wait_for(proxy, 1)
    served.respond()
    assert served.read_request().target == "/3"
    served.respond(body=b"three")
    assert third.read_response().body == b"three"


def test_a_bound_session_waits_for_its_owner_and_moves_nowhere(cluster):
    pods = cluster(pool=limited())
    session = pods.session()
    stream = pods.connect()
    stream.request("GET", "/mcp", mcp.fields_for(session.id, None, {"Accept": SSE}))
    assert stream.read_response_head().get("x-pod") == session.owner.name
    stream_body = session.owner.wait_stream()
    call = pods.connect()
    call.request("POST", "/mcp", mcp.fields_for(session.id, None), mcp.LIST_TOOLS)
    wait_for(pods.proxy, 1)
    stream.close()
    stream_body.expect_left()
    response = call.read_response()
    assert (response.status, response.get("x-pod")) == (200, session.owner.name)


def session_on(pods, pod):
    numbers = itertools.count()
    session = pods.session()
    while session.owner is not pod:
        session = pods.session(f"10.0.0.{next(numbers)}")
    return session


def occupy(pods, pod, session=None):
    """A stream of a session of this pod, which has its only connection."""
    session = session or session_on(pods, pod)
    stream = pods.connect()
    stream.request("GET", "/mcp", mcp.fields_for(session.id, None, {"Accept": SSE}))
    pod.wait_stream()
    return stream


def test_a_search_waits_in_line_as_any_request_does(cluster):
    pods = cluster(pool=limited())
    owner = pods.pods["a"]
    id = pods.stored(owner, first=owner)
    stream = occupy(pods, owner)
    call = pods.connect()
    call.request("POST", "/mcp", mcp.fields_for(id, None), mcp.LIST_TOOLS)
    wait_for(pods.proxy, 1)
    stream.close()
    response = call.read_response()
    assert (response.status, response.get("x-pod")) == (200, "a")


def test_a_search_waits_in_line_at_one_pod_only(cluster):
    pods = cluster("abcd", pool=limited(queue_timeout="400ms"))
    each = list(pods.pods.values())
    for pod, session in [(pod, session_on(pods, pod)) for pod in each]:
        occupy(pods, pod, session)
    queued = pods.proxy.metrics().sum("ringside_upstream_queued_total")
    assert pods.post(session=pods.unknown()).status == 503
    assert pods.proxy.metrics().sum("ringside_upstream_waiting") == 0
    result = {"result": "unreachable"}
    assert pods.proxy.metrics().sum("ringside_recovery_attempts_total", **result) == 4
    assert pods.proxy.metrics().sum("ringside_upstream_queued_total") - queued == 4


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_search_passes_over_a_pod_whose_line_is_full(cluster, method):
    pods = cluster("ab", pool=limited(queue=0))
    a, b = pods.pods.values()
    id = pods.stored(b, first=a)
    occupy(pods, a)
    response = pods.post(session=id) if method == "POST" else pods.send("DELETE", id)
    assert (response.status, response.get("x-pod")) == (200, "b")
    assert pods.asked(id) == {"b": 1}
    assert pods.post(session=pods.unknown()).status == 503  # it was not asked


@pytest.mark.parametrize("again", range(4))  # in half of them, both clients have the same worker
def test_a_worker_that_has_drained_holds_no_connection_back(cluster, again):
    pods = cluster("ab", pool=limited(), workers=2, shutdown={"deadline": "1h"})
    a, b = pods.pods.values()
    session_on(pods, b)  # its connection to b is idle now
    session = pods.stored(b, first=a)
    gate = threading.Event()
    a.answer = lambda request: gate.wait(DEADLINE) and None
    search = pods.connect()
    search.request("POST", "/mcp", mcp.fields_for(session, None), mcp.LIST_TOOLS)
    eventually(lambda: pods.asked(session)["a"] == 1, "a is asked")
    pods.proxy.signal()
    pods.wire.expect_close()
    gate.set()
    response = search.read_response()
    assert (response.status, response.get("x-pod")) == (200, "b")
    pods.proxy.expect_exit(0)


def test_an_open_event_stream_has_its_connection_for_as_long_as_it_lasts(ringside, upstream):
    proxy = ringside(upstream, pool=limited(2))
    stream = proxy.connect()
    stream.request("GET", "/stream", {"Accept": SSE})
    events = upstream.accept()
    events.read_request()
    events.respond(200, {"Content-Type": SSE, "Transfer-Encoding": "chunked"}, None)
    events.send(chunk("data: 1\n\n"))
    body = stream.body_of(stream.read_response_head())
    assert body.event() == b"data: 1\n\n"
    first, served = occupied(proxy, upstream)
    (second,) = in_line(proxy, "2")
    events.send(chunk("data: 2\n\n"))
    assert body.event() == b"data: 2\n\n"
    stream.close()
    assert upstream.accept().read_request().target == "/2"


def test_endpoints_have_lines_of_their_own(ringside, upstreams):
    one, two = upstreams(), upstreams()
    file = {
        "routes": [{"path": "/one", "pool": "one"}, {"path": "/two", "pool": "two"}],
    }
    proxy = ringside(
        config={
            "workers": 1,
            "admin": {"bind": "127.0.0.1:0"},
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", **file}],
            "pools": {
                "one": {"endpoints": [one.address], **limited()},
                "two": {"endpoints": [two.address], **limited()},
            },
        }
    )
    held = proxy.connect()
    held.request("GET", "/one")
    one.accept().read_request()
    client = proxy.connect()
    client.request("GET", "/two")
    served = two.accept()
    served.read_request()
    served.respond()
    assert client.read_response().status == 200


def test_a_drain_serves_those_who_wait(ringside, upstream):
    proxy = ringside(upstream, pool=limited(), shutdown={"deadline": "1h"})
    first, served = occupied(proxy, upstream)
    second, third = in_line(proxy, "23")
    proxy.signal()
    proxy.stderr.wait(lambda line: "shutting down" in line, "shutdown")
    eventually(lambda: proxy.admin("/readyz").status == 503, "draining")
    served.respond()
    assert first.read_response().status == 200
    for target, client in (("/2", second), ("/3", third)):
        # while it drains, a connection that is done is closed; the next request opens its own
        again = upstream.accept()
        assert again.read_request().target == target
        again.respond()
        assert client.read_response().status == 200
    assert proxy.wait_exit() == 0


def test_the_shutdown_deadline_cuts_those_who_wait(ringside, upstream):
    proxy = ringside(upstream, pool=limited(), shutdown={"deadline": "100ms"})
    first, served = occupied(proxy, upstream)
    (second,) = in_line(proxy, "2")
    proxy.signal()
    second.expect_close()
    first.expect_close()
    assert proxy.wait_exit() == 0


def test_an_idle_connection_of_another_worker_gives_way(ringside, pods):
    """Clients meet the workers by chance: of many, most meet one without the connection."""
    (pod,) = pods("a")
    pod.answer = lambda request: pod.reply(200, request.target.encode())
    proxy = ringside(pod, pool=limited(), workers=4)
    in_time = within(DEADLINE)  # an idle connection would go by itself, but after seconds
    for number in range(24):
        client = proxy.connect()
        response = client.exchange("GET", f"/{number}")
        assert (response.status, response.body) == (200, b"/%d" % number)
        client.close()
    in_time()
    assert len({request.connection for request in pod.requests}) > 1


def test_workers_share_the_bound_and_none_of_them_starves(ringside, pods):
    (pod,) = pods("a")
    lock = threading.Lock()
    under_way = most = 0

    def answer(request) -> bytes:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        reply = pod.reply(200, request.target.encode())
        with lock:
            under_way -= 1
        return reply

    pod.answer = answer
    proxy = ringside(pod, pool=limited(2), workers=4)
    faults: list[object] = []

    def ask(client, name: int) -> None:
        try:
            for number in range(25):
                response = client.exchange("GET", f"/{name}-{number}")
                expected = (200, f"/{name}-{number}".encode())
                if (response.status, response.body) != expected:
                    faults.append((response.start, expected))
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask, args=(proxy.connect(), n)) for n in range(24)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert proxy.metrics().sum("ringside_upstream_connections") <= 2
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert most <= 2
    assert waiting(proxy) == 0
    assert proxy.metrics().sum("ringside_upstream_queued_total") > 0
