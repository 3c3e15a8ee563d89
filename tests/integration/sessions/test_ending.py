"""When a session is over: its owner says so, its client ends it, or nobody has used it for long."""

import pytest

from harness.deadlines import eventually
from harness.mcp import expect_proxy_error, initialize, modern, pod_of, rpc

SEARCHED = {"ring", "recovery"}  # no binding decided: the first pod asked was the owner, or another


@pytest.mark.parametrize("status", [200, 202, 204])
def test_case_20_a_delete_that_succeeds_ends_the_session(cluster, status):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.answer = lambda request: (
        f"HTTP/1.1 {status} Done\r\nx-pod: {session.owner.name}\r\n".encode()
        + (b"\r\n" if status == 204 else b"Content-Length: 0\r\n\r\n")
    )
    response = pods.send("DELETE", session.id)
    assert (response.status, pod_of(response)) == (status, session.owner.name)
    assert pods.bound() == 0
    session.owner.answer = None
    session.owner.sessions.discard(session.id)
    assert pods.post(session=session.id).status == 404


def test_case_21_a_delete_that_is_not_allowed_changes_nothing(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.answer = lambda request: session.owner.reply(405, b"", [("Allow", "POST, GET")])
    assert pods.send("DELETE", session.id).status == 405
    session.owner.answer = None
    assert pod_of(pods.post(session=session.id)) == session.owner.name
    assert pods.bound() == 1


def test_case_22_a_delete_of_what_the_owner_does_not_know_ends_the_binding(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.sessions.clear()
    response = pods.send("DELETE", session.id)
    assert response.status == 404 and pod_of(response) == session.owner.name
    assert pods.bound() == 0


def test_case_24_the_owners_404_is_passed_on_and_ends_the_binding(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.sessions.clear()
    before = {pod.name: len(pod.requests) for pod in pods.others(session.owner)}
    response = pods.post(session=session.id)
    assert response.status == 404 and pod_of(response) == session.owner.name
    assert b"Session not found" in response.body
    assert pods.bound() == 0
    assert {pod.name: len(pod.requests) for pod in pods.others(session.owner)} == before
    assert pods.proxy.metrics().sum("ringside_sessions_lost_total", pool="pods") == 1


def test_case_25_the_404_of_the_stateless_era_says_nothing_about_sessions(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    owner = session.owner
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(404, -32601, "Method not found")
    response = pods.post(rpc("no/such"), session.id, fields=modern("no/such"))
    assert response.status == 404 and b"-32601" in response.body
    for pod in pods.pods.values():
        pod.answer = None
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == owner.name
    assert pods.bound() == 1


@pytest.mark.parametrize(
    "code, message",
    [(-32602, "Invalid params"), (-32600, "Invalid Request"), (-32700, "Parse error")],
)
def test_case_26_an_ordinary_400_does_not_end_a_session(cluster, code, message):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.answer = lambda request: session.owner.error(400, code, message)
    response = pods.post(session=session.id)
    assert response.status == 400 and message.encode() in response.body
    session.owner.answer = None
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name
    assert pods.bound() == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429, 409, 403])
def test_no_other_error_of_the_owner_ends_a_session(cluster, status):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.answer = lambda request: session.owner.reply(status, b"busy")
    response = pods.post(session=session.id)
    assert (response.status, response.body) == (status, b"busy")
    session.owner.answer = None
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name


def test_a_405_to_a_get_does_not_end_a_session(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.answer = lambda request: session.owner.reply(405)
    assert pods.send("GET", session.id).status == 405
    session.owner.answer = None
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_case_28_after_a_404_the_client_starts_anew_and_the_old_id_stays_lost(cluster):
    pods = cluster()
    old = pods.session("10.0.0.1")
    old.owner.sessions.clear()
    assert pods.post(session=old.id).status == 404
    new = pods.session("10.0.0.1")
    assert new.id != old.id
    assert pod_of(pods.post(session=new.id, client="10.0.0.9")) == new.owner.name
    assert pods.post(session=old.id).status == 404


def test_an_idle_session_expires(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "300ms"}})
    pods.session("10.0.0.1")
    eventually(lambda: pods.bound() == 0, "the session expires")


def test_a_session_in_use_does_not_expire(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "1s"}})
    idle = pods.session("10.0.0.1")
    used = pods.session("10.0.0.2")

    def idle_is_gone() -> bool:
        assert pod_of(pods.post(session=used.id, client="10.3.3.3")) == used.owner.name
        return pods.bound() == 1

    eventually(idle_is_gone, "only the session in use is left")
    assert pods.picked_by(used.id) == "binding"
    assert pods.picked_by(idle.id) in SEARCHED


def test_case_52_a_session_with_an_open_stream_does_not_expire(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "300ms"}})
    streaming = pods.session("10.0.0.1")
    reader = pods.connect()
    reader.request("GET", "/mcp", {"Accept": "text/event-stream", "Mcp-Session-Id": streaming.id})
    reader.read_response_head()
    pods.session("10.0.0.2")
    eventually(lambda: pods.bound() == 1, "the idle session expires")
    assert pods.picked_by(streaming.id) == "binding"


def test_case_53_a_full_table_lets_the_least_recently_used_go_and_counts_it(cluster):
    pods = cluster(pool={"affinity": {"max_sessions": 100}})
    streaming = pods.session("10.0.0.1")
    reader = pods.connect()
    reader.request("GET", "/mcp", {"Accept": "text/event-stream", "Mcp-Session-Id": streaming.id})
    reader.read_response_head()
    oldest = pods.session("10.0.0.2")
    for number in range(300):
        newest = initialize(pods.wire, f"10.1.{number // 250}.{number % 250}")
    assert pods.bound() <= 100
    assert pods.proxy.metrics().sum("ringside_sessions_evicted_total") >= 202
    assert pods.picked_by(newest) == "binding"
    assert (
        pods.picked_by(streaming.id) == "binding"
    ), "a session with an open stream is never evicted"
    assert pods.picked_by(oldest.id) in SEARCHED


def test_a_lost_session_is_refused_in_the_protocols_words(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.sessions.clear()
    pods.post(session=session.id)
    response = pods.post(session=session.id)
    if response.get("server") == "ringside":
        expect_proxy_error(response, 404, -32001)
    else:
        assert response.status == 404
