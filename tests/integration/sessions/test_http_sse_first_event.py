"""HTTP+SSE: the first event in all its forms, learned before the client sees it, and passed on
byte for byte; whatever else begins a stream waits for nothing."""

import re

import pytest

from harness.http_sse import open_chat, parameter_of, read_event, say, start
from harness.mcp import expect_proxy_error, fields_for, pod_of
from harness.wire import LAST_CHUNK, chunk

FORMS = {
    "TypeScript": "event: endpoint\ndata: /messages?sessionId={id}\n\n",
    "Python": "event: endpoint\r\ndata: /messages/?session_id={id}\r\n\r\n",
    "Go": "event: endpoint\ndata: /sse?sessionid={id}\n\n",
    "C#": "event: endpoint\ndata: message?sessionId={id}\n\n",
    "mcp-go": "event: endpoint\ndata: /message?sessionId={id}\r\n\r\n",
    "CR": "event: endpoint\rdata: /messages?sessionId={id}\r\r",
    "absolute": "event: endpoint\ndata: http://test.example/messages?sessionId={id}\n\n",
    "scheme-relative": "event: endpoint\ndata: //test.example/messages?sessionId={id}\n\n",
    "query alone": "event: endpoint\ndata: ?sessionId={id}\n\n",
    "parameter before": "event: endpoint\ndata: /m?token=x%26sessionId%3Dy&sessionId={id}\n\n",
    "parameters around": "event: endpoint\ndata: /m?a=1&session_id={id}&sessionIdx=2&b\n\n",
    "no space": "event:endpoint\ndata:/messages?sessionId={id}\n\n",
    "comment and retry between": (
        "event: endpoint\n: hello\nretry: 1000\ndata: /messages?sessionId={id}\n\n"
    ),
    "upper case": "event: endpoint\ndata: /messages?SESSIONID={id}\n\n",
    "shouting": "event: endpoint\ndata: /messages?SESSION_ID={id}\n\n",
    "encoded name": "event: endpoint\ndata: /messages?session%49d={id}\n\n",
    "encoded value": "event: endpoint\ndata: /messages?sessionId={id}%2F%3D%3d\n\n",
    "plus": "event: endpoint\ndata: /messages?sessionId={id}+/==\n\n",
}


def end_of(form: str) -> bytes:
    return re.search(r"(\r\n\r\n|\n\r\n|\r\r|\n\n)$", form)[0].encode()


def expect_bound(pods, chat) -> None:
    chat.owner.sessions.add(chat.session)
    for number in range(3):
        response = say(pods, chat.target, f"10.8.0.{number}")
        assert (response.status, pod_of(response)) == (202, chat.owner.name)
    assert pods.attempts() == {}, "it was bound, and not searched for"


@pytest.mark.parametrize("name", FORMS)
def test_case_70_every_form_of_the_event_is_learned_and_passed_on_unchanged(legacy, name):
    pods = legacy()
    for pod in pods.pods.values():
        pod.event = FORMS[name]
        pod.mint = lambda: "0f9c1b7e"
    chat = read_event(start(pods), end_of(FORMS[name]))
    assert chat.event.decode() == FORMS[name].replace("{id}", "0f9c1b7e")
    expect_bound(pods, chat)


@pytest.mark.parametrize("name", ["TypeScript", "Python", "mcp-go", "CR"])
def test_case_70_an_event_that_comes_in_two_pieces_waits_for_its_end_and_is_learned(legacy, name):
    pods = legacy("a")
    (pod,) = pods.pods.values()
    pod.event = None
    event = FORMS[name].replace("{id}", "7e")
    complete = len(event) - event.endswith("\r\n")  # the CR is the end of it, the LF may be late
    for cut in range(1, complete):
        chat = start(pods)
        chat.stream.send(event[:cut])
        pods.fence()
        chat.wire.expect_silence()
        chat.stream.send(event[cut:])
        read_event(chat, end_of(event))
        assert chat.event.decode() == event
        assert pods.bound() == 1
        chat.wire.close()
        chat.stream.expect_left()
        pods.fence()


