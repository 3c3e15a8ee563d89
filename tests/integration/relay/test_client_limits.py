"""What one client may take: connections, requests of a connection, requests ahead of answers."""

import socket

import pytest

from harness import mcp
from harness.deadlines import DEADLINE, eventually
from harness.process import stopped
from harness.upstream import asked
from harness.wire import Wire, encode


@pytest.fixture
def pod(pods):
    (one,) = pods("a")
    one.answer = lambda request: one.reply(200, request.target.encode())
    return one


def connect_from(proxy, address: str) -> Wire:
    sock = socket.socket()
    sock.settimeout(DEADLINE)
    sock.bind((address, 0))
    sock.connect(proxy.addresses["mcp"])
    proxy.wires.append(Wire(sock))
    return proxy.wires[-1]


def counter(proxy, name: str, **labels) -> float:
    return proxy.metrics().sum(name, **labels)


def wait_for_errors(proxy, error: str, least: int) -> None:
    """An exchange is counted when it has ended, which is after its answer."""
    name = "ringside_request_errors_total"
    eventually(lambda: counter(proxy, name, error=error) >= least, f"{least} {error} counted")


@pytest.mark.parametrize("workers", [1, 3])
def test_an_address_has_only_so_many_connections_and_others_theirs(ringside, pod, workers):
    proxy = ringside(pod, limits={"connections_per_client": 2}, workers=workers)
    mine = [connect_from(proxy, "127.0.0.2") for _ in range(2)]
    for client in mine:
        assert client.exchange().status == 200
    third = connect_from(proxy, "127.0.0.2")
    response = third.read_response()
    assert (response.status, response.get("retry-after")) == (503, "1")
    third.expect_close()
    assert connect_from(proxy, "127.0.0.3").exchange().status == 200
    wait_for_errors(proxy, "too_many_connections_of_client", 1)
    assert counter(proxy, "ringside_connections_refused_total") == 1
    for client in mine:  # one that was refused takes nothing from those that were not
        assert client.exchange().status == 200


def test_connections_that_were_turned_away_take_nobodys_place(ringside, pod):
    proxy = ringside(pod, limits={"connections": 12, "connections_per_client": 2}, workers=1)
    crowd = [connect_from(proxy, "127.0.0.2") for _ in range(100)]  # 98 of them, and all stay
    name = "ringside_connections_refused_total"
    eventually(lambda: counter(proxy, name) == 98, "98 are turned away")
    answers = [connect_from(proxy, "127.0.0.3").exchange().status for _ in range(5)]
    assert answers == [200, 200, 503, 503, 503]
    assert connect_from(proxy, "127.0.0.4").exchange().status == 200
    for client in crowd[:2]:
        assert client.exchange().status == 200


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_closes_makes_room_for_its_address(ringside, pod, how):
    proxy = ringside(pod, limits={"connections_per_client": 1})
    first = connect_from(proxy, "127.0.0.2")
    assert first.exchange().status == 200
    getattr(first, how)()
    eventually(lambda: counter(proxy, "ringside_connections") == 0, "it is gone")
    assert connect_from(proxy, "127.0.0.2").exchange().status == 200


def test_who_comes_as_another_leaves_has_its_place(ringside, pod):
    """The proxy sees both at once; the descriptor of the one is closed when the other is there."""
    proxy = ringside(pod, limits={"connections": 2})
    clients = [connect_from(proxy, "127.0.0.2") for _ in range(2)]
    for client in clients:
        assert client.exchange().status == 200
    with stopped(proxy.process):
        clients[0].close()
        late = connect_from(proxy, "127.0.0.2")
    assert late.exchange().status == 200
    assert connect_from(proxy, "127.0.0.2").read_response().status == 503


def test_trusted_proxies_bring_as_many_as_they_like(ringside, pod):
    proxy = ringside(
        pod,
        limits={"connections_per_client": 1},
        listener={"trusted_proxies": ["127.0.0.2"]},
    )
    for _ in range(3):
        assert connect_from(proxy, "127.0.0.2").exchange().status == 200
    assert connect_from(proxy, "127.0.0.3").exchange().status == 200
    assert connect_from(proxy, "127.0.0.3").read_response().status == 503


def test_the_answer_to_the_last_request_of_a_connection_says_so(ringside, pod):
    proxy = ringside(pod, limits={"requests_per_connection": 3})
    client = proxy.connect()
    for number in (1, 2):
        assert client.exchange("GET", f"/{number}").get("connection") is None
    last = client.exchange("GET", "/3")
    assert (last.status, last.body, last.get("connection")) == (200, b"/3", "close")
    client.expect_close()
    assert counter(proxy, "ringside_connections_used_up_total") == 1
    assert proxy.connect().exchange().get("connection") is None


