"""Many requests of one unknown session: one of them searches, the others wait for what it finds."""

import threading
from contextlib import contextmanager

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import LIST_TOOLS, expect_proxy_error, fields_for, pod_of, post
from harness.process import within
from harness.upstream import accept_first


@contextmanager
def held(pod, session):
    """This pod answers nothing of the session until the test lets go; then as it would have."""
    let_go = threading.Event()

    def answer(request):
        if request.get("mcp-session-id") == session and request.method != "OPTIONS":
            assert let_go.wait(DEADLINE)
        return None

    pod.answer = answer
    try:
        yield let_go
    finally:
        let_go.set()


def send_all(pods, session, count, method="POST"):
    wires = [pods.connect() for _ in range(count)]
    for number, wire in enumerate(wires):
        body = LIST_TOOLS if method == "POST" else None
        wire.request(method, "/mcp", fields_for(session, f"10.0.0.{number}"), body)
    return wires


@pytest.mark.parametrize("workers", [1, 4])
def test_case_29_ten_requests_at_once_are_one_search_and_ten_answers(cluster, workers):
    pods = cluster("abc", workers=workers)
    a, b, _ = pods.pods.values()
    for _ in range(5):
        session = pods.stored(b, first=a)
        with held(a, session) as let_go:
            wires = send_all(pods, session, 10)
            let_go.set()
            for wire in wires:
                response = wire.read_response("POST")
                assert (response.status, pod_of(response)) == (200, "b")
        asked = pods.asked(session)
        assert asked["b"] == 10 and asked["a"] == 1 and asked["c"] <= 1, asked
    assert pods.bound() == 5


@pytest.mark.parametrize("workers", [1, 4])
def test_case_30_ten_requests_at_once_of_what_nobody_knows_are_one_search(cluster, workers):
    pods = cluster("abc", workers=workers)
    a = pods.pods["a"]
    for _ in range(5):
        session = pods.unknown(first=a)
        with held(a, session) as let_go:
            wires = send_all(pods, session, 10)
            let_go.set()
            for wire in wires:
                expect_proxy_error(wire.read_response("POST"), 404, -32001)
        assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("workers", [1, 4])
def test_requests_of_all_methods_wait_for_one_search(cluster, workers):
    pods = cluster("ab", workers=workers)
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    with held(a, session) as let_go:
        wires = [(wire, "POST") for wire in send_all(pods, session, 4)]
        wires += [(wire, "GET") for wire in send_all(pods, session, 3, "GET")]
        let_go.set()
        for wire, method in wires:
            head = wire.read_response_head()
            assert (head.status, pod_of(head)) == (200, "b"), method
    assert pods.asked(session) == {"a": 1, "b": 7}


def test_many_sessions_are_searched_for_at_once_each_by_itself(cluster):
    pods = cluster("abc", workers=4)
    sessions = [pods.stored(pods.pods["abc"[number % 3]]) for number in range(20)]
    wires = [(session, wire) for session in sessions for wire in send_all(pods, session, 2)]
    for session, wire in wires:
        head = wire.read_response("POST")
        assert head.status == 200 and session in pods.pods[pod_of(head)].sessions
    for session in sessions:
        asked = pods.asked(session)
        assert sorted(asked.values())[-1] == 2 and asked.total() <= 4, asked
    assert pods.bound() == 20


@pytest.mark.parametrize("end", ["close", "reset"])
def test_when_the_one_that_searches_leaves_one_that_waits_takes_over(cluster, end):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    with held(a, session) as let_go:
        before = len(a.requests)
        [searching] = send_all(pods, session, 1)
        a.wait_request(before)
        waiting = send_all(pods, session, 3)
        pods.fence()
        getattr(searching, end)()
        a.wait_request(before + 1)
        let_go.set()
        for wire in waiting:
            assert pod_of(wire.read_response("POST")) == "b"
    assert pods.asked(session) == {"a": 2, "b": 3}
    assert pods.bound() == 1


