"""Revision 2026-07-28 has no sessions: requests are spread, bind nothing, and arrive as sent."""

import pytest

from harness.deadlines import eventually
from harness.mcp import INITIALIZE, fields_for, modern, pod_of, rpc
from harness.streams import STREAM
from harness.wire import LAST_CHUNK, chunk


def test_case_57_a_legacy_version_goes_to_the_owner_and_an_unknown_one_to_whoever_refuses_it(
    cluster,
):
    pods = cluster()
    session = pods.session("10.0.0.1")
    response = pods.post(
        session=session.id, client="10.0.0.2", fields={"MCP-Protocol-Version": "2025-11-25"}
    )
    assert pod_of(response) == session.owner.name
    session.owner.answer = lambda request: session.owner.error(
        400, -32000, "Unsupported protocol version"
    )
    response = pods.post(session=session.id, fields={"MCP-Protocol-Version": "1999-01-01"})
    assert response.status == 400 and b"Unsupported protocol version" in response.body
    assert session.owner.requests[-1].get("mcp-protocol-version") == "1999-01-01"


def test_case_58_a_modern_request_ignores_the_session_it_names(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    answered = {pod_of(pods.post(session=session.id, fields=modern())) for _ in range(60)}
    assert len(answered) > 1, "placed as if it had no id"
    carried = [r for pod in pods.pods.values() for r in pod.requests if r.get("mcp-method")]
    assert {request.get("mcp-session-id") for request in carried} == {session.id}
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name


def test_case_58_a_modern_request_does_not_keep_a_session_alive(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "400ms"}})
    session = pods.session("10.0.0.1")

    def expired() -> bool:
        pods.post(session=session.id, fields=modern())
        return pods.bound() == 0

    eventually(expired, "the session expires although modern requests name it")


def test_case_59_a_thousand_modern_requests_leave_no_binding(cluster):
    pods = cluster()
    for number in range(1000):
        assert pods.post(fields=modern(), client=f"10.0.{number % 4}.{number % 200}").status == 200
    assert pods.bound() == 0


def test_modern_requests_are_spread_over_the_pods(cluster):
    pods = cluster()
    answered = [pod_of(pods.post(fields=modern())) for _ in range(60)]
    assert set(answered) == {"a", "b", "c"}
    assert pods.all_picked_by(60) == {"balanced"}


def test_case_60_an_id_in_the_answer_to_a_modern_call_is_passed_on_and_not_learned(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {}, [("mcp-session-id", "odd")])
    response = pods.post(rpc("tools/call"), fields=modern("tools/call"))
    assert response.get("mcp-session-id") == "odd"
    assert pods.bound() == 0


@pytest.mark.parametrize("method", [{}, {"Mcp-Method": "initialize"}])
def test_case_61_an_id_in_the_answer_to_a_modern_initialize_is_learned(cluster, method):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(
            200, {}, [("mcp-session-id", f"of-{pod.name}")]
        )
    response = pods.post(INITIALIZE, fields={"MCP-Protocol-Version": "2026-07-28", **method})
    owner = pod_of(response)
    assert pods.bound() == 1
    for number in range(10):
        assert pod_of(pods.post(session=f"of-{owner}", client=f"10.0.0.{number}")) == owner


def test_case_62_a_later_version_is_modern_too(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    fields = {"MCP-Protocol-Version": "2027-01-01", "Mcp-Method": "tools/list"}
    assert pods.picked_by(session.id, fields=fields) == "balanced"


@pytest.mark.parametrize(
    "version", ["banana", "2026", "2026-07-28-draft", "9999-99-99x", "2026-07-27", ""]
)
def test_case_62_a_version_that_is_no_date_is_legacy(cluster, version):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.answer = lambda request: session.owner.reply(200)
    response = pods.post(
        session=session.id, client="10.0.0.9", fields={"MCP-Protocol-Version": version}
    )
    assert pod_of(response) == session.owner.name
    assert pods.picked_by(session.id, fields={"MCP-Protocol-Version": version}) == "binding"
    assert session.owner.requests[-1].get("mcp-protocol-version") == version


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])
def test_case_63_a_field_that_comes_twice_is_never_folded_into_one(cluster, name):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    doubled = [(name, "2026-07-28"), (name.lower(), "2025-11-25")]
    response = pods.post(fields=doubled)
    if response.status == 400:
        assert response.get("server") == "ringside"
        return
    request = pods.pods[pod_of(response)].requests[-1]
    assert request.all(name) == ["2026-07-28", "2025-11-25"]


