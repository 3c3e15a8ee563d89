"""Revivals that do not come about: the client learns whether to try again, and nothing is bound."""

import json
import threading

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import (
    INITIALIZE,
    INITIALIZED,
    expect_proxy_error,
    fields_for,
    pod_of,
    post,
    rpc,
)
from harness.revival import (
    CALL,
    Watch,
    forget,
    handshakes,
    method_of,
    open_session,
    revived,
    reviving,
)
from harness.upstream import Silence, asked
from harness.wire import LAST_CHUNK, chunk, encode

SLOW = 3 * DEADLINE  # a handshake may take ten seconds


def answer_each(pods, method, answer) -> None:
    """Every pod answers this method by answer(pod), and all else as ever."""
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: (
            answer(pod) if method_of(request) == method else None
        )


def answer_handshakes(pods, answer) -> None:
    answer_each(pods, "initialize", answer)


def lost_session(pods):
    session = open_session(pods)
    forget(pods)
    assert pods.post(INITIALIZED, session.id).status == 404
    return session


def forgotten_session(proxy, upstream):
    """A session of one upstream that a test plays; what it was opened on."""
    client, served = asked(proxy, upstream, "POST", "/mcp", body=INITIALIZE)
    served.respond(200, {"Mcp-Session-Id": "old"}, b"{}")
    assert client.read_response().status == 200
    return client, served


def revival_begun(proxy, upstream):
    """Such a session whose server has refused a call: it has read the handshake, no more."""
    client, served = forgotten_session(proxy, upstream)
    client.request("POST", "/mcp", {"Mcp-Session-Id": "old"}, CALL)
    served.read_request()
    served.respond(404)
    assert method_of(served.read_request()) == "initialize"
    return client, served


def one_that_waits(proxy, call=CALL):
    """The client of another call of that session; the proxy has read it."""
    second = proxy.connect()
    second.request("POST", "/mcp", {"Mcp-Session-Id": "old"}, call)
    proxy.fence()
    return second


def expect_to_try_again(response) -> None:
    expect_proxy_error(response, 503)
    assert int(response.get("retry-after")) >= 1


@pytest.mark.parametrize("status", [400, 404, 422])
def test_case_92_a_handshake_that_is_refused_is_a_404_and_the_next_request_tries_again(
    cluster, status
):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    answer_handshakes(pods, lambda pod: pod.error(status, -32600, "no"))
    seen = Watch(pods)
    for count in (1, 2):
        expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
        assert seen.methods().count("initialize") == count
    assert seen.methods().count("tools/call") == 1
    assert (pods.bound(), revived(pods)) == (0, 0)
    answer_handshakes(pods, lambda pod: None)
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id
    assert (pods.bound(), revived(pods)) == (1, 1)


# Credentials that the handshake's endpoint refuses.

GOOD = {"Authorization": "Bearer good"}
LAPSED = {"Authorization": "Bearer lapsed"}
CHALLENGES = [
    ("WWW-Authenticate", 'Bearer error="invalid_token", resource_metadata="https://a.test/m"'),
    ("www-authenticate", "Basic realm=x"),
]


def guard(pods, status, fields=(), before=lambda: None) -> None:
    """Every pod opens sessions for GOOD alone."""

    def answer(request, pod):
        if method_of(request) != "initialize":
            return None
        before()
        is_good = request.get("authorization") == GOOD["Authorization"]
        return None if is_good else pod.error(status, -32600, "no", [*fields])

    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: answer(request, pod)


