"""Answers that come when another request of the session has changed what is known of it."""

import threading

import pytest

from harness.cluster import Cluster
from harness.deadlines import DEADLINE
from harness.mcp import INITIALIZED, fields_for, pod_of, rpc
from harness.pod import Pod
from harness.revival import CALL, forget, handshakes, method_of, open_session, revived, reviving
from harness.wire import Message, Wire

UNKNOWN = reviving(revive={"unknown": True})
NOTIFICATION = rpc("notifications/cancelled", None, requestId=1)


class Held:
    """The first request of this JSON-RPC or HTTP method waits at a pod, until it is let go."""

    def __init__(self, pod: Pod, method: str, answer: bytes | None = None) -> None:
        self._wanted = method
        self._reply = answer
        self._here = threading.Event()
        self._go = threading.Event()
        pod.answer = self._answer

    def _answer(self, request: Message) -> bytes | None:
        if self._wanted not in (request.method, method_of(request)) or self._here.is_set():
            return None
        self._here.set()
        assert self._go.wait(DEADLINE)
        return self._reply

    def wait(self) -> None:
        assert self._here.wait(DEADLINE)

    def let_go(self) -> None:
        self._go.set()


def begin(pods: Cluster, session: str, method: str = "POST", body: bytes | None = CALL) -> Wire:
    wire = pods.connect()
    wire.request(method, "/mcp", fields_for(session, None), body if method == "POST" else None)
    return wire


def bind_provisionally(pods: Cluster, session: str, pod: Pod) -> None:
    """This pod takes a notification for any id."""
    pod.answer = lambda request: pod.reply(202)
    assert pods.post(INITIALIZED, session).status == 202
    pod.answer = None


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_refusal_by_a_provisional_owner_does_not_end_the_session_that_was_revived_since(
    cluster, names, method
):
    pods = cluster(names, pool=UNKNOWN, workers=2)
    a = pods.pods["a"]
    for _ in range(64):  # until it is a that it is revived on
        session = pods.unknown()
        bind_provisionally(pods, session, a)
        held = "tools/call" if method == "POST" else method
        late = Held(a, held, a.error(404, -32001, "Session not found"))
        wire = begin(pods, session, method)
        late.wait()
        before = handshakes(pods)
        response = pods.post(CALL, session)  # refused, searched for, revived
        late.let_go()
        head = wire.read_response_head()
        assert (response.status, head.status, handshakes(pods)) == (200, 200, before + 1)
        assert pod_of(head) == pod_of(response)
        if pod_of(head) == "a":
            return
    raise AssertionError("64 sessions were revived on b")


def test_a_late_refusal_of_what_cannot_be_revived_is_answered(cluster):
    pods = cluster("ab", pool=UNKNOWN, workers=1)
    a, b = pods.pods.values()
    session = pods.stored(b, first=a)
    bind_provisionally(pods, session, a)
    late = Held(a, "notifications/cancelled", a.error(404, -32001, "Session not found"))
    wire = begin(pods, session, body=NOTIFICATION)
    late.wait()
    assert pod_of(pods.post(CALL, session)) == "b"
    b.sessions.clear()
    assert pods.post(NOTIFICATION, session).status == 404
    late.let_go()
    assert wire.read_response().status == 404


def test_a_refusal_leads_to_the_owner_that_was_found_meanwhile(cluster):
    pods = cluster("abc", workers=2)
    a, b, c = pods.pods.values()
    c.answer = lambda request: c.reply(200) if request.method == "GET" else None  # any id's
    for _ in range(64):  # until it is c that is asked before b
        session = pods.stored(b, first=a)
        bind_provisionally(pods, session, a)
        late = Held(a, "GET")
        wire = begin(pods, session, "GET")
        late.wait()
        assert pod_of(pods.post(CALL, session)) == "b"
        late.let_go()
        assert pod_of(wire.read_response_head()) == "b"
        if pods.asked(session)["c"] == 1:
            return
    raise AssertionError("b comes before c for each of 64 ids")


def test_a_session_that_is_deleted_while_it_is_revived_stays_deleted(cluster):
    pods = cluster("a", pool=reviving(), workers=2)
    (a,) = pods.pods.values()
    session = open_session(pods).id
    forget(pods)
    handshake = Held(a, "initialize")
    wire = begin(pods, session)
    handshake.wait()
    assert pods.send("DELETE", session).status == 404
    handshake.let_go()
    assert wire.read_response().status == 404
    assert pods.post(CALL, session).status == 404
    assert (revived(pods), pods.bound()) == (0, 0)


@pytest.mark.parametrize("call_ends", ["first", "last"])
def test_a_session_that_is_deleted_while_a_call_is_under_way_stays_deleted(cluster, call_ends):
    pods = cluster("ab", pool=UNKNOWN, workers=2)
    a, b = pods.pods.values()
    session = pods.stored(b, first=b)
    bind_provisionally(pods, session, b)
    call = Held(b, "tools/call", b.reply(200, {"jsonrpc": "2.0", "id": 7, "result": {}}))
    calling = begin(pods, session)
    call.wait()
    delete = Held(a, "DELETE")  # b has said 200 to it when a is asked
    deleting = begin(pods, session, "DELETE")
    delete.wait()
    ends = [(call, calling, "POST"), (delete, deleting, "DELETE")]
    for held, wire, method in ends if call_ends == "first" else reversed(ends):
        held.let_go()
        assert wire.read_response(method).status == 200
    assert pods.post(CALL, session).status == 404
    assert (revived(pods), handshakes(pods), pods.bound()) == (0, 0, 0)


def test_a_session_that_was_moved_is_not_revived_for_the_owner_it_had(cluster):
    pods = cluster("ab", pool=reviving(), workers=2)
    session = open_session(pods)
    (other,) = pods.others(session.owner)
    gone = session.owner.error(404, -32001, "Session not found")
    late = Held(session.owner, "tools/call", gone)
    wire = begin(pods, session.id)
    late.wait()
    other.sessions.add(session.id)
    pods.move(session.id, other)
    late.let_go()
    response = wire.read_response()
    assert (response.status, pod_of(response)) == (200, other.name)
    assert (revived(pods), handshakes(pods)) == (0, 1)