def test_when_one_that_waits_leaves_the_others_are_answered(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    with held(a, session) as let_go:
        wires = send_all(pods, session, 4)
        pods.fence()
        wires.pop(2).close()
        wires.pop(1).reset()
        pods.fence()
        let_go.set()
        for wire in wires:
            assert pod_of(wire.read_response("POST")) == "b"
    assert pods.asked(session) == {"a": 1, "b": 2}


def test_when_all_leave_nothing_is_left_of_the_search(cluster):
    pods = cluster("ab", pool={"affinity": {"search": {"in_flight": 1}}})
    a, b = pods.pods.values()
    session, other = pods.stored(b, first=a), pods.stored(b, first=a)
    with held(a, session):
        for wire in reversed(send_all(pods, session, 3)):
            wire.close()
        pods.fence()
        answers = [pods.post(session=other).status for _ in range(2)]
        assert answers == [200, 200], "the only search that may be under way is free again"


def test_when_the_search_meets_an_error_the_others_search_for_themselves(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    error = threading.Event()
    answers = iter([500])

    def answer(request):
        if request.get("mcp-session-id") != session or not error.wait(DEADLINE):
            return None
        status = next(answers, None)
        return a.reply(status) if status else None

    a.answer = answer
    before = len(a.requests)
    first = send_all(pods, session, 1)
    a.wait_request(before)
    others = send_all(pods, session, 3)
    pods.fence()
    error.set()
    assert first[0].read_response("POST").status == 500
    assert [pod_of(wire.read_response("POST")) for wire in others] == ["b"] * 3


def test_those_that_wait_do_not_wait_for_the_rest_of_a_request_that_has_failed(ringside, upstreams):
    a, b = upstreams(), upstreams()
    proxy = ringside(a, b)
    searching, waiting = proxy.connect(), proxy.connect()
    searching.request("POST", "/mcp", {"Mcp-Session-Id": "s-1", "Content-Length": "10"})
    searching.send(b"01234")
    asked, served = accept_first(a, b)
    served.read_request_head()
    waiting.request("POST", "/mcp", {"Mcp-Session-Id": "s-1"}, LIST_TOOLS)
    served.close()
    expect_proxy_error(searching.read_response("POST"), 502)
    served = asked.accept()
    served.read_request()
    served.respond(200, body=b"{}")
    assert waiting.read_response("POST").status == 200
    searching.send(b"56789")
    searching.request("POST", "/mcp", {"Mcp-Session-Id": "s-1"}, LIST_TOOLS)
    served.read_request()
    served.respond(200, body=b"{}")
    assert searching.read_response("POST").status == 200


def test_when_the_search_cannot_ask_everybody_all_that_wait_are_told_to_try_again(cluster):
    pods = cluster("abc")
    a, b, c = pods.pods.values()
    session = pods.stored(b, first=a)
    with held(a, session) as let_go:
        wires = send_all(pods, session, 5)
        pods.fence()
        b.stop()
        let_go.set()
        for wire in wires:
            response = wire.read_response("POST")
            expect_proxy_error(response, 503)
            assert response.get("retry-after")
    assert pods.asked(session) == {"a": 1, "c": 1}


def test_a_pod_that_keeps_silent_is_at_work_and_those_that_wait_go_there(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(a, first=a)
    slow = threading.Event()

    def answer(request):
        if b"slow" in request.body:
            slow.wait(DEADLINE)
        return None

    a.answer = answer
    searching = pods.connect()
    searching.request("POST", "/mcp", fields_for(session, None), b'{"id":1,"method":"slow"}')
    pods.fence()
    wires = send_all(pods, session, 3)
    soon = within(5)
    for wire in wires:
        assert pod_of(wire.read_response("POST")) == "a"
    soon()
    searching.expect_silence()
    slow.set()
    assert pod_of(searching.read_response("POST")) == "a"
    assert pods.asked(session) == {"a": 4}
    assert pods.bound() == 1
    assert pods.attempts() == {"silent": 1}


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_pod_that_was_silent_and_then_refuses_was_not_the_owner(cluster, method):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    with held(a, session) as let_go:
        [slow, waiting] = send_all(pods, session, 1, method) + send_all(pods, session, 1)
        eventually(pods.bound, "a has been silent for a second and is taken for the owner")
        let_go.set()
        head = slow.read_response_head()
        assert (head.status, pod_of(head)) == (200, "b")
        other = waiting.read_response("POST")
    came_late = method == "DELETE" and other.status == 404
    assert came_late or pod_of(other) == "b"
    assert pods.asked(session)["a"] <= 2


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_search_goes_on_where_it_was_when_a_silent_pod_refuses(cluster, method):
    pods = cluster("abc")
    a, b, _ = pods.pods.values()
    session = pods.stored(a, first=a) if method == "DELETE" else pods.unknown()
    with held(b, session) as let_go:
        (wire,) = send_all(pods, session, 1, method)
        eventually(pods.bound, "b has been silent for a second and is taken for the owner")
        let_go.set()
        response = wire.read_response(method)
    if method == "DELETE":
        assert (response.status, pod_of(response)) == (200, "a")
    else:
        expect_proxy_error(response, 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}


def test_a_search_waits_for_a_slow_upload_without_calling_the_pod_silent(cluster):
    pods = cluster("ab", listener={"timeouts": {"request_body": "1500ms"}})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    wire = pods.connect()
    wire.request("POST", "/mcp", [*fields_for(session, None), ("Content-Length", "100")])
    response = wire.read_response("POST")
    expect_proxy_error(response, 408)
    assert pods.bound() == 0
    assert post(pods.wire, session=session).status == 200


def test_a_shutdown_ends_a_search_and_those_that_wait_for_it(cluster):
    pods = cluster("ab", workers=2, shutdown={"deadline": "300ms"})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    with held(a, session):
        before = len(a.requests)
        wires = send_all(pods, session, 6)
        a.wait_request(before)
        pods.proxy.signal()
        assert pods.proxy.wait_exit() == 0
        for wire in wires:
            wire.expect_close()


def test_a_client_that_closes_after_each_request_is_answered_too(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    for version in ("HTTP/1.1\r\nConnection: close", "HTTP/1.0"):
        session = pods.stored(b, first=a)
        wire = pods.connect()
        wire.send(
            f"POST /mcp {version}\r\nHost: a\r\nMcp-Session-Id: {session}\r\n"
            f"Content-Length: {len(LIST_TOOLS)}\r\n\r\n"
        )
        wire.send(LIST_TOOLS)
        response = wire.read_response("POST")
        assert (response.status, pod_of(response)) == (200, "b")
        wire.expect_close()