def test_case_70_an_event_that_comes_byte_by_byte_is_learned(legacy):
    pods = legacy()
    for pod in pods.pods.values():
        pod.event = None
    chat = start(pods)
    event = ": hello\r\n\r\nretry: 5\n" + FORMS["mcp-go"].replace("{id}", "7e")
    for byte in event:
        chat.stream.send(byte)
    early = event[: event.index("event:")]
    assert chat.body.read(len(early)) == early.encode()
    read_event(chat, b"\r\n\r\n")
    expect_bound(pods, chat)


@pytest.mark.parametrize("spelt", ["%30f9c1b7e", "0f9c1b7e", "0f9%631b7e"])
def test_case_70_a_client_may_spell_the_value_in_another_way(legacy, spelt):
    pods = legacy()
    for pod in pods.pods.values():
        pod.mint = lambda: "0f9c1b7e"
    chat = open_chat(pods)
    response = say(pods, f"/messages?session_id={spelt}&more=1")
    assert (response.status, pod_of(response)) == (202, chat.owner.name)
    assert chat.owner.requests[-1].target == f"/messages?session_id={spelt}&more=1", "as sent"
    assert pods.attempts() == {}


@pytest.mark.parametrize(
    "data",
    [
        "/messages",
        "/messages?session=x",
        "/messages?sessionId=",
        "/messages?sessionId=a&session_id=b",
        "/messages?sessionId=%zz",
        "/messages?sessionId=%00x",
        "/messages?sessionId=" + "x" * 5000,
        "/messages#sessionId=x",
    ],
    ids=["none", "other", "empty", "two", "bad escape", "control", "long", "fragment"],
)
def test_an_event_that_names_no_session_binds_nothing_and_is_passed_on(legacy, data):
    pods = legacy()
    for pod in pods.pods.values():
        pod.event = f"event: endpoint\ndata: {data}\n\n"
    chat = start(pods)
    assert chat.body.event().decode() == chat.owner.event
    assert pods.bound() == 0
    chat.stream.send("data: more\n\n")
    assert chat.body.event() == b"data: more\n\n"


def test_comments_and_retry_before_the_event_are_not_held_back(legacy):
    pods = legacy("a")
    (pod,) = pods.pods.values()
    pod.event = None
    chat = start(pods)
    for early in (": welcome\n", "\n", "retry: 10\n", "\n", ": more\r\n", "\r\n"):
        chat.stream.send(early)
        assert chat.body.read(len(early)) == early.encode()
    chat.stream.send(FORMS["TypeScript"].replace("{id}", "x"))
    read_event(chat)
    assert pods.bound() == 1


@pytest.mark.parametrize(
    "first",
    [
        "event: message\n",
        "event: \n",
        "event: endpoints\n",
        "d",
        "data: x\n\n",
        "i",
        "id: 1\ndata: \n\n",
        "data: x\nevent: endpoint\n\n",
        "event: endpoint\n\n",
        "event: endpoint\ndata: /m?sessionId=x\ndata: y\n",
        "x" * 20_000,
    ],
    ids=[
        *("message", "empty type", "other type", "a letter of data", "no type", "a letter of id"),
        *("priming", "the type last", "endpoint without data", "endpoint of two lines"),
        "endless line",
    ],
)
def test_a_stream_that_begins_with_something_else_is_passed_on_at_once(legacy, first):
    pods = legacy("a")
    (pod,) = pods.pods.values()
    pod.event = None
    chat = start(pods)
    chat.stream.send(first)
    assert chat.body.read(len(first)) == first.encode()
    after = ": y\n\nevent: endpoint\ndata: /m?sessionId=late\n\n"
    for piece in (after[:20], after[20:]):
        chat.stream.send(piece)
        assert chat.body.read(len(piece)) == piece.encode()
    assert pods.bound() == 0


