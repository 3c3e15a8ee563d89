"""A session that the proxy has never seen: its owner is found by asking one pod after another."""

import json
from collections import Counter

import pytest

from harness.deadlines import eventually
from harness.mcp import INITIALIZED, expect_proxy_error, modern, pod_of, rpc


def test_case_29_the_owner_is_found_wherever_it_is_and_asked_at_once_from_then_on(cluster):
    pods = cluster("abcde")
    for owner in pods.pods.values():
        session = pods.stored(owner)
        assert pod_of(pods.post(session=session)) == owner.name
        asked = pods.asked(session)
        assert asked[owner.name] == 1 and set(asked.values()) == {1}, asked
        for number in range(3):
            assert pod_of(pods.post(session=session, client=f"10.0.0.{number}")) == owner.name
        assert pods.asked(session) == asked + Counter({owner.name: 3})
    assert pods.bound() == 5
    assert pods.proxy.metrics().sum("ringside_sessions_learned_total") == 5


def test_case_29_the_owner_gets_the_request_as_the_client_sent_it(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    body = rpc("tools/call", 7, text="\u00e4" * 1000)
    assert pods.post(body, session, fields={"X-Trace": "t-1"}).status == 200
    refused, served = a.requests[-1], b.requests[-1]
    assert served.body == refused.body == body
    assert served.fields == refused.fields
    assert served.get("x-trace") == "t-1" and served.start == "POST /mcp HTTP/1.1"


def test_case_30_nobody_knows_the_session(cluster):
    pods = cluster()
    session = pods.unknown()
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    for _ in range(5):
        expect_proxy_error(pods.post(session=session), 404, -32001)
        expect_proxy_error(pods.send("GET", session), 404, -32001)
        expect_proxy_error(pods.send("DELETE", session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    assert pods.bound() == 0


def test_case_30_what_nobody_knew_is_searched_for_again_when_it_is_no_longer_remembered(cluster):
    pods = cluster(pool={"affinity": {"search": {"remember": "200ms"}}})
    session = pods.unknown()
    assert pods.post(session=session).status == 404
    pods.pods["b"].sessions.add(session)
    assert eventually(lambda: pods.post(session=session).status == 200, "it is searched for again")


def test_case_30_with_no_remembering_every_request_searches(cluster):
    pods = cluster(pool={"affinity": {"search": {"remember": "0s"}}})
    session = pods.unknown()
    for number in range(1, 4):
        expect_proxy_error(pods.post(session=session), 404, -32001)
        assert pods.asked(session) == {"a": number, "b": number, "c": number}


def test_case_30_a_pod_that_could_not_be_asked_may_be_the_owner(cluster):
    pods = cluster()
    owner = pods.pods["b"]
    session = pods.stored(owner)
    owner.stop()
    for _ in range(2):
        response = pods.post(session=session)
        expect_proxy_error(response, 503)
        assert int(response.get("retry-after")) >= 1
    owner.start()
    assert pod_of(pods.post(session=session)) == "b", "nothing was remembered"


def test_case_30_a_pod_that_has_refused_for_owner_grace_counts_as_asked(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "300ms"}})
    pods.pods["b"].stop()
    expect_proxy_error(pods.post(session=pods.unknown()), 503)

    def is_certain() -> bool:
        response = pods.post(session=pods.unknown())
        if response.status == 503:
            return False
        expect_proxy_error(response, 404, -32001)
        return True

    eventually(is_certain, "b is dead, so nobody knows the session")


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_case_49_while_all_pods_are_down_no_session_is_said_to_be_lost(cluster, method):
    pods = cluster()
    session = pods.stored(pods.pods["a"])
    for pod in pods.pods.values():
        pod.stop()
    response = pods.post(session=session) if method == "POST" else pods.send(method, session)
    expect_proxy_error(response, 503)
    assert response.get("retry-after")
    for pod in pods.pods.values():
        pod.start()
    assert pod_of(pods.post(session=session)) == "a"


FORMS = [
    {"jsonrpc": "2.0", "error": {"code": -32000, "message": m}, "id": None}
    for m in ("Bad Request: No valid session ID provided", "Server not initialized")
] + [
    {"id": "server-error", "error": {"message": "Invalid or missing session ID", "data": {}}},
    {"error": "Session not found"},
    b"Invalid session ID",
    b"Bad Request: Session ID not found",
    b"\r\n No transport found for sessionId",
    b"SESSION TERMINATED",
    b"Session has been terminated" + b" " * 2000,
]


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_case_31_a_400_in_a_known_form_means_not_mine(cluster, form):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(400, form)
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.asked(session) == {"a": 1, "b": 1}


def test_case_31_nobody_knows_the_session_whatever_the_form(cluster):
    pods = cluster()
    session = pods.unknown()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(400, b"No valid session ID provided")
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "form", [b"room is CLOSED now", {"error": {"message": "Room is closed"}}], ids=["text", "json"]
)
def test_case_31_a_configured_form_means_not_mine(cluster, form):
    pods = cluster("ab", pool={"affinity": {"search": {"unknown_forms": ["Room is closed"]}}})
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(400, form)
    assert pod_of(pods.post(session=session)) == "b"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Bad Request: Unsupported protocol version",
        b'{"error":{"code":-32602,"message":"Invalid params: session not found"}}',
        b'{"error":{"message":"Parse error","data":"No valid session ID provided"}}',
        b"the " + b"x" * 100_000,
    ],
    ids=["empty", "text", "message", "data", "long"],
)
def test_case_26_any_other_400_is_an_answer_and_is_passed_on(cluster, body):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(400, body)
    response = pods.post(session=session)
    assert (response.status, response.body, pod_of(response)) == (400, body, "a")
    assert pods.asked(session) == {"a": 1}
    assert pods.bound() == 0
    a.answer = None
    assert pod_of(pods.post(session=session)) == "b", "it was not the owner's for all that"


