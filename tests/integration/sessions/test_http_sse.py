"""HTTP+SSE, the transport of 2024-11-05: a session is one event stream and the POSTs that its
first event asks for, and it lives as long as the stream."""

import threading

import pytest

from harness.deadlines import eventually
from harness.http_sse import contacts, open_chat, say
from harness.mcp import expect_proxy_error, fields_for, pod_of


def test_case_69_the_posts_of_a_stream_reach_its_pod(legacy):
    pods = legacy()
    chats = [open_chat(pods, f"10.0.0.{number}") for number in range(12)]
    assert len({chat.owner for chat in chats}) > 1
    for number, chat in enumerate(chats):
        response = say(pods, chat.target, f"10.7.0.{number}")
        assert (response.status, pod_of(response)) == (202, chat.owner.name)
    assert pods.bound() == 12
    assert pods.attempts() == {}, "nothing had to be searched for"


def test_case_69_answers_arrive_on_the_stream_as_sent(legacy):
    pods = legacy()
    chat = open_chat(pods)
    assert say(pods, chat.target).status == 202
    for number in range(3):
        event = f'event: message\ndata: {{"id":{number}}}\n\n'
        chat.stream.send(event)
        assert chat.body.event() == event.encode()


def test_case_69_what_the_pod_says_to_a_post_is_passed_on(legacy):
    pods = legacy()
    chat = open_chat(pods)
    chat.owner.answer = lambda request: chat.owner.reply(413, b"too long for me")
    response = say(pods, chat.target)
    assert (response.status, response.body) == (413, b"too long for me")
    chat.owner.answer = None
    assert pod_of(say(pods, chat.target)) == chat.owner.name


def test_case_71_a_post_right_after_the_event_finds_its_binding(legacy):
    pods = legacy(workers=4)
    others = [pods.connect() for _ in range(12)]  # spread over the workers by the kernel
    for number in range(10):
        chat = open_chat(pods, f"10.1.{number}.1")
        for other in others:
            other.request("POST", chat.target, fields_for(None, "10.2.2.2"), b'{"id":1}')
        for other in others:
            response = other.read_response("POST")
            assert (response.status, pod_of(response)) == (202, chat.owner.name)
    assert pods.attempts() == {}


def test_case_72_a_session_in_a_later_event_is_neither_learned_nor_altered(legacy):
    pods = legacy()
    chat = open_chat(pods)
    events = [
        'event: message\ndata: {"text":"/messages?sessionId=in-a-message"}\n\n',
        "data: /messages?sessionId=without-type\n\n",
        "event: endpoint\ndata: /messages?sessionId=second-endpoint\n\n",
    ]
    for event in events:
        chat.stream.send(event)
        assert chat.body.event() == event.encode()
    assert pods.bound() == 1
    assert pod_of(say(pods, chat.target)) == chat.owner.name


def two_apart(pods):
    """Sessions of two clients, on two pods."""
    first = open_chat(pods)
    for number in range(2, 100):
        second = open_chat(pods, f"10.0.0.{number}")
        if second.owner is not first.owner:
            return first, second
        second.wire.close()
    raise AssertionError("a hundred clients were all placed on one pod")


def leaves(chat):
    chat.wire.close()
    chat.stream.expect_left(2.5)


def ends(chat):
    chat.stream.end()
    assert chat.body.rest() == b""


def crashes(chat):
    chat.owner.crash()
    assert chat.body.expect_abort() == b""


@pytest.mark.parametrize("closes", [leaves, ends, crashes])
def test_case_73_a_late_post_is_a_404_and_no_pod_is_asked(legacy, closes):
    pods = legacy()
    chat, other = two_apart(pods)
    closes(chat)
    eventually(lambda: pods.bound() == 1, "the binding went with its stream")
    before = contacts(pods)
    expect_proxy_error(say(pods, chat.target), 404, -32001)
    assert contacts(pods) == before
    assert say(pods, other.target).status == 202, "another stream is another session"


def test_case_73_a_stream_outlives_the_idle_time_and_its_session_with_it(legacy):
    pods = legacy(pool={"affinity": {"idle_ttl": "200ms"}})
    chat, short = open_chat(pods), open_chat(pods, "10.0.0.2")
    header = {"Mcp-Session-Id": "plain"}
    short.owner.answer = lambda request: short.owner.reply(200, {}, [("mcp-session-id", "plain")])
    assert say(pods, "/mcp", "10.0.0.2", header).status == 200
    short.owner.answer = None
    eventually(lambda: pods.bound() == 2, "a session without a stream has expired")
    response = say(pods, chat.target)
    assert (response.status, pod_of(response)) == (202, chat.owner.name)


def silent(pods):
    """Every POST is taken and never answered, until the event is set."""
    over = threading.Event()
    for pod in pods.pods.values():
        pod.answer = lambda request: over.wait() and None if request.method == "POST" else None
    return over


def test_case_74_a_pod_that_never_answers_is_a_504_and_its_connection_is_freed(legacy):
    pods = legacy(pool={"timeouts": {"response_head": "1500ms"}})
    chat = open_chat(pods)
    over = silent(pods)
    expect_proxy_error(say(pods, chat.target), 504)
    eventually(
        lambda: pods.proxy.metrics().sum("ringside_upstream_connections") == 1,
        "only the stream's own connection is left",
    )
    over.set()
    for pod in pods.pods.values():
        pod.answer = None
    assert say(pods, chat.target).status == 202, "the client's connection goes on, and the session"