def test_a_stream_that_ends_in_its_first_event_is_delivered_whole(legacy):
    pods = legacy("a")
    (pod,) = pods.pods.values()
    pod.event = None
    chat = start(pods)
    chat.stream.send("event: endpoint\ndata: /m?sessionId=x\n")
    chat.stream.end()
    assert chat.body.rest() == b"event: endpoint\ndata: /m?sessionId=x\n"
    assert pods.bound() == 0


def open_raw(proxy, upstream, head):
    """A GET whose upstream the test plays itself."""
    wire = proxy.connect()
    wire.request("GET", "/sse", fields_for(None, None))
    served = upstream.accept()
    served.read_request()
    served.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + head + "\r\n")
    return served, wire.body_of(wire.read_response_head())


EVENT = "event: endpoint\ndata: /messages?sessionId=raw\n\n"


@pytest.mark.parametrize("framing", ["", "Content-Length: 10000\r\n"], ids=["close", "length"])
def test_the_event_is_learned_however_the_stream_is_framed(ringside, upstream, framing):
    proxy = ringside(upstream)
    served, body = open_raw(proxy, upstream, framing)
    served.send(EVENT[:30])
    served.send(EVENT[30:])
    assert body.event() == EVENT.encode()
    assert proxy.metrics().sum("ringside_sessions") == 1


def test_what_follows_the_event_in_the_same_segment_follows_it(ringside, upstream):
    proxy = ringside(upstream)
    served, body = open_raw(proxy, upstream, "Transfer-Encoding: chunked\r\n")
    served.send(chunk(EVENT + "data: 1\n\ndata: 2") + chunk("\n\n") + LAST_CHUNK)
    assert body.rest() == EVENT.encode() + b"data: 1\n\ndata: 2\n\n"


def test_a_compressed_stream_is_passed_on_at_once_and_not_read(ringside, upstream):
    served, body = open_raw(
        ringside(upstream), upstream, "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
    )
    packed = bytes.fromhex("1f8b0800000000000003") + b"event: endpoint without a line feed"
    served.send(chunk(packed))
    assert body.read(len(packed)) == packed


@pytest.mark.parametrize(
    "answer",
    [
        ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"),
        ("HTTP/1.1 404 Not Found\r\nContent-Type: text/event-stream\r\n"),
    ],
    ids=["another type", "an error"],
)
def test_what_is_no_stream_of_that_transport_is_not_held_back(ringside, upstream, answer):
    proxy = ringside(upstream)
    wire = proxy.connect()
    wire.request("GET", "/sse", fields_for(None, None))
    served = upstream.accept()
    served.read_request()
    served.send(answer + "Transfer-Encoding: chunked\r\n\r\n" + chunk("event: endp").decode())
    body = wire.body_of(wire.read_response_head())
    assert body.read(11) == b"event: endp"
    served.send(chunk("oint\ndata: /m?sessionId=x\n\n") + LAST_CHUNK)
    assert body.rest() == b"oint\ndata: /m?sessionId=x\n\n"
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_the_answer_to_a_post_names_no_session_by_an_event(ringside, upstream):
    proxy = ringside(upstream)
    wire = proxy.connect()
    wire.request("POST", "/mcp", fields_for(None, None), b"{}")
    served = upstream.accept()
    served.read_request()
    served.respond(200, {"Content-Type": "text/event-stream"}, EVENT.encode())
    assert wire.read_response("POST").body == EVENT.encode()
    assert proxy.metrics().sum("ringside_sessions") == 0


def test_a_post_that_names_two_sessions_names_none(legacy):
    pods = legacy()
    chat = open_chat(pods)
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(400, b"which of them?")
    response = say(pods, f"{chat.target}&session_id=other")
    assert (response.status, response.body) == (400, b"which of them?")
    assert pods.attempts() == {}
    assert pods.bound() == 1


# Mode tag: the parameter in the event gets the tag.