@pytest.mark.parametrize("owner_is_gone", [False, True], ids=["forgotten", "owner gone"])
@pytest.mark.parametrize("status", [401, 403])
def test_case_92_refused_credentials_are_the_clients_to_renew_and_the_session_waits(
    cluster, status, owner_is_gone
):
    pods = cluster(pool=reviving(owner_grace="0s"))
    session = open_session(pods)
    session.owner.crash() if owner_is_gone else forget(pods)
    guard(pods, status, CHALLENGES)
    seen = Watch(pods)
    for count in (1, 2):
        answer = pods.post(CALL, session.id, fields=LAPSED)
        expect_proxy_error(answer, status)
        assert answer.all("www-authenticate") == [value for _, value in CHALLENGES]
        assert answer.get("x-pod") is None
        assert seen.methods().count("initialize") == count
    assert (pods.bound(), revived(pods)) == (0, 0)
    assert pods.post(CALL, session.id, fields=GOOD).get("mcp-session-id") == session.id
    assert (pods.bound(), revived(pods)) == (1, 1)
    reason = "handshake_unauthorized" if status == 401 else "handshake_forbidden"
    assert pods.proxy.metrics().sum("ringside_request_errors_total", error=reason) == 2


def test_case_92_an_id_that_nobody_knows_keeps_its_revival_too(cluster):
    pods = cluster(pool=reviving(revive={"unknown": True}))
    guard(pods, 401, CHALLENGES)
    stored = pods.unknown()
    for _ in range(2):
        answer = pods.post(CALL, stored, fields=LAPSED)
        expect_proxy_error(answer, 401)
        assert answer.all("www-authenticate")
    assert pods.post(CALL, stored, fields=GOOD).get("mcp-session-id") == stored


@pytest.mark.parametrize("size", [8 * 1024 - 256, 8 * 1024])
def test_case_92_a_challenge_is_told_whole_or_not_at_all(cluster, size):
    pods = cluster(pool=reviving())
    session = lost_session(pods)
    challenge = "Bearer " + "x" * (size - len("Bearer "))
    guard(pods, 401, [("WWW-Authenticate", challenge)])
    answer = pods.post(CALL, session.id, fields=LAPSED)
    expect_proxy_error(answer, 401)
    assert answer.all("www-authenticate") == ([challenge] if size < 8 * 1024 else [])


@pytest.mark.parametrize("end", ["close", "malformed", "too large"])
def test_case_92_credentials_are_refused_however_the_body_ends(trusting, upstream, end):
    proxy = trusting(upstream, pool=reviving())
    client, served = revival_begun(proxy, upstream)
    fields = {"WWW-Authenticate": "Bearer", "Transfer-Encoding": "chunked"}
    served.send(encode("HTTP/1.1 401 No", fields))
    if end == "malformed":
        served.send_anyway(b"no chunk\r\n")
    elif end == "too large":
        served.send_anyway(chunk("x" * 2_000_000))
    else:
        served.close()
    answer = client.read_response()
    expect_proxy_error(answer, 401)
    assert answer.get("www-authenticate") == "Bearer"


@pytest.mark.parametrize("workers", [1, 4])
def test_case_92_who_waits_tries_with_credentials_of_its_own(cluster, workers):
    pods = cluster(pool=reviving(), workers=workers)
    session = lost_session(pods)
    others_wait = threading.Event()
    guard(pods, 401, CHALLENGES, lambda: others_wait.wait(DEADLINE))
    seen = Watch(pods)
    first = pods.connect()
    first.request("POST", "/mcp", fields_for(session.id, None, LAPSED), rpc("tools/call", 0))
    eventually(lambda: "initialize" in seen.methods(), "a handshake")
    wires = [(pods.connect(), fields) for fields in (LAPSED, GOOD, LAPSED, GOOD)]
    for number, (wire, fields) in enumerate(wires):
        wire.request(
            "POST", "/mcp", fields_for(session.id, None, fields), rpc("tools/call", number)
        )
    others_wait.set()
    expect_proxy_error(first.read_response(), 401)
    for wire, fields in wires:
        answer = wire.read_response()
        if fields is GOOD or answer.status != 401:  # what another has revived is open to all
            assert (answer.status, answer.get("mcp-session-id")) == (200, session.id)
        else:
            assert answer.all("www-authenticate")
    assert (pods.bound(), revived(pods)) == (1, 1)
    assert 2 <= seen.methods().count("initialize") <= 4