def test_case_74_an_unknown_session_that_a_pod_keeps_silent_about_is_a_504(legacy):
    pods = legacy(pool={"timeouts": {"response_head": "1200ms"}})
    over = silent(pods)
    expect_proxy_error(say(pods, "/messages?sessionId=nobody"), 504)
    assert contacts(pods) == 1, "a pod at work is not left for another"
    over.set()


def test_case_75_a_stream_that_is_opened_again_is_a_new_session(legacy):
    pods = legacy()
    first = open_chat(pods)
    first.wire.close()
    second = open_chat(pods)
    assert second.session != first.session
    assert pod_of(say(pods, second.target)) == second.owner.name
    first.stream.expect_left(2.5)
    eventually(lambda: pods.bound() == 1, "the old session is forgotten")
    before = contacts(pods)
    expect_proxy_error(say(pods, first.target), 404, -32001)
    assert contacts(pods) == before


def test_case_75_after_its_pod_is_gone_a_client_comes_to_another(legacy):
    pods = legacy()
    first = open_chat(pods)
    first.owner.stop()
    assert first.body.expect_abort() == b""
    second = open_chat(pods)
    assert second.owner is not first.owner
    assert pod_of(say(pods, second.target)) == second.owner.name


def test_a_session_that_nobody_here_knows_is_searched_for(legacy):
    pods = legacy()
    for number, pod in enumerate(pods.pods.values()):
        session = f"from-elsewhere-{number}"
        pod.sessions.add(session)
        for _ in range(3):
            response = say(pods, f"/messages?sessionId={session}")
            assert (response.status, pod_of(response)) == (202, pod.name)


def test_a_session_that_no_pod_knows_is_a_404_and_remembered(legacy):
    pods = legacy()
    expect_proxy_error(say(pods, "/messages?sessionId=nobody"), 404, -32001)
    assert contacts(pods) == 3
    expect_proxy_error(say(pods, "/messages?sessionId=nobody"), 404, -32001)
    assert contacts(pods) == 3


@pytest.mark.parametrize(
    "refusal", [(400, -32602, "Invalid session ID"), (404, -32001, "Session not found")]
)
def test_the_forms_in_which_the_old_servers_do_not_know_a_session(legacy, refusal):
    pods = legacy("ab")
    session = "elsewhere"
    a, b = pods.pods.values()
    b.sessions.add(session)
    a.answer = lambda request: a.error(*refusal) if request.method == "POST" else None
    for _ in range(2):
        assert pod_of(say(pods, f"/messages?sessionId={session}")) == "b"


def test_ids_of_the_two_transports_are_two_kinds(legacy):
    pods = legacy("ab")
    for pod in pods.pods.values():
        pod.mint = lambda: "same"
    chat = open_chat(pods)
    (other,) = pods.others(chat.owner)
    other.answer = lambda request: other.reply(200)
    chat.owner.answer = lambda request: (
        chat.owner.reply(404) if request.get("mcp-session-id") else None
    )
    assert pod_of(pods.post(session="same")) == other.name
    assert pod_of(say(pods, chat.target)) == chat.owner.name
    assert pod_of(pods.post(session="same")) == other.name


def test_the_session_field_counts_before_the_parameter(legacy):
    pods = legacy("ab")
    chat = open_chat(pods)
    (other,) = pods.others(chat.owner)
    chat.owner.answer = lambda request: chat.owner.error(404, -32001, "Session not found")
    other.answer = lambda request: other.reply(200)
    assert pod_of(say(pods, chat.target, fields={"Mcp-Session-Id": "mine"})) == other.name


def test_a_get_with_a_session_parameter_opens_a_stream_of_its_own(legacy):
    pods = legacy()
    chat = open_chat(pods)
    wire = pods.connect()
    wire.request("GET", f"/sse?sessionId={chat.session}", fields_for(None, "10.0.0.1"))
    assert wire.read_response_head().status == 200
    assert pods.attempts() == {}


def test_a_client_that_leaves_before_the_first_event_leaves_nothing(legacy):
    pods = legacy()
    for pod in pods.pods.values():
        pod.event = None
    wire = pods.connect()
    wire.request("GET", "/sse", fields_for(None, "10.0.0.1"))
    owner = pods.pods[pod_of(wire.read_response_head())]
    owner.wait_stream().send("event: endpoint\ndata: /messages?sess")
    wire.close()
    owner.wait_stream().expect_left(2.5)
    assert pods.bound() == 0


def test_streams_of_an_old_session_count_for_the_clients_limit(legacy):
    pods = legacy(pool={"affinity": {"max_sessions_per_client": 2}})
    first, _ = open_chat(pods), open_chat(pods)
    wire = pods.connect()
    wire.request("GET", "/sse", fields_for(None, "10.0.0.1"))
    refusal = wire.read_response()
    expect_proxy_error(refusal, 429)
    assert int(refusal.get("retry-after")) >= 1
    assert say(pods, first.target, "10.0.0.1").status == 202, "what there is goes on"
    leaves(first)
    eventually(lambda: pods.bound() == 1, "there is room again")
    open_chat(pods)
