"""A connection belongs to no session: every request on it is routed on its own."""

import threading

from harness.deadlines import DEADLINE
from harness.mcp import LIST_TOOLS, fields_for, modern, pod_of
from harness.wire import encode


def request_of(session: str, **more: str) -> bytes:
    fields = [("Host", "a"), *fields_for(session, None, more)]
    return encode("POST /mcp HTTP/1.1", fields, LIST_TOOLS)


def test_case_79_one_connection_carries_sessions_of_two_pods_and_a_modern_request(cluster):
    pods = cluster()
    first, second = pods.sessions_apart()
    wire = pods.connect()
    for session in (first, second, first, second):
        wire.send(request_of(session.id))
        assert pod_of(wire.read_response("POST")) == session.owner.name
    wire.send(request_of(first.id, **modern()))
    assert wire.read_response("POST").status == 200
    wire.send(request_of(second.id))
    assert pod_of(wire.read_response("POST")) == second.owner.name


def test_case_79_pipelined_requests_of_two_pods_are_answered_in_order(cluster):
    pods = cluster()
    first, second = pods.sessions_apart()
    asked = threading.Event()

    def slow(request):
        asked.wait(DEADLINE)
        return None

    first.owner.answer = slow
    wire = pods.connect()
    wire.send(request_of(first.id) + request_of(second.id) + request_of(first.id))
    first.owner.wait_request(0)
    asked.set()
    answered = [pod_of(wire.read_response("POST")) for _ in range(3)]
    assert answered == [first.owner.name, second.owner.name, first.owner.name]


def test_case_76_a_preflight_without_an_id_is_answered_by_a_pod_and_teaches_nothing(cluster):
    pods = cluster()
    cors = [
        ("Access-Control-Allow-Origin", "https://app.example"),
        ("access-control-allow-headers", "mcp-session-id, content-type"),
        ("Access-Control-Expose-Headers", "Mcp-Session-Id"),
        ("mcp-session-id", "from-options"),
    ]
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(204, b"", cors).replace(
            b"Content-Length: 0\r\n", b""
        )
    response = pods.send("OPTIONS", fields={"Origin": "https://app.example"})
    assert response.status == 204
    assert [pair for pair in response.fields if pair in cors] == cors
    assert pods.bound() == 0


def test_case_76_put_and_patch_are_forwarded_and_refused_by_the_pod(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(
            405, request.method.encode(), [("Allow", "POST")]
        )
    for method in ("PUT", "PATCH"):
        response = pods.send(method)
        assert (response.status, response.body, response.get("allow")) == (
            405,
            method.encode(),
            "POST",
        )
