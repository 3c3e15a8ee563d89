"""A session whose server has lost it is opened anew for its client, who keeps its id."""

import hashlib
import json
import threading

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import (
    INITIALIZE,
    INITIALIZED,
    LIST_TOOLS,
    expect_proxy_error,
    fields_for,
    modern,
    pod_of,
    post,
    rpc,
)
from harness.process import stopped
from harness.revival import CALL, Watch, forget, handshakes, open_session, revived, reviving
from harness.wire import LAST_CHUNK, chunk

ODD_INITIALIZE = (
    b'{ "jsonrpc":"2.0",\n\t"params":{"clientInfo":{"version":"\\u0031","name":"caf\xc3\xa9"},'
    b'"capabilities":{"sampling":{}},"protocolVersion":"2025-06-18"},'
    b'"method":"initialize","id":"x"}\r\n'
)
ODD_INITIALIZED = b' {"method":"notifications\\/initialized",   "jsonrpc":"2.0"}\n'


def test_case_86_under_not_found_the_owners_answer_is_passed_on_and_the_session_is_lost(cluster):
    pods = cluster()
    session = open_session(pods)
    forget(pods)
    seen = Watch(pods)
    response = pods.post(CALL, session.id)
    assert (response.status, pod_of(response)) == (404, session.owner.name)
    assert seen.methods() == ["tools/call"]
    assert pods.bound() == 0
    lost = pods.proxy.metrics().sum("ringside_sessions_lost_total", pool="pods")
    assert (lost, revived(pods)) == (1, 0)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "Session not found"),
        (400, "Bad Request: No valid session ID provided"),
        (400, "Bad Request: Server not initialized"),
    ],
)
def test_case_86_each_way_to_say_it_makes_a_revival(cluster, status, message):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)

    def refuse(request, pod):
        unknown = request.get("mcp-session-id") not in {None, *pod.sessions}
        return pod.error(status, -32000, message) if unknown else None

    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: refuse(request, pod)
    response = pods.post(CALL, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert revived(pods) == 1


def test_case_86_a_400_of_another_kind_revives_nothing(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    owner = session.owner
    owner.answer = lambda request: owner.error(400, -32602, "Invalid params: session ID not found")
    response = pods.post(CALL, session.id)
    assert (response.status, pod_of(response)) == (400, owner.name)
    assert b"Invalid params" in response.body
    owner.answer = None
    assert pods.post(CALL, session.id).status == 200
    assert (handshakes(pods), revived(pods)) == (1, 0)


def test_case_87_the_recorded_handshake_and_then_the_request_once(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods, initialize=ODD_INITIALIZE, initialized=ODD_INITIALIZED)
    forget(pods)
    seen = Watch(pods)
    response = pods.post(CALL, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert json.loads(response.body)["id"] == 7

    requests = seen.requests()
    assert [pod.name for pod, _ in requests] == [session.owner.name] * 4  # it is up: placed there
    refused, initialize, initialized, call = (request for _, request in requests)
    (new,) = session.owner.sessions
    assert (refused.get("mcp-session-id"), refused.body) == (session.id, CALL)
    assert (initialize.get("mcp-session-id"), initialize.body) == (None, ODD_INITIALIZE)
    assert (initialized.get("mcp-session-id"), initialized.body) == (new, ODD_INITIALIZED)
    assert (call.get("mcp-session-id"), call.body) == (new, CALL)


def test_case_87_the_handshake_has_the_fields_of_the_waiting_request_and_not_the_recorded_ones(
    cluster,
):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    seen = Watch(pods)
    fields = {
        "Authorization": "Bearer of-the-call",
        "MCP-Protocol-Version": "2025-11-25",
        "Cookie": "a=b",
        "X-Tenant": "seven",
        "Last-Event-ID": "12",
        "Content-Encoding": "identity",
        "Expect": "100-continue",
    }
    assert pods.post(CALL, session.id, client="10.0.0.1", fields=fields).status == 200
    (_, refused), (_, initialize), (_, initialized), (_, call) = seen.requests()
    for request in (refused, initialize, initialized, call):
        assert request.start == "POST /mcp HTTP/1.1"
        assert request.get("host") == "test.example"
        assert request.get("authorization") == "Bearer of-the-call"
        assert request.get("cookie") == "a=b"
        assert request.get("x-tenant") == "seven"
        assert request.get("accept") == "application/json, text/event-stream"
        assert request.get("content-type") == "application/json"
        assert request.get("mcp-protocol-version") == "2025-11-25"
        assert request.get("x-forwarded-for") == refused.get("x-forwarded-for")
    for request in (initialize, initialized):  # what belongs to the call's own body and stream
        assert request.get("last-event-id") is None
        assert request.get("content-encoding") is None
        assert request.get("expect") is None


def test_case_87_the_session_of_an_owner_that_is_gone_is_revived_on_another_pod(cluster):
    pods = cluster(pool=reviving(owner_grace="300ms"))
    session = open_session(pods)
    session.owner.crash()

    def answered() -> bool:
        response = pods.post(CALL, session.id)
        assert response.status in (503, 200), (response.start, response.body)
        return response.status == 200

    eventually(answered, "the session is revived")
    response = pods.post(CALL, session.id, client="10.0.0.7")
    assert response.get("mcp-session-id") == session.id
    assert pod_of(response) != session.owner.name
    assert (handshakes(pods), revived(pods), pods.bound()) == (2, 1, 1)


def test_case_87_the_request_that_finds_the_owner_gone_is_itself_revived(cluster):
    pods = cluster(pool=reviving(owner_grace="0s"))
    session = open_session(pods)
    session.owner.stop()
    response = pods.post(CALL, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert pod_of(response) != session.owner.name
    assert pods.pods[pod_of(response)].requests[-1].body == CALL


def test_case_87_a_client_that_never_said_initialized_here_is_helped_with_the_plain_one(cluster):
    pods = cluster(pool=reviving())
    session = pods.session()
    forget(pods)
    seen = Watch(pods)
    assert pods.post(CALL, session.id).status == 200
    assert seen.methods() == ["tools/call", "initialize", "notifications/initialized", "tools/call"]
    assert seen.requests()[1][1].body == INITIALIZE
    plain = json.loads(seen.requests()[2][1].body)
    assert plain == {"jsonrpc": "2.0", "method": "notifications/initialized"}


def test_case_87_a_handshake_that_came_in_pieces_is_recorded_whole(cluster):
    pods = cluster(pool=reviving())
    wire = pods.connect()
    wire.request("POST", "/mcp", [*fields_for(None, None), ("Transfer-Encoding", "chunked")])
    for byte in ODD_INITIALIZE:
        wire.send(chunk(bytes([byte])))
    wire.send(LAST_CHUNK)
    session = wire.read_response().get("mcp-session-id")
    assert post(wire, INITIALIZED, session).status == 202
    forget(pods)
    seen = Watch(pods)
    assert pods.post(CALL, session).status == 200
    assert seen.requests()[1][1].body == ODD_INITIALIZE


def test_case_87_a_handshake_too_long_to_keep_is_made_anew_by_the_proxy(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods, initialize=rpc("initialize", padding="x" * 20_000))
    forget(pods)
    seen = Watch(pods)
    assert pods.post(CALL, session.id).status == 200
    assert b'"ringside"' in seen.requests()[1][1].body


@pytest.mark.parametrize("version", [None, "2025-06-18", '2025-06-18","x":"y', "é", "v" * 40])
def test_case_88_a_session_that_nobody_knows_is_opened_by_a_minimal_handshake(cluster, version):
    pods = cluster(pool=reviving(revive={"unknown": True}))
    seen = Watch(pods)
    fields = {"Authorization": "Bearer of-the-call"}
    if version is not None:
        fields["MCP-Protocol-Version"] = version
    response = pods.post(CALL, "stored-long-ago", fields=fields)
    assert (response.status, response.get("mcp-session-id")) == (200, "stored-long-ago")

    methods = seen.methods()
    assert sorted(filter(None, methods)) == sorted(
        ["tools/call"] * 4 + ["initialize", "notifications/initialized"]
    )  # each pod once, then the one it was revived on
    (initialize,) = (r for _, r in seen.requests() if b'"initialize"' in r.body)
    assert initialize.get("mcp-session-id") is None
    assert initialize.get("authorization") == "Bearer of-the-call"
    message = json.loads(initialize.body)
    params = message.pop("params")
    assert message == {"jsonrpc": "2.0", "id": message["id"], "method": "initialize"}
    assert params["protocolVersion"] == ("2025-06-18" if version == "2025-06-18" else "2025-03-26")
    assert params["capabilities"] == {}
    assert params["clientInfo"]["name"] == "ringside" and params["clientInfo"]["version"]
    (initialized,) = (r for _, r in seen.requests() if b"notifications/initialized" in r.body)
    assert json.loads(initialized.body) == {
        "jsonrpc": "2.0",
        "method": "notifications/initialized",
    }


def test_case_88_a_session_opened_through_another_proxy_is_revived(cluster, trusting):
    first = cluster(pool=reviving(revive={"unknown": True}))
    session = open_session(first)
    forget(first)
    other = trusting(*first.pods.values(), pool=reviving(revive={"unknown": True}))
    response = post(other.connect(), CALL, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert other.metrics().sum("ringside_sessions_revived_total") == 1


def test_case_88_a_session_that_lives_is_found_and_not_revived(cluster, trusting):
    first = cluster(pool=reviving(revive={"unknown": True}))
    session = open_session(first)
    other = trusting(*first.pods.values(), pool=reviving(revive={"unknown": True}))
    assert pod_of(post(other.connect(), CALL, session.id)) == session.owner.name
    assert other.metrics().sum("ringside_sessions_revived_total") == 0
    assert handshakes(first) == 1


def test_case_88_without_revive_unknown_a_session_that_nobody_knows_is_a_404(cluster):
    pods = cluster(pool=reviving())
    expect_proxy_error(pods.post(CALL, "made-up"), 404, -32001)
    assert (handshakes(pods), revived(pods), pods.bound()) == (0, 0, 0)


def test_case_88_a_pod_that_could_not_be_asked_may_hold_the_session(cluster):
    pods = cluster(pool=reviving(revive={"unknown": True}, owner_grace="1h"))
    pods.pods["b"].stop()
    response = pods.post(CALL, "stored-long-ago")
    expect_proxy_error(response, 503)
    assert response.get("retry-after")
    assert handshakes(pods) == 0


def test_case_89_ten_requests_of_a_lost_session_make_one_handshake(cluster):
    pods = cluster(pool=reviving(), workers=4)
    session = open_session(pods)
    forget(pods)
    seen = Watch(pods)
    all_are_there = threading.Barrier(10, timeout=DEADLINE)

    def refuse_together(request):
        if request.get("mcp-session-id") == session.id:
            all_are_there.wait()
        return None

    session.owner.answer = refuse_together
    wires = [pods.connect() for _ in range(10)]
    for number, wire in enumerate(wires):
        fields = fields_for(session.id, f"10.0.0.{number}")
        wire.request("POST", "/mcp", fields, rpc("tools/call", 100 + number))
    for number, wire in enumerate(wires):
        response = wire.read_response()
        assert (response.status, response.get("mcp-session-id")) == (200, session.id)
        assert json.loads(response.body)["id"] == 100 + number
    assert seen.methods().count("initialize") == 1
    assert seen.methods().count("notifications/initialized") == 1
    assert seen.methods().count("tools/call") == 20
    assert revived(pods) == 1


def test_case_89_ten_requests_of_a_session_known_to_be_lost_make_one_handshake(cluster):
    pods = cluster(pool=reviving(), workers=4)
    session = open_session(pods)
    forget(pods)
    assert pods.post(INITIALIZED, session.id).status == 404  # a notification revives nothing
    seen = Watch(pods)
    may_answer = threading.Event()

    def mint_when_told() -> str:
        assert may_answer.wait(DEADLINE)
        return "anew"

    for pod in pods.pods.values():
        pod.mint = mint_when_told
    wires = [pods.connect() for _ in range(10)]
    for number, wire in enumerate(wires):
        wire.request("POST", "/mcp", fields_for(session.id, None), rpc("tools/call", number))
    eventually(lambda: "initialize" in seen.methods(), "a handshake")
    may_answer.set()
    assert {wire.read_response().status for wire in wires} == {200}
    assert seen.methods().count("initialize") == 1
    assert seen.methods().count("tools/call") == 10


def test_case_89_ten_requests_of_a_session_never_seen_here_make_one_handshake(cluster):
    pods = cluster(pool=reviving(revive={"unknown": True}), workers=4)
    wires = [pods.connect() for _ in range(10)]
    for number, wire in enumerate(wires):
        fields = fields_for("stored-long-ago", f"10.0.0.{number}")
        wire.request("POST", "/mcp", fields, rpc("tools/call", number))
    for wire in wires:
        response = wire.read_response()
        assert (response.status, response.get("mcp-session-id")) == (200, "stored-long-ago")
    assert (handshakes(pods), revived(pods)) == (1, 1)


def test_case_89_a_refusal_that_comes_late_does_not_undo_the_revival(cluster):
    pods = cluster("a", pool=reviving())
    session = open_session(pods)
    forget(pods)
    may_refuse = threading.Event()

    def late(request):
        if request.get("mcp-session-id") == session.id and b"slow" in request.body:
            assert may_refuse.wait(DEADLINE)
        return None

    session.owner.answer = late
    seen = Watch(pods)
    slow = pods.connect()
    slow.request("POST", "/mcp", fields_for(session.id, None), rpc("tools/call", 1, name="slow"))
    session.owner.wait_request(2)
    assert pods.post(CALL, session.id).status == 200
    may_refuse.set()
    response = slow.read_response()
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert seen.methods().count("initialize") == 1
    assert revived(pods) == 1


def test_case_89_pipelined_requests_of_a_lost_session_are_answered_in_order(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    for number in range(5):
        pods.wire.request("POST", "/mcp", fields_for(session.id, None), rpc("tools/call", number))
    for number in range(5):
        response = pods.wire.read_response()
        assert (response.status, json.loads(response.body)["id"]) == (200, number)
    assert revived(pods) == 1


def test_case_90_every_exchange_of_a_revived_session_has_the_clients_id_outside_the_new_inside(
    cluster,
):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id
    owner = session.owner
    (new,) = owner.sessions
    seen = Watch(pods)

    assert pods.post(LIST_TOOLS, session.id, "10.0.0.9").get("mcp-session-id") == session.id
    assert pods.post(INITIALIZED, session.id).status == 202
    call = pods.connect()
    call.request("POST", "/mcp", fields_for(session.id, None), rpc("stream", 3))
    head = call.read_response_head()
    assert (head.status, head.get("mcp-session-id")) == (200, session.id)
    listening = pods.connect()
    listening.request("GET", "/mcp", fields_for(session.id, None, {"Last-Event-ID": "4"}))
    head = listening.read_response_head()
    assert (head.status, head.get("mcp-session-id")) == (200, session.id)
    owner.wait_stream(1).send("data: hello\n\n")
    assert listening.body_of(head).event() == b"data: hello\n\n"
    assert pods.send("DELETE", session.id).status == 200

    assert [request.get("mcp-session-id") for _, request in seen.requests()] == [new] * 5
    assert owner.sessions == set()
    assert pods.bound() == 0
    expect_proxy_error(pods.post(CALL, session.id), 404, -32001)  # ended by its client


def test_case_90_an_answer_with_another_id_passes_as_it_is(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    assert pods.post(CALL, session.id).status == 200
    owner = session.owner
    owner.answer = lambda request: owner.reply(200, {}, [("mcp-session-id", "a-second-one")])
    assert pods.post(CALL, session.id).get("mcp-session-id") == "a-second-one"


def test_case_90_a_revived_session_is_on_one_pod_for_all_workers_and_clients(cluster):
    pods = cluster(pool=reviving(), workers=4)
    session = open_session(pods)
    forget(pods)
    home = pod_of(pods.post(CALL, session.id))
    for number in range(12):
        response = post(pods.connect(), CALL, session.id, f"10.0.0.{number}")
        assert (pod_of(response), response.get("mcp-session-id")) == (home, session.id)
    assert (handshakes(pods), pods.bound()) == (2, 1)


def test_case_90_a_second_and_a_third_loss_revive_again(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods, initialize=ODD_INITIALIZE)
    for count in (1, 2, 3):
        forget(pods)
        seen = Watch(pods)
        response = pods.post(CALL, session.id)
        assert (response.status, response.get("mcp-session-id")) == (200, session.id)
        assert seen.requests()[1][1].body == ODD_INITIALIZE
        assert revived(pods) == count
    assert pods.bound() == 1


def test_case_90_a_restarted_proxy_revives_anew_what_only_it_had_revived(cluster, trusting):
    pods = cluster(pool=reviving(revive={"unknown": True}))
    session = open_session(pods)
    forget(pods)
    assert pods.post(CALL, session.id).status == 200
    other = trusting(*pods.pods.values(), pool=reviving(revive={"unknown": True}))
    response = post(other.connect(), CALL, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)


@pytest.mark.parametrize(
    "body", [INITIALIZED, b'{"jsonrpc":"2.0","id":1,"result":{}}'], ids=["notification", "response"]
)
def test_case_91_what_waits_for_no_answer_gets_the_owners_404_and_revives_nothing(cluster, body):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    seen = Watch(pods)
    response = pods.post(body, session.id)
    assert (response.status, pod_of(response)) == (404, session.owner.name)
    assert b"Session not found" in response.body
    assert (len(seen.requests()), pods.bound()) == (1, 0)
    expect_proxy_error(pods.post(body, session.id), 404, -32001)  # lost, as is known by now
    assert len(seen.requests()) == 1
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id
    assert seen.methods().count("tools/call") == 1
    assert revived(pods) == 1


def test_case_91_a_get_of_a_lost_session_is_a_404_and_the_next_call_revives(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    response = pods.send("GET", session.id)
    assert (response.status, pod_of(response)) == (404, session.owner.name)
    expect_proxy_error(pods.send("GET", session.id), 404, -32001)
    assert handshakes(pods) == 1
    assert pods.post(CALL, session.id).status == 200
    assert pods.send("OPTIONS", session.id).status != 404


def test_case_91_a_delete_of_a_session_that_its_owner_forgot_ends_it(cluster):
    pods = cluster(pool=reviving(revive={"unknown": True}))
    session = open_session(pods)
    forget(pods)
    assert pods.send("DELETE", session.id).status == 404
    expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
    assert (handshakes(pods), revived(pods)) == (1, 0)


def test_case_91_a_delete_of_a_lost_session_ends_it(cluster):
    pods = cluster(pool=reviving(revive={"unknown": True}))
    session = open_session(pods)
    forget(pods)
    assert pods.post(INITIALIZED, session.id).status == 404
    expect_proxy_error(pods.send("DELETE", session.id), 404, -32001)
    expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
    assert (handshakes(pods), revived(pods)) == (1, 0)


def test_case_91_a_delete_of_a_session_of_an_owner_that_is_gone_ends_it(cluster):
    pods = cluster(pool=reviving(owner_grace="300ms"))
    session = open_session(pods)
    session.owner.crash()
    eventually(lambda: pods.send("DELETE", session.id).status == 404, "the session is lost")
    expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
    assert revived(pods) == 0


def test_a_session_that_its_client_ended_is_never_revived(cluster):
    pods = cluster(pool=reviving(idle_ttl="200ms", search={"remember": "0s"}))
    session = open_session(pods)
    assert pods.send("DELETE", session.id).status == 200
    seen = Watch(pods)

    def forgotten() -> bool:  # that it was ended: then the pods are asked
        expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
        return bool(seen.requests())

    eventually(forgotten, "the tombstone lapses")
    assert (handshakes(pods), revived(pods)) == (1, 0)


def test_modern_requests_are_left_alone(cluster):
    pods = cluster(pool=reviving(revive={"unknown": True}))
    session = open_session(pods)
    forget(pods)
    seen = Watch(pods)
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(404, -32601, "Method not found")
    response = pods.post(CALL, session.id, fields=modern("tools/call"))
    assert (response.status, len(seen.requests())) == (404, 1)
    assert seen.requests()[0][1].get("mcp-session-id") == session.id
    assert pods.bound() == 1


def test_an_initialize_with_a_lost_id_is_the_clients_own_and_revives_nothing(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    seen = Watch(pods)
    assert pods.post(INITIALIZE, session.id).status == 404
    assert len(seen.requests()) == 1
    assert revived(pods) == 0


def test_a_batch_with_a_request_revives(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    batch = b"[" + INITIALIZED + b", " + rpc("ping", 8) + b"]"
    response = pods.post(batch, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert b'"id": 8' in response.body
    assert pods.pods[pod_of(response)].requests[-1].body == batch


def test_a_chunked_request_is_repeated_byte_for_byte(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    fields = [*fields_for(session.id, None), ("Transfer-Encoding", "chunked")]
    call = rpc("tools/call", 7, text="x" * 5000)
    pods.wire.request("POST", "/mcp", fields)
    for start in range(0, len(call), 700):
        pods.wire.send(chunk(call[start : start + 700]))
    pods.wire.send(b"0\r\nX-Checksum: 12\r\n\r\n")
    response = pods.wire.read_response()
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    repeated = session.owner.requests[-1]
    assert (repeated.body, repeated.trailers) == (call, [("X-Checksum", "12")])


def test_a_call_whose_body_is_still_on_its_way_when_it_is_refused_is_repeated_whole(
    trusting, upstream
):
    client = trusting(upstream, pool=reviving()).connect()
    client.request("POST", "/mcp", body=INITIALIZE)
    served = upstream.accept()
    served.read_request()
    served.respond(200, {"Mcp-Session-Id": "old"}, b"{}")
    client.read_response()
    fields = {"Mcp-Session-Id": "old", "Content-Length": str(len(CALL))}
    client.request("POST", "/mcp", fields)
    client.send(CALL[:10])
    served.read_request_head()
    served.read_exactly(10)
    served.respond(404, {"Connection": "close"}, b"no such session")
    served.close()
    client.send(CALL[10:])
    served = upstream.accept()
    assert served.read_request().body == INITIALIZE
    served.respond(200, {"Mcp-Session-Id": "new"}, b"{}")
    assert served.read_request().get("mcp-session-id") == "new"
    served.respond(202)
    call = served.read_request()
    assert (call.get("mcp-session-id"), call.body) == ("new", CALL)
    served.respond(200, {"Mcp-Session-Id": "new"}, b"{}")
    response = client.read_response()
    assert (response.status, response.get("mcp-session-id")) == (200, "old")


def test_a_request_too_large_to_keep_gets_the_owners_404_and_a_smaller_one_revives(cluster):
    pods = cluster(pool=reviving(search={"body_bytes": "1KiB"}))
    session = open_session(pods)
    forget(pods)
    large = rpc("tools/call", 7, padding="x" * 5000)
    response = pods.post(large, session.id)
    assert (response.status, pod_of(response)) == (404, session.owner.name)
    expect_proxy_error(pods.post(large, session.id), 404, -32001)
    assert handshakes(pods) == 1
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id
    assert pods.post(large, session.id).get("mcp-session-id") == session.id


def test_a_revival_is_counted_and_logged_and_no_id_is_written_down(cluster):
    pods = cluster(pool=reviving(), log={"level": "debug", "access": "stdout"})
    session = open_session(pods)
    forget(pods)
    for _ in range(2):
        assert pods.post(CALL, session.id).status == 200
    picked = [line["picked_by"] for line in pods.proxy.access_log(4)]
    assert picked == ["ring", "binding", "revival", "binding"]
    (new,) = session.owner.sessions
    line = pods.proxy.stderr.wait(lambda line: "session revived" in line, "line of the revival")
    assert hashlib.sha256(session.id.encode()).hexdigest()[:16] in line
    assert "pool=pods" in line and f"endpoint={session.owner.name}" in line
    assert revived(pods) == 1
    said = "\n".join(pods.proxy.stderr.all + pods.proxy.stdout.all)
    said += pods.proxy.admin("/metrics").body.decode()
    assert session.id not in said and new not in said


def test_a_client_that_waits_for_its_100_is_asked_for_the_body_by_the_proxy(cluster):
    """The session's server has gone, and no other will ask."""
    pods = cluster(pool=reviving(owner_grace="0s"))
    session = open_session(pods)
    session.owner.stop()
    client = pods.connect()
    more = {"Content-Length": str(len(CALL)), "Expect": "100-continue"}
    client.request("POST", "/mcp", fields_for(session.id, None, more))
    assert client.read_head().status == 100
    client.send(CALL)
    response = client.read_response()
    assert (response.status, revived(pods)) == (200, 1)


def test_a_client_that_has_gone_when_it_is_asked_for_its_body_leaves_nothing_behind(cluster):
    """Its end is there when its request is read: nothing of that may go in front of another's."""
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    assert pods.post(INITIALIZED, session.id).status == 404  # from here on it is lost
    gone, other = pods.connect(), pods.connect()
    other.exchange("OPTIONS", "*", {"Max-Forwards": "0"})
    more = {"Content-Length": "5", "Expect": "100-continue", "X-Left": "behind"}
    with stopped(pods.proxy.process):
        gone.request("POST", "/mcp", fields_for(session.id, None, more))
        gone.reset()
    other.request("POST", "/mcp", fields_for(None, None), LIST_TOOLS)
    assert other.read_response().status == 400, "from a pod: it has no session"
    (seen,) = [
        request
        for pod in pods.pods.values()
        for request in pod.requests
        if request.body == LIST_TOOLS
    ]
    assert (seen.target, seen.get("x-left")) == ("/mcp", None)
