"""The body of a request that searches: it is kept, up to a limit, to be sent again."""

import select
import socket
import threading

import pytest

from harness.deadlines import DEADLINE
from harness.mcp import INITIALIZED, LIST_TOOLS, expect_proxy_error, fields_for, modern, pod_of, rpc
from harness.pod import Pod
from harness.process import within
from harness.upstream import accept_first, offered
from harness.wire import LAST_CHUNK, chunk, encode

REFUSAL = encode("HTTP/1.1 404 Not Found", (), b"Session not found")


@pytest.mark.parametrize("size", [0, 1, 1000, 200_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_the_next_pod_gets_the_whole_body(cluster, size, chunked):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    body = rpc("tools/call", 1, text="x" * size)
    if chunked:
        fields = [*fields_for(session, None), ("Transfer-Encoding", "chunked")]
        pods.wire.request("POST", "/mcp", fields)
        for at in range(0, len(body), 50_000):
            pods.wire.send(chunk(body[at : at + 50_000]))
        pods.wire.send(b"0\r\nX-Sum: 7\r\n\r\n")
    else:
        pods.wire.request("POST", "/mcp", fields_for(session, None), body)
    assert pod_of(pods.wire.read_response("POST")) == "b"
    for pod in (a, b):
        assert pod.requests[-1].body == body
        assert pod.requests[-1].trailers == ([("X-Sum", "7")] if chunked else [])


def test_case_33_a_body_past_the_limit_is_offered_to_one_pod_only(cluster):
    pods = cluster("ab", pool={"affinity": {"search": {"body_bytes": "1KiB"}}})
    a, b = pods.pods.values()
    session, lucky = pods.stored(b, first=a), pods.stored(a, first=a)
    body = rpc("tools/call", 1, text="x" * 5000)
    response = pods.post(body, session)
    expect_proxy_error(response, 503)
    assert response.get("retry-after")
    assert pods.asked(session) == {"a": 1} and a.requests[-1].body == body
    assert pod_of(pods.post(body, lucky)) == "a"
    assert pod_of(pods.post(session=session)) == "b", "nothing was remembered"
    assert pod_of(pods.post(body, session)) == "b", "whose owner is known now"


@pytest.mark.parametrize("limit", ["0B", "100B"])
def test_case_33_the_rest_of_a_body_that_was_not_kept_reaches_nobody(cluster, limit):
    """Its pod was taken for the owner on little evidence, and refuses connections now."""
    pods = cluster("ab", pool={"affinity": {"search": {"body_bytes": limit}}}, workers=1)
    a, b = pods.pods.values()
    session = pods.unknown(first=a)
    a.answer = lambda request: a.reply(202)
    assert pods.post(INITIALIZED, session).status == 202
    a.crash()
    seen = len(b.requests)
    hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\nX-Role: admin\r\n\r\n"
    body = rpc("tools/call", 1, text="x" * 1000)
    length = ("Content-Length", str(len(body) + len(hidden)))
    fields = [("Host", "a"), *fields_for(session, None), length]
    pods.wire.send(encode("POST /mcp HTTP/1.1", fields) + body)
    assert pods.wire.read_response().status == 503
    pods.wire.send(hidden)
    assert pods.connect().exchange("GET", "/seen").status == 400
    assert [request.target for request in b.requests[seen:]] == ["/seen"]


def test_case_33_a_body_of_just_the_limit_is_searched_for(cluster):
    pods = cluster("ab", pool={"affinity": {"search": {"body_bytes": "1KiB"}}})
    a, b = pods.pods.values()
    session, other = pods.stored(b, first=a), pods.stored(b, first=a)
    body = rpc("tools/call", 1, text="")
    exact = body.replace(b'""', b'"' + b"x" * (1024 - len(body)) + b'"')
    assert len(exact) == 1024
    expect_proxy_error(pods.post(exact + b" ", other), 503)
    assert pod_of(pods.post(exact, session)) == "b"


def test_case_33_without_room_for_bodies_a_get_still_finds_its_owner(cluster):
    pods = cluster("ab", pool={"affinity": {"search": {"body_bytes": 0}}})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    expect_proxy_error(pods.post(session=session), 503)
    pods.wire.request("GET", "/mcp", fields_for(session, None))
    assert pod_of(pods.wire.read_response_head()) == "b"


def test_case_33_a_body_past_the_limit_for_a_provisional_owner_that_refuses(cluster):
    pods = cluster("ab", pool={"affinity": {"search": {"body_bytes": "1KiB"}}})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(202) if request.body == INITIALIZED else None
    assert pod_of(pods.post(INITIALIZED, session)) == "a"
    soon = within(5)
    expect_proxy_error(pods.post(rpc("tools/call", 1, text="x" * 5000), session), 503)
    soon()
    assert pod_of(pods.post(session=session)) == "b"


def test_case_33_a_body_past_the_limit_does_not_wait_for_the_search_of_another(cluster):
    pods = cluster("ab", pool={"affinity": {"search": {"body_bytes": "1KiB"}}})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    let_go = threading.Event()
    a.answer = lambda request: let_go.wait(DEADLINE) and None
    searching, large = pods.connect(), pods.connect()
    searching.request("POST", "/mcp", fields_for(session, None), LIST_TOOLS)
    large.request("POST", "/mcp", [*fields_for(session, None), ("Content-Length", "4000")])
    large.send(b"x" * 2000)
    expect_proxy_error(large.read_response("POST"), 503)
    let_go.set()
    assert pod_of(searching.read_response("POST")) == "b"
    large.send(b"x" * 2000)  # the rest of what was answered already
    large.request("POST", "/mcp", fields_for(session, None), LIST_TOOLS)
    assert pod_of(large.read_response("POST")) == "b"
    assert pods.asked(session) == {"a": 1, "b": 2}


def test_a_body_in_pieces_that_is_refused_before_its_end(ringside, upstreams):
    a, b = upstreams(), upstreams()
    client, served, other = offered(ringside(a, b), a, b, {"Content-Length": "10"}, b"01")
    served.read_request_head()
    assert served.read_exactly(2) == b"01"
    served.send(REFUSAL)
    served = other.accept()
    served.read_request_head()
    assert served.read_exactly(2) == b"01"
    client.send(b"234")
    assert served.read_exactly(3) == b"234"
    client.send(b"56789")
    assert served.read_exactly(5) == b"56789"
    served.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200


def test_a_chunked_body_in_pieces_that_is_refused_before_its_end(ringside, upstreams):
    a, b = upstreams(), upstreams()
    chunked = {"Transfer-Encoding": "chunked"}
    client, served, other = offered(ringside(a, b), a, b, chunked, chunk("one"))
    served.body_of(served.read_request_head(), request_side=True).read(3)
    served.send(REFUSAL)
    served = other.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    assert body.read(3) == b"one"
    client.send(chunk("two") + LAST_CHUNK)
    assert body.rest() == b"two"
    served.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200


def test_a_refusal_before_the_body_and_a_pod_that_asks_for_it(ringside, upstreams):
    a, b = upstreams(), upstreams()
    polite = {"Content-Length": "5", "Expect": "100-continue"}
    client, served, other = offered(ringside(a, b), a, b, polite)
    assert served.read_request_head().get("expect") == "100-continue"
    served.send(REFUSAL)
    served = other.accept()
    assert served.read_request_head().get("expect") == "100-continue"
    client.expect_silence()
    served.send("HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_head().status == 100
    client.send(b"hello")
    assert served.read_exactly(5) == b"hello"
    served.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200


def test_a_pod_that_asks_for_the_body_and_then_refuses(ringside, upstreams):
    a, b = upstreams(), upstreams()
    polite = {"Content-Length": "5", "Expect": "100-continue"}
    client, served, other = offered(ringside(a, b), a, b, polite)
    served.read_request_head()
    served.send("HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_head().status == 100
    client.send(b"hello")
    assert served.read_exactly(5) == b"hello"
    served.send(REFUSAL)
    served = other.accept()
    assert served.read_request().body == b"hello"
    served.send("HTTP/1.1 100 Continue\r\n\r\n")
    served.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200


def test_a_body_that_waits_for_100_continue_waits_for_the_search_of_another(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    let_go = threading.Event()
    a.answer = lambda request: let_go.wait(DEADLINE) and None
    searching, polite = pods.connect(), pods.connect()
    searching.request("POST", "/mcp", fields_for(session, None), LIST_TOOLS)
    fields = {"Content-Length": str(len(LIST_TOOLS)), "Expect": "100-continue"}
    polite.request("POST", "/mcp", fields_for(session, None, fields))
    let_go.set()
    assert pod_of(searching.read_response("POST")) == "b"
    polite.send(LIST_TOOLS)
    assert pod_of(polite.read_response("POST")) == "b"


def test_refused_by_all_before_the_body_has_come(cluster):
    pods = cluster("ab")
    upload, session = pods.connect(), pods.unknown()
    for pod in pods.pods.values():
        refuse_early(pod)
    upload.request("POST", "/mcp", fields_for(session, None, {"Content-Length": "5"}))
    response = upload.read_response("POST")
    expect_proxy_error(response, 404, -32001)
    upload.send(b"hello")
    upload.request("POST", "/mcp", fields_for(session, None), LIST_TOOLS)
    expect_proxy_error(upload.read_response("POST"), 404, -32001)


def next_readable(wires):
    ready, _, _ = select.select([wire.socket for wire in wires], [], [], DEADLINE)
    assert ready, "nothing came"
    return next(wire for wire in wires if wire.socket is ready[0])


def refuse_early(pod: Pod) -> None:
    """Answers as soon as it has read the head."""

    def serve(wire, number):
        try:
            wire.read_request_head()
            wire.send(REFUSAL)
            wire.receive()
        except (AssertionError, OSError):
            pass
        wire.close()

    pod._serve = serve


def test_pipelined_requests_are_answered_in_order_behind_one_that_searches(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session, nobody = pods.stored(b, first=a), pods.unknown()
    other = pods.stored(a, first=b)
    for id in (session, nobody, other, session):
        pods.wire.request("POST", "/mcp", fields_for(id, None), rpc("tools/list", 1))
    pods.wire.request("POST", "/mcp", fields_for(None, None, modern()), LIST_TOOLS)
    assert pod_of(pods.wire.read_response("POST")) == "b"
    expect_proxy_error(pods.wire.read_response("POST"), 404, -32001)
    assert pod_of(pods.wire.read_response("POST")) == "a"
    assert pod_of(pods.wire.read_response("POST")) == "b"
    assert pods.wire.read_response("POST").status == 200


def test_an_upload_that_the_first_pod_does_not_read_goes_on_at_the_next(ringside, upstreams):
    a, b = upstreams(), upstreams()
    for upstream in (a, b):
        upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    proxy = ringside(a, b, pool={"affinity": {"search": {"body_bytes": "16MiB"}}})
    client = proxy.connect()
    wires = {}  # several at once, so that each upstream has an idle connection afterwards
    for other in [proxy.connect() for _ in range(8)]:
        other.request("POST", "/mcp", modern(), LIST_TOOLS)
        upstream, served = accept_first(a, b)
        served.read_request()
        wires.setdefault(upstream, []).append((served, other))
    assert set(wires) == {a, b}
    for waiting in wires.values():
        for served, other in waiting:
            served.respond(200, body=b"{}")
            assert other.read_response("POST").status == 200
    body = b"x" * (12 << 20)
    fields = {"Mcp-Session-Id": "s-1", "Content-Length": str(len(body))}
    client.request("POST", "/mcp", fields)
    idle = [served for waiting in wires.values() for served, _ in waiting]
    sent = client.send_until_stalled(body)
    first = next_readable(idle)
    first.read_request_head()
    first.send(REFUSAL)
    threading.Thread(target=client.send_anyway, args=(body[sent:],), daemon=True).start()
    second = next_readable([served for served in idle if served is not first])
    assert second.read_request().body == body
    second.respond(200, body=b"{}")
    assert client.read_response("POST").status == 200
