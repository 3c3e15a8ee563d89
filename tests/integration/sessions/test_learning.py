"""A session is learned from the head of the answer that issues it, and from nothing else."""

import threading
import uuid

import pytest

from harness.deadlines import DEADLINE
from harness.mcp import INITIALIZE, INITIALIZED, LIST_TOOLS, initialize, pod_of, post, rpc
from harness.upstream import asked
from harness.wire import encode


def test_case_01_the_answer_to_initialize_arrives_as_sent_and_its_session_is_bound(
    trusting, upstream
):
    proxy = trusting(upstream)
    client, served = asked(proxy, upstream, "POST", "/mcp", body=INITIALIZE)
    fields = [("mcp-session-id", "S-1"), ("Content-Type", "text/event-stream"), ("x-last", "1")]
    served.send(encode("HTTP/1.1 200 Very OK", [*fields, ("Transfer-Encoding", "chunked")]))
    head = client.read_response_head()
    assert head.start == "HTTP/1.1 200 Very OK"
    assert [pair for pair in head.fields if pair in fields] == fields
    assert proxy.metrics().sum("ringside_sessions", pool="pods") == 1
    assert proxy.metrics().sum("ringside_sessions_learned_total") == 1


def test_case_02_a_session_is_learned_while_the_answer_that_issues_it_is_still_open(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.init_as_stream = True
    opening = pods.connect()
    opening.request("POST", "/mcp", {"X-Forwarded-For": "10.1.1.1"}, INITIALIZE)
    head = opening.read_response_head()
    response = pods.post(session=head.get("mcp-session-id"), client="10.2.2.2")
    assert pod_of(response) == pod_of(head)


def test_case_03_a_session_issued_in_a_json_answer_is_learned(cluster):
    pods = cluster()
    session = pods.session()
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_case_04_a_session_is_the_same_from_any_client_address(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    answered = {pod_of(pods.post(session=session.id, client=f"10.9.0.{n}")) for n in range(30)}
    assert answered == {session.owner.name}


@pytest.mark.parametrize(
    "body", [INITIALIZED, b'{"jsonrpc":"2.0","id":1,"result":{}}'], ids=["notification", "response"]
)
def test_case_05_a_notification_or_response_goes_to_the_owner_and_its_202_comes_back(cluster, body):
    pods = cluster()
    session = pods.session("10.0.0.1")
    response = pods.post(body, session.id, client="10.0.0.2")
    assert (response.status, response.body, pod_of(response)) == (202, b"", session.owner.name)
    assert session.owner.requests[-1].body == body


def test_case_06_a_get_with_a_session_opens_its_stream_at_the_owner_at_once(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    client = pods.connect()
    fields = {
        "Accept": "text/event-stream",
        "Mcp-Session-Id": session.id,
        "X-Forwarded-For": "10.0.0.2",
    }
    client.request("GET", "/mcp", fields)
    head = client.read_response_head()
    assert (head.status, pod_of(head)) == (200, session.owner.name)
    session.owner.wait_stream().send("data: hello\n\n")
    assert client.body_of(head).event() == b"data: hello\n\n"


def test_case_15_without_an_id_in_the_answer_nothing_is_bound_and_the_client_keeps_its_pod(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(
            200, {"jsonrpc": "2.0", "id": 1, "result": {}}
        )
    for number in range(10):
        client = f"10.0.0.{number}"
        first = pod_of(pods.post(INITIALIZE, client=client))
        assert {pod_of(pods.post(client=client)) for _ in range(3)} == {first}
    assert pods.bound() == 0


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_case_16_an_id_on_an_error_is_passed_on_and_not_learned(cluster, status):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(
            status, -32600, "Bad Request: Missing session ID", [("mcp-session-id", "throwaway")]
        )
    response = pods.post()
    assert (response.status, response.get("mcp-session-id")) == (status, "throwaway")
    assert b"Missing session ID" in response.body
    assert pods.bound() == 0


@pytest.mark.parametrize("status", [400, 404, 422])
def test_case_17_a_request_without_an_id_gets_the_pods_own_refusal(cluster, status):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(status, -32000, "no id, no service")
    response = pods.post()
    assert response.status == status
    assert (
        response.body
        == pods.pods[pod_of(response)]
        .error(status, -32000, "no id, no service")
        .split(b"\r\n\r\n")[1]
    )
    assert pods.bound() == 0


def test_a_202_that_carries_an_id_teaches_nothing(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(202, b"", [("mcp-session-id", "from-202")])
    assert pods.post(INITIALIZED).status == 202
    assert pods.bound() == 0


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_the_answer_to_a_post_teaches(cluster, method):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(
            200, b"", [("mcp-session-id", "not-to-learn")]
        )
    assert pods.send(method).status == 200
    assert pods.bound() == 0


@pytest.mark.parametrize(
    "bad", ["two words", "caf\u00e9", ""], ids=["a space", "not ASCII", "empty"]
)
def test_an_invalid_id_is_passed_on_and_not_learned(cluster, bad):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {}, [("mcp-session-id", bad)])
    assert pods.post(INITIALIZE).get("mcp-session-id") == bad
    assert pods.bound() == 0


def test_two_ids_in_one_answer_teach_nothing(cluster):
    pods = cluster()
    ids = [("mcp-session-id", "one"), ("Mcp-Session-Id", "two")]
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {}, ids)
    assert pods.post(INITIALIZE).status == 200
    assert pods.bound() == 0


def test_case_18_a_new_id_in_the_answer_to_a_bound_request_is_bound_beside_the_old(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.sessions.add("renewed")
    session.owner.answer = lambda request: session.owner.reply(
        200, {}, [("mcp-session-id", "renewed")]
    )
    assert pods.post(session=session.id).get("mcp-session-id") == "renewed"
    session.owner.answer = None
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name
    assert pod_of(pods.post(session="renewed", client="10.0.0.9")) == session.owner.name
    assert pods.bound() == 2


def test_case_18_an_id_that_another_live_pod_owns_stays_there(cluster):
    pods = cluster()
    mine, theirs = pods.sessions_apart()
    before = pods.bound()
    mine.owner.answer = lambda request: mine.owner.reply(200, {}, [("mcp-session-id", theirs.id)])
    assert pods.post(session=mine.id).get("mcp-session-id") == theirs.id
    mine.owner.answer = None
    assert pod_of(pods.post(session=theirs.id)) == theirs.owner.name
    assert pods.bound() == before


def test_case_19_two_handshakes_at_once_from_one_client_make_two_sessions(cluster):
    pods = cluster()
    meeting = threading.Barrier(2, timeout=DEADLINE)  # neither is answered before both have arrived

    def meet_and_mint() -> str:
        meeting.wait()
        return str(uuid.uuid4())

    for pod in pods.pods.values():
        pod.mint = meet_and_mint
    wires = pods.connect(), pods.connect()
    for wire in wires:
        wire.request("POST", "/mcp", {"X-Forwarded-For": "10.0.0.1"}, INITIALIZE)
    answers = [wire.read_response() for wire in wires]
    assert len({answer.get("mcp-session-id") for answer in answers}) == 2
    for answer in answers:
        assert pod_of(pods.post(session=answer.get("mcp-session-id"))) == pod_of(answer)


@pytest.mark.parametrize("style", ["same id", "error in 200", "400"])
def test_case_27_initialize_with_a_live_id_goes_to_its_owner_and_changes_nothing(cluster, style):
    pods = cluster()
    session = pods.session("10.0.0.1")
    owner = session.owner
    answers = {
        "same id": owner.reply(200, {}, [("mcp-session-id", session.id)]),
        "error in 200": owner.reply(200, {"error": {"code": 0, "message": "duplicate"}}),
        "400": owner.error(400, -32600, "Invalid Request: Server already initialized"),
    }
    owner.answer = lambda request: answers[style]
    response = pods.post(INITIALIZE, session.id, client="10.0.0.2")
    assert pod_of(response) == owner.name
    assert response.body == answers[style].split(b"\r\n\r\n", 1)[1]
    owner.answer = None
    assert pod_of(pods.post(session=session.id)) == owner.name
    assert pods.bound() == 1


def test_case_27_a_new_id_in_the_answer_to_initialize_with_an_id_is_bound_to_the_owner(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    owner = session.owner
    owner.sessions.add("second")
    owner.answer = lambda request: owner.reply(200, {}, [("mcp-session-id", "second")])
    assert pods.post(INITIALIZE, session.id).get("mcp-session-id") == "second"
    owner.answer = None
    assert pod_of(pods.post(session="second", client="10.0.0.2")) == owner.name


def test_fifty_sessions_each_stay_on_their_own_pod(cluster):
    pods = cluster()
    sessions = [pods.session(f"10.0.{n}.1") for n in range(50)]
    assert {session.owner.name for session in sessions} == {"a", "b", "c"}
    for _ in range(3):
        for number, session in enumerate(sessions):
            response = pods.post(session=session.id, client=f"10.7.7.{number}")
            assert pod_of(response) == session.owner.name
    assert pods.bound() == 50


def test_case_55_a_batch_goes_to_the_owner_as_it_is_and_its_answer_comes_back(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    batch = b"[" + rpc("tools/list", 7) + b", " + rpc("ping", 8) + b"]"
    response = pods.post(batch, session.id, client="10.0.0.2")
    assert pod_of(response) == session.owner.name
    assert session.owner.requests[-1].body == batch
    assert b'"id": 7' in response.body and b'"id": 8' in response.body


def test_a_session_opened_by_one_connection_lives_when_that_connection_closes(cluster):
    pods = cluster()
    wire = pods.connect()
    session = initialize(wire, "10.0.0.1")
    owner = pod_of(post(wire, LIST_TOOLS, session))
    wire.close()
    assert pod_of(pods.post(session=session, client="10.0.0.5")) == owner
