"""What protects sessions: fields that look like theirs, pages of other people, greed, and logs."""

import pytest

from harness.cookies import cookie_for
from harness.deadlines import eventually
from harness.http_sse import contacts, open_chat, say
from harness.mcp import INITIALIZE, expect_proxy_error, fields_for, modern, pod_of, post, rpc

ORIGINS = {"allowed_origins": ["https://app.example", "http://localhost:3000"]}


def serving(pods):
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    return pods


# Lookalikes


@pytest.mark.parametrize(
    "name", ["Mcp_Session_Id", "mcp_session_id", "MCP-SESSION_ID", "mcp_Session-Id"]
)
@pytest.mark.parametrize("beside", ["alone", "beside the true one", "modern"])
def test_a_field_that_looks_like_the_sessions_is_refused(cluster, name, beside):
    pods = cluster()
    session = pods.session("10.0.0.1")
    before = contacts(pods)
    fields = {name: session.id, **(modern() if beside == "modern" else {})}
    known = session.id if beside == "beside the true one" else None
    expect_proxy_error(pods.post(session=known, fields=fields), 400)
    for method in ("GET", "DELETE"):
        expect_proxy_error(pods.send(method, known, fields), 400)
    assert contacts(pods) == before
    assert pod_of(pods.post(session=session.id)) == session.owner.name
    assert pods.bound() == 1


@pytest.mark.parametrize("name", ["Mcp-Session", "Mcp-Session-Ids", "X_Session_Id", "McpSessionId"])
def test_a_field_that_does_not_look_like_it_is_passed_on(cluster, name):
    pods = serving(cluster())
    response = pods.post(fields={name: "x"})
    assert pods.pods[pod_of(response)].requests[-1].get(name) == "x"


def test_lookalikes_are_those_of_the_configured_field(cluster):
    pods = serving(cluster(pool={"affinity": {"header": "x-room-id"}}))
    expect_proxy_error(pods.post(fields={"X_Room_Id": "x"}), 400)
    assert pods.post(fields={"Mcp_Session_Id": "x"}).status == 200


@pytest.mark.parametrize("mode", ["client", "none"])
def test_without_sessions_there_is_nothing_to_look_like(cluster, mode):
    pods = serving(cluster(pool={"affinity": {"mode": mode}}))
    assert pods.post(fields={"Mcp_Session_Id": "x"}).status == 200


# Origins


@pytest.mark.parametrize(
    "origin", ["https://app.example", "HTTPS://App.Example", "http://localhost:3000"]
)
def test_an_origin_of_the_list_is_served(cluster, origin):
    pods = cluster(listener={**ORIGINS, "trusted_proxies": ["127.0.0.0/8"]})
    session = pods.session("10.0.0.1", {"Origin": origin})
    response = pods.post(session=session.id, fields={"Origin": origin})
    assert pod_of(response) == session.owner.name
    assert session.owner.requests[-1].get("origin") == origin


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "", "*", "https://app.example.evil.example"),
        *("http://app.example", "https://app.example:8443", "https://app.example/", "localhost"),
        *("http://localhost", "http://localhost:30000", "https://app.example, https://x.example"),
    ],
)
def test_any_other_origin_is_a_403_and_no_pod_sees_it(cluster, origin):
    pods = cluster(listener=ORIGINS)
    for method in ("GET", "DELETE", "OPTIONS", "PUT"):
        expect_proxy_error(pods.send(method, fields={"Origin": origin}), 403)
    refused = pods.post(INITIALIZE, fields={"Origin": origin})
    expect_proxy_error(refused, 403)
    assert not [name for name, _ in refused.fields if name.lower().startswith("access-control")]
    expect_proxy_error(pods.post(session="x", fields={"Origin": origin}), 403)
    assert contacts(pods) == 0
    assert {line["error"] for line in pods.proxy.access_log(6)} == {"origin_refused"}


def test_two_origins_must_both_be_allowed(cluster):
    pods = serving(cluster(listener=ORIGINS))
    good, bad = ("Origin", "https://app.example"), ("Origin", "https://evil.example")
    for fields in ([good, bad], [bad, good]):
        expect_proxy_error(pods.post(fields=fields), 403)


def test_a_program_that_sends_no_origin_is_served(cluster):
    pods = cluster(listener=ORIGINS)
    session = pods.session()
    assert pods.post(session=session.id).status == 200


def test_without_a_list_any_origin_is_served(cluster):
    pods = serving(cluster())
    for origin in ("https://evil.example", "null"):
        assert pods.post(fields={"Origin": origin}).status == 200