def test_what_is_pipelined_behind_the_last_request_goes_nowhere(ringside, pod):
    proxy = ringside(pod, limits={"requests_per_connection": 2})
    client = proxy.connect()
    client.send(b"".join(encode(f"GET /{n} HTTP/1.1", {"Host": "a"}) for n in (1, 2, 3)))
    assert [client.read_response().body for _ in range(2)] == [b"/1", b"/2"]
    client.expect_close()
    assert [request.target for request in pod.requests] == ["/1", "/2"]


def test_an_event_stream_as_the_last_request_is_not_cut(ringside, upstream):
    proxy = ringside(upstream, limits={"requests_per_connection": 1})
    client, served = asked(proxy, upstream, "GET", "/", {"Accept": "text/event-stream"})
    served.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    head = client.read_response_head()
    assert head.get("connection") == "close"
    body = client.body_of(head)
    for number in range(3):
        event = b"data: %d\n\n" % number
        served.send(event)
        assert body.event() == event
    served.close()
    assert body.rest() == b""


def test_a_client_that_pipelines_too_much_is_not_read_from_and_loses_nothing(ringside, upstream):
    proxy = ringside(upstream, limits={"pipeline_bytes": "1KiB"})
    client = proxy.connect()
    client.request("GET", "/0")
    served = upstream.accept()
    assert served.read_request().target == "/0"
    for number in range(1, 41):
        client.request("GET", f"/{number}", {"X-Long": "x" * 100})
    eventually(lambda: counter(proxy, "ringside_pipeline_pauses_total") >= 1, "the pause")
    served.respond(body=b"/0")
    for number in range(1, 41):
        assert served.read_request().target == f"/{number}"
        served.respond(body=b"/%d" % number)
    for number in range(41):
        assert client.read_response().body == b"/%d" % number


def test_a_session_has_only_so_many_event_streams(cluster):
    pods = cluster(pool={"affinity": {"max_streams_per_session": 2}})
    session, other = pods.sessions_apart()
    streams = []
    for number in range(2):
        streams.append(pods.connect())
        streams[-1].request("GET", "/mcp", mcp.fields_for(session.id, None))
        assert streams[-1].read_response_head().status == 200
        session.owner.wait_stream(number)
    seen = len(session.owner.requests)
    for method, body in (("GET", None), ("POST", mcp.LIST_TOOLS)):
        wire = pods.connect()
        wire.request(method, "/mcp", mcp.fields_for(session.id, None), body)
        response = wire.read_response()
        assert (response.status, response.get("retry-after")) == (429, "1")
    assert len(session.owner.requests) == seen, "the endpoint saw what was refused"
    assert pods.post(session=other.id).status == 200
    streams[0].close()
    session.owner.streams[0].expect_left()
    eventually(lambda: pods.post(session=session.id).status == 200, "room for a stream again")
    streams[1].close()
    session.owner.streams[1].expect_left()
    wait_for_errors(pods.proxy, "too_many_streams", 2)


def test_a_session_with_all_its_streams_can_be_ended(cluster):
    pods = cluster(pool={"affinity": {"max_streams_per_session": 1}})
    session = pods.session()
    stream = pods.connect()
    stream.request("GET", "/mcp", mcp.fields_for(session.id, None))
    session.owner.wait_stream()
    assert pods.send("DELETE", session.id).status == 200


@pytest.mark.parametrize("size, status", [(2048, 200), (2049, 414), (60_000, 414)])
def test_a_target_over_the_bound_is_a_414(ringside, pod, size, status):
    proxy = ringside(pod, limits={"target_bytes": "2KiB"})
    client = proxy.connect()
    client.send_anyway(encode(f"GET /{'x' * (size - 1)} HTTP/1.1", {"Host": "a"}))
    assert client.read_response().status == status
    assert len(pod.requests) == (status == 200)
    if status == 414:
        proxy.expect_one_error(414, "client", "target_too_long")


def test_a_target_that_comes_byte_by_byte_is_refused_before_its_end(ringside, pod):
    proxy = ringside(pod, limits={"target_bytes": "1KiB"})
    client = proxy.connect()
    client.send(b"GET /" + b"x" * 1000)
    proxy.fence()
    client.expect_silence()
    client.send(b"x" * 100)
    assert client.read_response().status == 414


@pytest.mark.parametrize("fields, status", [(20, 200), (21, 431)])
def test_a_head_with_too_many_fields_is_a_431(ringside, pod, fields, status):
    proxy = ringside(pod, limits={"header_fields": 20})
    client = proxy.connect()
    client.request("GET", "/", [("Host", "a")] + [(f"X-{n}", "1") for n in range(fields - 1)])
    assert client.read_response().status == status
    assert len(pod.requests) == (status == 200)
    if status == 431:
        wait_for_errors(proxy, "head_too_large", 1)