def test_case_92_a_server_that_issues_no_id_cannot_revive(cluster):
    pods = cluster(pool=reviving())
    session = lost_session(pods)
    answer_handshakes(pods, lambda pod: pod.reply(200, {"jsonrpc": "2.0", "id": 1, "result": {}}))
    seen = Watch(pods)
    expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
    assert seen.methods() == ["initialize"]
    assert pods.bound() == 0


def test_case_92_a_refused_notification_is_a_refused_handshake(cluster):
    pods = cluster(pool=reviving())
    session = lost_session(pods)
    answer_each(pods, "notifications/initialized", lambda pod: pod.error(400, -32600, "no"))
    seen = Watch(pods)
    expect_proxy_error(pods.post(CALL, session.id), 404, -32001)
    assert seen.methods() == ["initialize", "notifications/initialized"]
    assert pods.bound() == 0


@pytest.mark.parametrize("status", [500, 503])
def test_case_92_a_pod_that_cannot_open_a_session_now_is_a_503_to_try_again(cluster, status):
    pods = cluster(pool=reviving())
    session = lost_session(pods)
    answer_handshakes(pods, lambda pod: pod.error(status, -32603, "full"))
    expect_to_try_again(pods.post(CALL, session.id))
    assert pods.bound() == 0


@pytest.mark.parametrize(
    "body, search",
    [
        (rpc("notifications/cancelled", None, requestId=1), {"attempts": 1}),
        (rpc("tools/call", 1, text="x" * 5000), {"body_bytes": "1KiB"}),
    ],
    ids=["notification", "large"],
)
def test_case_91_what_cannot_be_revived_is_answered_when_a_limit_ends_the_search(
    cluster, body, search
):
    pods = cluster("a", pool=reviving(revive={"unknown": True}, search=search))
    expect_proxy_error(pods.post(body, pods.unknown()), 404, -32001)
    assert revived(pods) == 0


def test_case_92_when_no_pod_accepts_connections_it_is_a_503_to_try_again(cluster):
    pods = cluster(pool=reviving(owner_grace="0s"))
    session = lost_session(pods)
    for pod in pods.pods.values():
        pod.stop()
    expect_to_try_again(pods.post(CALL, session.id))
    for pod in pods.pods.values():
        pod.start()
    back = lambda: pods.post(CALL, session.id).get("mcp-session-id") == session.id
    eventually(back, "it is revived where a pod accepts again")


def test_case_92_a_pod_that_refuses_connections_is_passed_over(cluster):
    pods = cluster(pool=reviving(owner_grace="0s"))
    session = lost_session(pods)
    session.owner.stop()
    response = pods.post(CALL, session.id)
    assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert pod_of(response) != session.owner.name


def test_case_92_a_pod_that_does_not_accept_connections_is_passed_over(cluster):
    pods = cluster(pool={**reviving(), "timeouts": {"connect": "200ms"}})
    session = lost_session(pods)
    session.owner.stop()
    silent = Silence(session.owner.port)
    try:
        response = pods.post(CALL, session.id)
        assert (response.status, response.get("mcp-session-id")) == (200, session.id)
        assert pod_of(response) != session.owner.name
    finally:
        silent.close()


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("step", ["initialize", "notifications/initialized"])
def test_case_92_a_handshake_whose_connection_is_lost_is_a_503_to_try_again(
    trusting, upstream, step, end
):
    proxy = trusting(upstream, pool=reviving())
    client, served = revival_begun(proxy, upstream)
    if step != "initialize":
        served.respond(200, {"Mcp-Session-Id": "new"}, b"{}")
        served.read_request()
    getattr(served, end)()
    expect_to_try_again(client.read_response())
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_case_92_a_handshake_that_is_not_answered_is_a_503_to_try_again(trusting, upstream):
    proxy = trusting(upstream, pool=reviving())
    client, served = revival_begun(proxy, upstream)
    client.socket.settimeout(SLOW)
    expect_to_try_again(client.read_response())
    served.expect_close()
    assert proxy.metrics().sum("ringside_sessions") == 0


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nBad Field: 1\r\n\r\n"],
    ids=["no head", "no field"],
)
def test_case_92_an_answer_that_is_no_http_revives_nothing(trusting, upstream, answer):
    proxy = trusting(upstream, pool=reviving())
    client, served = revival_begun(proxy, upstream)
    served.send(answer)
    expect_proxy_error(client.read_response(), 503)
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_case_92_an_answer_without_an_end_is_given_up(trusting, upstream):
    proxy = trusting(upstream, pool=reviving())
    client, served = revival_begun(proxy, upstream)
    served.send(encode("HTTP/1.1 200 OK", {"Mcp-Session-Id": "new", "Content-Length": "9999999"}))
    served.send_anyway(b" " * 9_999_999)
    expect_proxy_error(client.read_response(), 404, -32001)
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_case_92_who_waits_for_a_refused_handshake_is_told_so_too(cluster):
    pods = cluster(pool=reviving(), workers=4)
    session = lost_session(pods)
    others_wait = threading.Event()

    def refuse(pod):
        assert others_wait.wait(DEADLINE)
        return pod.error(400, -32600, "no")

    answer_handshakes(pods, refuse)
    seen = Watch(pods)
    wires = [pods.connect() for _ in range(6)]
    for number, wire in enumerate(wires):
        wire.request("POST", "/mcp", fields_for(session.id, None), rpc("tools/call", number))
    eventually(lambda: "initialize" in seen.methods(), "a handshake")
    others_wait.set()
    for wire in wires:
        expect_proxy_error(wire.read_response(), 404, -32001)
    assert pods.bound() == 0