def test_the_body_of_a_request_with_a_foreign_origin_is_not_passed_on(ringside, upstream):
    proxy = ringside(upstream, listener=ORIGINS)
    wire = proxy.connect()
    fields = {"Origin": "https://evil.example", "Transfer-Encoding": "chunked"}
    wire.request("POST", "/mcp", fields)
    wire.send_anyway(b"5\r\nhello\r\n0\r\n\r\n")
    expect_proxy_error(wire.read_response("POST"), 403)
    upstream.expect_no_connection()


# Sessions of one client

TWO = {"affinity": {"max_sessions_per_client": 2}}


def expect_refused(pods, client="10.0.0.1"):
    before = contacts(pods)
    refusal = pods.post(INITIALIZE, client=client)
    expect_proxy_error(refusal, 429)
    assert int(refusal.get("retry-after")) >= 1
    assert contacts(pods) == before


def test_a_client_gets_no_more_sessions_than_it_may_have(cluster):
    pods = cluster(pool=TWO)
    held = [pods.session("10.0.0.1") for _ in range(2)]
    for _ in range(3):
        expect_refused(pods)
    for session in held:
        assert pod_of(pods.post(session=session.id, client="10.0.0.1")) == session.owner.name
    pods.session("10.0.0.2")  # another client has its own
    assert pods.bound() == 3
    assert pods.proxy.stdout.wait(lambda line: "too_many_sessions" in line, "line in the log")


def test_a_delete_makes_room_for_another(cluster):
    pods = cluster(pool=TWO)
    first, _ = pods.session("10.0.0.1"), pods.session("10.0.0.1")
    expect_refused(pods)
    assert pods.send("DELETE", first.id, {"X-Forwarded-For": "10.0.0.1"}).status == 200
    pods.session("10.0.0.1")
    expect_refused(pods)


def test_whoever_ends_a_session_makes_room_for_who_began_it(cluster):
    pods = cluster(pool=TWO)
    first, second = pods.session("10.0.0.1"), pods.session("10.0.0.1")
    assert pods.send("DELETE", first.id, {"X-Forwarded-For": "10.0.0.9"}).status == 200
    pods.session("10.0.0.1")
    second.owner.sessions.discard(second.id)
    assert pods.post(session=second.id, client="10.0.0.9").status == 404
    pods.session("10.0.0.1")
    expect_refused(pods)


def test_sessions_that_lapse_make_room(cluster):
    pods = cluster(pool={"affinity": {"max_sessions_per_client": 2, "idle_ttl": "300ms"}})
    for _ in range(2):
        pods.session("10.0.0.1")
    eventually(
        lambda: pods.post(INITIALIZE, client="10.0.0.1").status == 200, "there is room again"
    )


def test_the_limit_is_for_what_opens_sessions(cluster):
    pods = cluster(pool=TWO)
    for _ in range(2):
        pods.session("10.0.0.1")
    assert pods.post(client="10.0.0.1", fields=modern()).status == 200
    assert pods.wire.exchange("OPTIONS", "/mcp", {"X-Forwarded-For": "10.0.0.1"}).status == 400
    expect_refused(pods)


def test_an_initialize_that_fails_takes_no_room(cluster):
    pods = cluster(pool=TWO)
    throwaway = [("mcp-session-id", "x")]
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(500, -32603, "no", throwaway)
    for _ in range(5):
        assert pods.post(INITIALIZE, client="10.0.0.1").status == 500
    for pod in pods.pods.values():
        pod.answer = None
    for _ in range(2):
        pods.session("10.0.0.1")
    expect_refused(pods)


def test_a_cookie_is_no_way_around_the_limit(cluster, keyed):
    pods = cluster(pool=keyed("cookie", max_sessions_per_client=2))
    cookie = {"Cookie": f"ringside={cookie_for('a', '3f9a' * 16, 10_000)}"}
    answers = [pods.post(INITIALIZE, client="10.0.0.1", fields=cookie).status for _ in range(4)]
    assert answers == [200, 200, 429, 429]


@pytest.mark.parametrize("method", [{}, {"Mcp-Method": "initialize"}])
def test_a_modern_version_is_no_way_around_the_limit(cluster, method):
    pods = cluster(pool=TWO)
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {}, [("mcp-session-id", pod.mint())])
    fields = {"MCP-Protocol-Version": "2026-07-28", **method}
    answers = [pods.post(INITIALIZE, client="10.0.0.1", fields=fields).status for _ in range(4)]
    assert answers == [200, 200, 429, 429]