@pytest.mark.parametrize("name", [name for name in FORMS if name != "plus"])
def test_case_81_the_session_in_the_event_gets_a_tag_that_any_proxy_reads(
    legacy, keyed, trusting, name
):
    pods = legacy(pool=keyed("tag"))
    for pod in pods.pods.values():
        pod.event = FORMS[name]
        pod.mint = lambda: "0f9c1b7e"
    chat = read_event(start(pods), end_of(FORMS[name]))
    plain = FORMS[name].replace("{id}", "0f9c1b7e")
    tag = re.search(r"\.[A-Za-z0-9_-]{22}", chat.event.decode())[0]
    assert chat.event.decode().replace(tag, "", 1) == plain
    original = chat.target.replace(tag, "", 1)
    chat.owner.sessions.add(parameter_of(original))
    second = trusting(*pods.pods.values(), pool=keyed("tag"))
    for proxy in (pods.proxy, second):
        wire = proxy.connect()
        for number in range(3):
            response = say(wire, chat.target, f"10.8.0.{number}")
            assert (response.status, pod_of(response)) == (202, chat.owner.name)
            assert chat.owner.requests[-1].target == original
        assert proxy.metrics().sum("ringside_recovery_attempts_total") == 0


def test_case_81_a_tag_is_added_wherever_the_event_is_split(legacy, keyed):
    pods = legacy("a", pool=keyed("tag"))
    (pod,) = pods.pods.values()
    pod.event = None
    event = FORMS["Python"].replace("{id}", "7e")
    for cut in range(1, len(event) - 1):
        chat = start(pods)
        chat.stream.send(event[:cut])
        pods.fence()
        chat.wire.expect_silence()
        chat.stream.send(event[cut:] + "data: next\n\n")
        read_event(chat, b"\r\n\r\n")
        assert re.fullmatch(r"7e\.[A-Za-z0-9_-]{22}", chat.session)
        assert len(chat.event) == len(event) + 23
        assert chat.body.event() == b"data: next\n\n"
        chat.wire.close()


@pytest.mark.parametrize(
    "forge",
    [
        lambda id: id[:-1] + ("A" if id[-1] not in "AQgw" else "B"),
        lambda id: "x" + id,
        lambda id: f"{id[:-22]}{'A' * 22}",
    ],
    ids=["end", "id", "made up"],
)
def test_case_81_a_forged_tag_in_the_parameter_is_a_404_and_no_pod_is_asked(legacy, keyed, forge):
    pods = legacy(pool=keyed("tag"))
    chat = open_chat(pods)
    before = sum(len(pod.requests) for pod in pods.pods.values())
    expect_proxy_error(say(pods, f"/messages?sessionId={forge(chat.session)}"), 404, -32001)
    assert sum(len(pod.requests) for pod in pods.pods.values()) == before
    assert say(pods, chat.target).status == 202


def test_case_82_a_session_without_a_tag_is_searched_for(legacy, keyed):
    pods = legacy(pool=keyed("tag"))
    pods.pods["b"].sessions.add("from-before")
    response = say(pods, "/messages?sessionId=from-before")
    assert (response.status, pod_of(response)) == (202, "b")


def test_case_81_only_the_first_event_is_tagged(legacy, keyed):
    pods = legacy(pool=keyed("tag"))
    chat = open_chat(pods)
    later = f"event: endpoint\ndata: /messages?sessionId={chat.session[:-23]}\n\n"
    chat.stream.send(later)
    assert chat.body.event() == later.encode()


def test_case_81_a_stream_of_known_length_keeps_it_and_gets_no_tag(ringside, upstream, keyed):
    served, body = open_raw(
        ringside(upstream, pool=keyed("tag")), upstream, f"Content-Length: {len(EVENT)}\r\n"
    )
    served.send(EVENT)
    assert body.rest() == EVENT.encode()


def test_case_81_a_tagged_session_ends_with_its_stream(legacy, keyed):
    pods = legacy(pool=keyed("tag"))
    chat = open_chat(pods)
    chat.stream.end()
    assert chat.body.rest() == b""
    before = len(chat.owner.requests)
    expect_proxy_error(say(pods, chat.target), 404, -32001)
    assert len(chat.owner.requests) == before