def test_case_64_mirrored_fields_are_forwarded_byte_for_byte(cluster):
    pods = cluster()
    fields = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "=?base64?w6TDtsO8?="),
        ("Mcp-Param-Room", "kitchen, 2nd floor"),
        ("mcp-param-EMPTY", ""),
        ("Mcp-Never-Heard-Of", "x"),
    ]
    response = pods.post(rpc("tools/call"), fields=fields)
    request = pods.pods[pod_of(response)].requests[-1]
    assert [pair for pair in request.fields if pair in fields] == fields


def test_case_65_a_repeated_call_with_request_state_is_pinned_to_nobody(cluster):
    pods = cluster()
    body = rpc("tools/call", 9, name="t", requestState="opaque", inputResponses={})
    answered = set()
    for _ in range(60):
        response = pods.post(body, fields=modern("tools/call", **{"Mcp-Name": "t"}))
        pod = pods.pods[pod_of(response)]
        assert pod.requests[-1].body == body
        answered.add(pod.name)
    assert answered == {"a", "b", "c"}


def listening(pods, upstream):
    wire = pods.connect()
    fields = fields_for(None, None, modern("subscriptions/listen"))
    wire.request("POST", "/mcp", fields, rpc("subscriptions/listen", 5))
    served = upstream.accept()
    served.read_request()
    served.send(STREAM)
    return wire, served, wire.body_of(wire.read_response_head())


def test_case_66_a_listening_stream_carries_comments_and_its_result_and_then_ends(
    trusting, upstream
):
    _, served, body = listening(trusting(upstream), upstream)
    for event in (": keepalive\n\n", ": keepalive\n\n", 'data: {"id":5,"result":{}}\n\n'):
        served.send(chunk(event))
        assert body.event() == event.encode()
    served.send(LAST_CHUNK)
    assert body.rest() == b""


def test_case_66_a_listening_client_that_leaves_is_seen_by_the_pod_at_once(trusting, upstream):
    wire, served, _ = listening(trusting(upstream), upstream)
    wire.close()
    served.socket.settimeout(2.5)
    served.expect_close()


def test_case_67_a_probe_gets_the_pods_400_unchanged_and_then_the_handshake_works(cluster):
    pods = cluster()
    refusals = {}
    for pod in pods.pods.values():
        refusals[pod.name] = pod.error(
            400, -32000, "Bad Request: Mcp-Session-Id header is required"
        )
        pod.answer = lambda request, pod=pod: (
            refusals[pod.name] if request.get("mcp-method") else None
        )
    probe = pods.post(rpc("server/discover"), fields=modern("server/discover"))
    assert probe.status == 400
    assert probe.body == refusals[pod_of(probe)].split(b"\r\n\r\n", 1)[1]
    session = pods.session("10.0.0.1")
    assert pod_of(pods.post(session=session.id, client="10.0.0.2")) == session.owner.name


def test_case_68_pods_of_mixed_eras_never_make_the_proxy_invent_a_5xx(cluster):
    pods = cluster()
    old, *_ = pods.pods.values()
    old.answer = lambda request: (
        old.error(400, -32000, "Unsupported protocol version")
        if request.get("mcp-method")
        else None
    )
    for number in range(30):
        client = f"10.0.0.{number}"
        probe = pods.post(rpc("server/discover"), client=client, fields=modern("server/discover"))
        assert probe.status == (400 if pod_of(probe) == old.name else 200)
        session = pods.session(client)
        assert pods.post(session=session.id).status == 200