def test_the_limit_holds_over_all_workers(cluster):
    pods = cluster(workers=4, pool=TWO)
    answers = []
    for _ in range(12):
        answers.append(post(pods.connect(), INITIALIZE, client="10.0.0.1").status)
    assert answers == [200] * 2 + [429] * 10


# Logs


def expect_in_no_log(proxy, *secrets: str) -> None:
    proxy.stop()
    said = "\n".join(proxy.stdout.all + proxy.stderr.all)
    for secret in secrets:
        assert secret not in said
        assert len(secret) < 16 or secret[:16] not in said, "not even its first half"


DEBUG = {"level": "debug", "access": "stdout"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_id_is_ever_in_a_log(cluster, tmp_path, form):
    pods = cluster(
        log={**DEBUG, "format": form},
        state_file=str(tmp_path / "state"),
        pool={"affinity": {"owner_grace": "0s", "search": {"per_client": 1}}},
    )
    live, ended, refused, dead = (pods.session(f"10.0.0.{number}") for number in range(4))
    pods.post(session=live.id)
    pods.send("DELETE", ended.id)
    pods.post(session=ended.id)
    refused.owner.sessions.discard(refused.id)
    pods.post(session=refused.id)
    stored = pods.stored(live.owner)
    pods.post(session=stored)
    unknown = [pods.unknown() for _ in range(15)]
    answers = {pods.post(session=id).status for id in unknown}
    assert answers == {404, 429}
    malformed, lookalike = "malformed-0123456789 abcdef", "lookalike-0123456789abcdef"
    pods.post(session=malformed)
    pods.post(fields={"Mcp_Session_Id": lookalike})
    pods.post(fields=[("Mcp-Session-Id", live.id), ("Mcp-Session-Id", live.id)])
    dead.owner.crash()
    pods.post(session=dead.id)
    pods.post(session=dead.id)
    pods.proxy.expected_errors.append(".*")
    ids = [session.id for session in (live, ended, refused, dead)]
    expect_in_no_log(pods.proxy, *ids, stored, *unknown, malformed, lookalike)


def test_no_id_is_in_a_log_when_sessions_are_revived(cluster):
    revive = {"on_owner_lost": "reinitialize", "revive": {"unknown": True}}
    pods = cluster(log=DEBUG, pool={"affinity": revive})
    session = pods.session("10.0.0.1")
    session.owner.sessions.clear()
    assert pods.post(session=session.id).status == 200
    unknown = pods.unknown()
    assert pods.post(session=unknown).status == 200
    inward = [id for pod in pods.pods.values() for id in pod.sessions]
    expect_in_no_log(pods.proxy, session.id, unknown, *inward)


def test_no_id_of_http_sse_is_in_a_log(legacy):
    pods = legacy(log=DEBUG)
    chat = open_chat(pods)
    assert say(pods, chat.target).status == 202
    unknown = "unknown-0123456789abcdef"
    assert say(pods, f"/messages?sessionId={unknown}").status == 404
    chat.stream.end()
    assert chat.body.rest() == b""
    assert say(pods, chat.target).status == 404
    expect_in_no_log(pods.proxy, chat.session, unknown)


@pytest.mark.parametrize("mode", ["tag", "cookie"])
def test_no_tagged_id_and_no_cookie_is_in_a_log(cluster, keyed, mode):
    pods = cluster(log=DEBUG, pool=keyed(mode))
    session = pods.session("10.0.0.1")
    cookie = cookie_for("a", "3f9a" * 16, 10_000)
    for id in (session.id, session.id[:-1] + "x"):
        pods.post(session=id, fields={"Cookie": f"ringside={cookie}"})
    pods.post(fields={"Cookie": f"ringside={cookie}"})
    inward = [id for pod in pods.pods.values() for id in pod.sessions]
    expect_in_no_log(pods.proxy, session.id, session.id[-22:], cookie, *inward)


def test_no_handle_and_no_task_is_in_a_log(cluster):
    handles = [{"header": "x-room"}, {"query": "room"}, {"cookie": "room"}, {"tasks": True}]
    pods = cluster(log=DEBUG, pool={"affinity": {"handles": handles}})
    task, room = "task-0123456789abcdef", "room-0123456789abcdef"
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {"id": 1, "result": {"taskId": task}})
    pods.post(rpc("tools/call"), fields=modern("tools/call"))
    pods.post(fields=modern("tasks/get", **{"Mcp-Name": task}))
    for fields in ({"x-room": room}, {"Cookie": f"room={room}"}):
        pods.post(fields=fields)
    assert pods.wire.exchange("GET", f"/x?room={room}", fields_for(None, None)).status == 200
    expect_in_no_log(pods.proxy, task, room)