@pytest.mark.parametrize(
    "method, status",
    [("POST", status) for status in (401, 403, 405, 409, 422, 429, 500, 503)]
    + [("GET", status) for status in (401, 403, 406, 500)],
)
def test_any_other_error_ends_the_search_and_binds_nothing(cluster, method, status):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(status, b"no", [("X-Why", "w")])
    response = pods.post(session=session) if method == "POST" else pods.send(method, session)
    assert (response.status, response.body, response.get("x-why")) == (status, b"no", "w")
    assert pods.asked(session) == {"a": 1}
    assert pods.bound() == 0
    a.answer = None
    assert pod_of(pods.post(session=session)) == "b"


def test_case_25_the_stateless_era_is_never_searched_for(cluster):
    pods = cluster()
    session = pods.unknown()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(404, -32601, "Method not found")
    response = pods.post(rpc("no/such"), session, fields=modern("no/such"))
    assert response.status == 404 and json.loads(response.body)["error"]["code"] == -32601
    assert pods.asked(session).total() == 1


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "HEAD"])
def test_other_methods_are_never_searched_for(cluster, method):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    response = pods.send(method, session)
    assert (response.status, pod_of(response)) == (404, "a")
    assert all(request.method != method for request in b.requests) or method == "OPTIONS"
    assert pod_of(pods.post(session=session)) == "b", "and their 404 is no refusal"


@pytest.mark.parametrize("end", ["close", "half an answer"])
def test_case_51_a_pod_that_was_asked_and_broke_off_is_a_502_and_nobody_else_is_asked(cluster, end):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)

    def die(request):
        if end == "close":
            raise OSError("the process is killed")
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\n"

    a.answer = die
    expect_proxy_error(pods.post(session=session), 502)
    assert pods.asked(session) == {"a": 1}
    assert pods.bound() == 0
    a.answer = None
    assert pod_of(pods.post(session=session)) == "b"


def test_case_24_the_404_of_an_owner_that_was_found_is_passed_on(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    assert pods.post(session=session).status == 200
    b.sessions.clear()
    response = pods.post(session=session)
    assert response.status == 404 and pod_of(response) == "b"
    assert pods.asked(session) == {"a": 1, "b": 2}
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 2}


def test_a_202_does_not_prove_who_the_owner_is(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(202)  # mcp-go takes any notification
    assert pod_of(pods.post(INITIALIZED, session)) == "a"
    assert pods.bound() == 1
    a.answer = None
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.asked(session) == {"a": 2, "b": 1}
    assert pods.bound() == 1
    assert pod_of(pods.post(session=session)) == "b"
    assert pods.asked(session) == {"a": 2, "b": 2}
    assert pods.proxy.metrics().sum("ringside_sessions_lost_total") == 0


def test_a_202_of_the_only_pod_does_not_hide_that_it_knows_nothing(cluster):
    pods = cluster("a")
    session = pods.unknown()
    pods.pods["a"].answer = lambda request: (
        pods.pods["a"].reply(202) if request.body == INITIALIZED else None
    )
    assert pods.post(INITIALIZED, session).status == 202
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert pods.asked(session) == {"a": 2}
    assert pods.bound() == 0


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_get_or_delete_that_the_202_sent_to_the_wrong_pod_goes_on_searching(cluster, method):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    a.answer = lambda request: a.reply(202)
    assert pod_of(pods.post(INITIALIZED, session)) == "a"
    a.answer = None
    pods.wire.request(method, "/mcp", {"Mcp-Session-Id": session, "Accept": "text/event-stream"})
    head = pods.wire.read_response_head()
    assert (head.status, pod_of(head)) == (200, "b")


def test_a_later_200_makes_the_binding_firm(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    session = pods.stored(a, first=a)
    assert pods.post(INITIALIZED, session).status == 202
    assert pods.post(session=session).status == 200
    a.sessions.clear()
    assert pod_of(pods.post(session=session)) == "a", "the owner's 404 is passed on"
    assert pods.asked(session) == {"a": 3}
