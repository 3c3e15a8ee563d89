"""GET for a session that the proxy has never seen: after a restart it often comes first."""

import threading

import pytest

from harness.deadlines import DEADLINE
from harness.mcp import expect_proxy_error, fields_for, pod_of


def open_stream(pods, session, fields=()):
    wire = pods.connect()
    wire.request("GET", "/mcp", fields_for(session, None, fields))
    head = wire.read_response_head()
    return wire, head, wire.body_of(head)


@pytest.mark.parametrize("refusal", [404, 405, 400])
def test_case_32_a_resuming_get_finds_its_owner(cluster, refusal):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(refusal, b"Invalid or missing session ID")
    _, head, body = open_stream(pods, session, {"Last-Event-ID": "e-7"})
    assert (head.status, pod_of(head)) == (200, "b")
    b.wait_stream().send("id: e-8\ndata: x\n\n")
    assert body.event() == b"id: e-8\ndata: x\n\n"
    assert b.requests[-1].get("last-event-id") == "e-7"
    assert pods.bound() == 1
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.asked(session) == {"a": 1, "b": 2}


def test_case_32_a_409_names_the_owner_and_is_passed_on(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    b.answer = lambda request: b.error(409, -32000, "Conflict: Only one SSE stream is allowed")
    response = pods.send("GET", session)
    assert (response.status, pod_of(response)) == (409, "b") and b"Only one" in response.body
    assert pods.bound() == 1
    b.answer = lambda request: b.error(404, -32001, "Session not found")
    assert pod_of(pods.post(session=session)) == "b", "firmly: this 404 is the owner's own"


def test_case_32_a_200_to_a_get_is_provisional(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(200) if request.method == "GET" else None  # as mcp-go
    assert pod_of(pods.send("GET", session)) == "a"
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.asked(session) == {"a": 2, "b": 1}
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.asked(session) == {"a": 2, "b": 2}
    assert pods.bound() == 1


def test_case_32_an_open_stream_on_the_wrong_pod_does_not_hold_the_session_there(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.sessions.add(session)
    wire, head, _ = open_stream(pods, session)
    assert pod_of(head) == "a"
    a.sessions.discard(session)
    assert pod_of(pods.post(session=session)) == "b"
    assert pod_of(pods.post(session=session)) == "b"
    wire.close()
    a.wait_stream().expect_left()
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.bound() == 1


def test_case_85_a_405_from_some_is_not_mine(cluster):
    pods = cluster()
    a, b, c = pods.pods.values()
    session = pods.stored(c)
    for pod in (a, b):
        pod.answer = lambda request, pod=pod: pod.reply(405, b"", [("Allow", "POST")])
    _, head, _ = open_stream(pods, session)
    assert (head.status, pod_of(head)) == (200, "c")
    assert set(pods.asked(session).values()) == {1}
    assert pods.bound() == 1


def test_case_85_a_405_from_all_is_passed_on_and_proves_nothing(cluster):
    pods = cluster()
    owner = pods.pods["b"]
    session = pods.stored(owner)
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: (
            pod.reply(405, b"no stream", [("Allow", "POST")]) if request.method == "GET" else None
        )
    for _ in range(2):
        response = pods.send("GET", session)
        assert (response.status, response.body) == (405, b"no stream")
        assert response.get("allow") == "POST"
        assert pod_of(response)
    assert pods.bound() == 0
    assert pods.asked(session) == {"a": 2, "b": 2, "c": 2}
    assert pod_of(pods.post(session=session)) == "b", "no tombstone"


def test_case_85_a_405_of_one_says_nothing_so_the_404_of_the_others_is_no_proof(cluster):
    pods = cluster()
    owner = pods.pods["b"]  # it lives, and has no streams
    session = pods.stored(owner)
    owner.answer = lambda request: owner.reply(405) if request.method == "GET" else None
    response = pods.send("GET", session)
    assert (response.status, pod_of(response)) == (405, "b")
    assert pod_of(pods.post(session=session)) == "b"


def test_nobody_opens_a_stream_for_what_nobody_knows(cluster):
    pods = cluster()
    session = pods.unknown()
    expect_proxy_error(pods.send("GET", session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}


def test_case_95_a_get_without_a_head_stays_where_it_is_until_the_first_event(cluster):
    pods = cluster("ab", pool={"timeouts": {"response_head": "900ms"}})
    a, b = pods.pods.values()
    session = pods.stored(a, first=a)
    first_event = threading.Event()
    a.answer = lambda request: (
        first_event.wait(DEADLINE) and None if request.method == "GET" else None
    )
    wire = pods.connect()
    wire.request("GET", "/mcp", fields_for(session, None))
    a.wait_request(1 if a.requests[0].method == "OPTIONS" else 0)
    # the session can be used when the silence has told enough; long past response_head
    assert pod_of(pods.post(session=session)) == "a"
    wire.expect_silence()
    first_event.set()
    head = wire.read_response_head()
    assert (head.status, pod_of(head)) == (200, "a")
    assert pods.asked(session) == {"a": 2}