@pytest.mark.parametrize(("status", "refused_as"), [(400, 404), (401, 401), (403, 403)])
def test_case_92_a_client_whose_handshakes_keep_failing_is_told_to_slow_down(
    cluster, status, refused_as
):
    pods = cluster(pool=reviving(search={"per_client": 1}))
    session = lost_session(pods)
    answer_handshakes(pods, lambda pod: pod.error(status, -32600, "no"))
    answers = [pods.post(CALL, session.id, "10.0.0.1") for _ in range(40)]
    assert {answer.status for answer in answers} == {refused_as, 429}
    assert all(answer.get("retry-after") for answer in answers if answer.status == 429)
    assert handshakes(pods) - 1 == [answer.status for answer in answers].count(refused_as)
    answer_handshakes(pods, lambda pod: None)
    other = lost_session(pods)
    assert pods.post(CALL, other.id, "10.0.0.2").status == 200


def test_case_93_a_call_that_was_sent_and_lost_is_a_502_and_revives_nothing(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    owner = session.owner

    def die(request):
        if method_of(request) == "tools/call":
            raise OSError("the process is killed")
        return None

    owner.answer = die
    seen = Watch(pods)
    expect_proxy_error(pods.post(CALL, session.id), 502)
    assert len(seen.requests()) == 1
    assert (pods.bound(), revived(pods)) == (1, 0)
    owner.answer = None
    assert pod_of(pods.post(CALL, session.id)) == owner.name
    assert handshakes(pods) == 1


def test_case_93_the_repeated_call_is_not_sent_a_third_time(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    calls = []

    def die_at_the_second(pod):
        calls.append(pod)
        if len(calls) == 2:
            raise OSError("the process is killed")

    answer_each(pods, "tools/call", die_at_the_second)
    expect_proxy_error(pods.post(CALL, session.id), 502)
    assert len(calls) == 2
    assert pods.bound() == 1
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id
    assert handshakes(pods) == 2


def test_a_server_that_opens_sessions_and_does_not_know_them_is_asked_once(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    answer_each(pods, "tools/call", lambda pod: pod.error(404, -32001, "Session not found"))
    seen = Watch(pods)
    response = pods.post(CALL, session.id)
    assert response.status == 404
    assert seen.methods() == ["tools/call", "initialize", "notifications/initialized", "tools/call"]


def test_revivals_are_limited_and_the_rest_told_to_try_again(cluster):
    pods = cluster(pool=reviving(revive={"per_second": 1}))
    sessions = [open_session(pods) for _ in range(8)]
    forget(pods)
    wires = [pods.connect() for _ in sessions]
    for wire, session in zip(wires, sessions, strict=True):
        wire.request("POST", "/mcp", fields_for(session.id, None), CALL)
    answers = [wire.read_response() for wire in wires]
    assert {answer.status for answer in answers} == {200, 503}
    for answer in answers:
        if answer.status == 503:
            expect_to_try_again(answer)
    held_back = sessions[[answer.status for answer in answers].index(503)]
    eventually(lambda: pods.post(CALL, held_back.id).status == 200, "a second later it works")


def test_the_client_leaves_during_the_handshake(trusting, upstream):
    proxy = trusting(upstream, pool=reviving())
    client, served = revival_begun(proxy, upstream)
    client.close()
    served.expect_close()
    assert proxy.metrics().sum("ringside_sessions_revived_total") == 0


def test_when_the_client_that_revives_leaves_another_that_waits_goes_on(trusting, upstream):
    proxy = trusting(upstream, pool=reviving())
    first, served = revival_begun(proxy, upstream)
    second = one_that_waits(proxy, rpc("tools/call", 2))
    first.close()
    served.expect_close()
    served = upstream.accept()
    assert served.read_request().body == INITIALIZE
    served.respond(200, {"Mcp-Session-Id": "new"}, b"{}")
    served.read_request()
    served.respond(202)
    assert json.loads(served.read_request().body)["id"] == 2
    served.respond(200, {"Mcp-Session-Id": "new"}, b"{}")
    assert second.read_response().get("mcp-session-id") == "old"


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "reviving"])
def test_a_proxy_that_stops_lets_no_revival_hold_it(trusting, upstream, waits):
    proxy = trusting(upstream, pool=reviving(), shutdown={"deadline": "200ms"})
    client, served = revival_begun(proxy, upstream)
    if waits:
        one_that_waits(proxy)
    proxy.signal()
    assert proxy.wait_exit() == 0


# How servers answer a handshake.

RESULT = '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}'
STREAM = {
    "Content-Type": "text/event-stream",
    "Mcp-Session-Id": "new",
    "Transfer-Encoding": "chunked",
}
PRIMED = chunk("id: 0\r\ndata:\r\n\r\n") + chunk(f"event: message\r\ndata: {RESULT}\r\n\r\n")
ANSWERS = {
    "json": encode("HTTP/1.1 200 OK", {"MCP-Session-Id": "new"}, RESULT.encode()),
    "chunked json": encode(
        "HTTP/1.1 200 OK", {"mcp-session-id": " new\t", "Transfer-Encoding": "chunked"}
    )
    + chunk(RESULT)
    + LAST_CHUNK,
    "stream": encode("HTTP/1.1 200 OK", STREAM) + PRIMED + LAST_CHUNK,
    "after 100 and 103": b"HTTP/1.1 100 Continue\r\n\r\n"
    + b"HTTP/1.1 103 Early Hints\r\nMcp-Session-Id: wrong\r\n\r\n"
    + encode("HTTP/1.1 200 OK", {"Mcp-Session-Id": "new"}, RESULT.encode()),
    "no body": encode("HTTP/1.1 200 OK", {"Mcp-Session-Id": "new"}, b""),
}


@pytest.mark.parametrize("how", ["at once", "byte by byte"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_case_87_each_form_of_answer_to_the_handshake_will_do(trusting, upstream, answer, how):
    proxy = trusting(upstream, pool=reviving())
    client, served = forgotten_session(proxy, upstream)
    client.request("POST", "/mcp", {"Mcp-Session-Id": "old"}, CALL)
    served.read_request()
    send = served.send if how == "at once" else served.trickle
    send(encode("HTTP/1.1 404 Not Found", {}, b"no"))
    assert served.read_request().body == INITIALIZE
    send(ANSWERS[answer])
    initialized = served.read_request()
    assert initialized.get("mcp-session-id") == "new"
    send(encode("HTTP/1.1 202 Accepted", {}, b""))
    assert served.read_request().get("mcp-session-id") == "new"
    send(encode("HTTP/1.1 200 OK", {"Mcp-Session-Id": "new"}, RESULT.encode()))
    response = client.read_response()
    assert (response.status, response.body) == (200, RESULT.encode())
    assert response.get("mcp-session-id") == "old"


@pytest.mark.parametrize("framing", ["announced", "by the close alone"])
def test_case_87_a_server_that_closes_after_each_answer(trusting, upstream, framing):
    proxy = trusting(upstream, pool=reviving())
    client, served = forgotten_session(proxy, upstream)

    def respond(served, status: int, fields: dict[str, str], body: bytes) -> None:
        if framing == "announced":
            served.respond(status, {"Connection": "close", **fields}, body)
        else:
            served.send(encode(f"HTTP/1.1 {status} Status", fields) + body)
        served.close()

    client.request("POST", "/mcp", {"Mcp-Session-Id": "old"}, CALL)
    served.read_request()
    respond(served, 404, {}, b"no")
    for status, fields, method in [
        (200, {"Mcp-Session-Id": "new"}, "initialize"),
        (202, {}, "notifications/initialized"),
        (200, {"Mcp-Session-Id": "new"}, "tools/call"),
    ]:
        served = upstream.accept()
        assert method_of(served.read_request()) == method
        respond(served, status, fields, b"" if status == 202 else b"{}")
    response = client.read_response()
    assert (response.status, response.get("mcp-session-id")) == (200, "old")


def test_case_87_a_handshake_answered_by_a_stream_that_stays_open(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    result = chunk(f"event: message\ndata: {RESULT}\n\n")

    def opens(pod):
        pod.sessions.add("anew")
        return encode("HTTP/1.1 200 OK", {**STREAM, "Mcp-Session-Id": "anew"}) + result

    answer_handshakes(pods, opens)
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id


def test_a_refusal_longer_than_what_is_held_back_is_still_a_refusal(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    owner = session.owner
    owner.answer = lambda request: (
        owner.reply(404, b"<html>" + b"x" * 200_000)
        if request.get("mcp-session-id") == session.id
        else None
    )
    assert pods.post(CALL, session.id).get("mcp-session-id") == session.id
    owner.sessions.clear()
    owner.answer = lambda request: owner.reply(404, b"<html>" + b"x" * 200_000)
    response = pods.post(INITIALIZED, session.id)
    assert response.status == 404


def test_a_large_call_that_is_refused_before_its_end_is_answered_at_once(trusting, upstream):
    proxy = trusting(upstream, pool=reviving())
    client, served = forgotten_session(proxy, upstream)
    client.request("POST", "/mcp", {"Mcp-Session-Id": "old", "Content-Length": "16000000"})
    sending = threading.Thread(target=client.send_anyway, args=(b"x" * 16_000_000,), daemon=True)
    sending.start()
    served.read_request_head()
    served.respond(404, body=b"no such session")
    response = client.read_response()
    assert (response.status, response.body) == (404, b"no such session")
    client.close()
    sending.join(DEADLINE)
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_a_call_that_grows_too_large_after_it_was_refused_is_answered(trusting, upstream):
    proxy = trusting(upstream, pool=reviving(search={"body_bytes": "1KiB"}))
    client, served = forgotten_session(proxy, upstream)
    client.request("POST", "/mcp", {"Mcp-Session-Id": "old", "Content-Length": "4000"})
    client.send(b" " * 100)
    served.read_request_head()
    served.read_exactly(100)
    served.respond(404, body=b"no such session")
    served.expect_close()
    client.send(b" " * 3900)
    response = client.read_response()
    assert (response.status, response.body) == (404, b"no such session")
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_another_path_has_404s_of_its_own(cluster):
    pods = cluster(pool=reviving())
    session = open_session(pods)
    owner = session.owner
    owner.answer = lambda request: owner.reply(404) if request.path == "/other" else None
    assert post(pods.connect(), CALL, session.id, target="/other").status == 404
    assert pods.post(CALL, session.id).status == 200
    assert (handshakes(pods), revived(pods)) == (1, 0)
