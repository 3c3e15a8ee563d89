"""Every word of docs/reasons.md, brought about on real sockets.

The document's row is what is asked for: the status and the side in the access log, one more in the
counter, and the answer that the document describes. A deed is a function with the name of a word;
its parameters are fixtures. It gives the proxy, and the answer or, where nothing could be said, the
status that had begun.
"""

import inspect
import re
import select
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import INITIALIZE, LIST_TOOLS, expect_proxy_error, fields_for, post
from harness.process import Ringside, parse_access_line
from harness.revival import CALL, forget, method_of, open_session, reviving
from harness.upstream import Silence, asked
from harness.websocket import open_both
from harness.wire import Message, Wire

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "reasons.md"
ROW = re.compile(r"\| `([a-z_]+)` \| (-|[45][0-9][0-9]) \| (client|proxy|upstream) \| .+ \| .+ \|")
TRY_AGAIN = (429, 503)
# Their 404 makes a client start anew.
SESSIONS = {
    *("forged_session_id", "session_ended", "session_unknown"),
    *("owner_lost", "handshake_refused"),
}

UNREACHABLE = {
    "bad_request": "each error of the parser has a row of its own; this is for one that has none",
}
UNCOUNTED = {"draining": "the process has left before it can be asked for its counters"}


class Row(NamedTuple):
    status: str
    side: str


def rows() -> dict[str, Row]:
    found: dict[str, Row] = {}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("| `"):
            match = ROW.fullmatch(line)
            assert match, f"not a row: {line}"
            assert match[1] not in found, f"twice: {match[1]}"
            found[match[1]] = Row(match[2], match[3])
    return found


Outcome = tuple[Ringside, Message | int]
DEEDS: dict[str, Callable[..., Outcome]] = {}


def deed(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    DEEDS[function.__name__] = function
    return function


def test_each_word_of_the_document_is_provoked_or_is_listed_with_its_reason():
    assert DEEDS.keys() | UNREACHABLE.keys() == rows().keys()
    assert not DEEDS.keys() & UNREACHABLE.keys()
    assert UNCOUNTED.keys() <= DEEDS.keys()


# What a client sends

GET = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
SENT = {
    "bad_request_line": "get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "bad_version": "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "bad_line_end": f"{GET}X: a\nY: b\r\n\r\n",
    "folded_field": f"{GET}X: a\r\n b\r\n\r\n",
    "bad_field_name": f"{GET}X : a\r\n\r\n",
    "bad_field_value": f"{GET}X: a\0b\r\n\r\n",
    "bad_host": f"{GET}Host: b\r\n\r\n",
    "length_and_coding": f"{POST}{CHUNKED}Content-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "bad_length": f"{POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "bad_framing": f"{POST}{CHUNKED}{CHUNKED}\r\n5\r\nhello\r\n0\r\n\r\n",
    "bad_chunk": f"{POST}{CHUNKED}\r\nzz\r\n",
    "bad_target": "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls_hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "r" * 32,
    "proxy_protocol": f"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n{GET}\r\n",
    "unsupported_coding": f"{POST}Transfer-Encoding: gzip, chunked\r\n\r\n",
    "unsupported_method": "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "trace_refused": "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "bad_max_forwards": "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n",
    "head_too_large": f"{GET}X: {'x' * 4096}\r\n\r\n",
    "target_too_long": f"GET /{'x' * 2048} HTTP/1.1\r\nHost: a\r\n\r\n",
    "body_too_large": f"{POST}Content-Length: 1025\r\n\r\n{'x' * 1025}",
    "duplicate_session_id": f"{GET}Mcp-Session-Id: a\r\nMcp-Session-Id: a\r\n\r\n",
    "malformed_session_id": f"{GET}Mcp-Session-Id: a b\r\n\r\n",
    "lookalike_session_id": f"{GET}Mcp_Session_Id: a\r\n\r\n",
    "lookalike_field": f"{GET}X_Forwarded_For: 10.0.0.1\r\n\r\n",
    "origin_refused": f"{GET}Origin: https://elsewhere.example\r\n\r\n",
}
BOUNDS = {"header_bytes": "4KiB", "target_bytes": "2KiB", "body_bytes": "1KiB"}


def sends(word: str) -> Callable[..., Outcome]:
    def send(ringside, upstream) -> Outcome:
        origins = {"allowed_origins": ["https://app.example"]}
        proxy = ringside(upstream, limits=BOUNDS, listener=origins)
        client = proxy.connect()
        client.send_anyway(SENT[word].encode("latin-1"))
        return proxy, client.read_response()

    return send


DEEDS.update({word: sends(word) for word in SENT})


# What a client does not send, or does not read

SHORT_BODY = {"timeouts": {"request_body": "300ms"}}


@deed
def head_timeout(ringside, upstream):
    proxy = ringside(upstream, listener={"timeouts": {"request_head": "3s"}})
    client = proxy.connect()
    client.send(GET)
    return proxy, client.read_response()


@deed
def body_timeout(ringside, upstream):
    proxy = ringside(upstream, listener=SHORT_BODY)
    client = proxy.connect()
    client.send(f"{POST}Content-Length: 10\r\n\r\nhello")
    return proxy, client.read_response()


@deed
def body_too_slow(ringside, upstream):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(f"{POST}Content-Length: 1000000\r\n\r\n")

    def answered() -> bool:
        client.send_anyway(b"x")
        return bool(select.select([client.socket], [], [], 0.05)[0])

    eventually(answered, "an answer", 3 * DEADLINE)  # a rate is taken over ten seconds
    return proxy, client.read_response()


@deed
def reader_timeout(ringside, upstream):
    proxy = ringside(upstream, listener={"timeouts": {"response_read": "500ms"}})
    _, served = asked(proxy, upstream, receive_buffer=65536)
    served.send("HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(ConnectionError):
        while True:
            served.send(b"x" * 65536)
    return proxy, 200


@deed
def client_left(ringside, upstream):
    proxy, client, _ = under_way(ringside, upstream)
    client.close()
    return proxy, 0


# What a client takes too much of


@deed
def too_many_searches(cluster):
    """Ten times as many as in a second may come at once."""
    pods = cluster("a", pool={"affinity": {"search": {"per_client": 1}}})
    return pods.proxy, eventually(
        lambda: unless(404, pods.post(session=pods.unknown(), client="10.0.0.1")),
        "the client's share is spent",
    )


@deed
def too_many_sessions(cluster):
    pods = cluster(pool={"affinity": {"max_sessions_per_client": 1}})
    pods.session("10.0.0.1")
    return pods.proxy, pods.post(INITIALIZE, client="10.0.0.1")


@deed
def too_many_streams(cluster):
    pods = cluster(pool={"affinity": {"max_streams_per_session": 1}})
    session = pods.session()
    stream = pods.connect()
    stream.request("GET", "/mcp", fields_for(session.id, None))
    assert stream.read_response_head().status == 200
    return pods.proxy, pods.send("GET", session.id)


@deed
def too_many_connections_of_client(ringside, upstream):
    proxy = ringside(upstream, limits={"connections_per_client": 1})
    proxy.connect()
    return proxy, proxy.connect().read_response()


@deed
def too_many_connections(ringside, upstream):
    proxy = ringside(upstream, limits={"connections": 1})
    proxy.connect()
    return proxy, proxy.connect().read_response()


# Where a request may not go


@deed
def no_route(ringside, upstream):
    listener = {"name": "mcp", "bind": "127.0.0.1:0", "routes": [{"path": "/mcp", "pool": "pods"}]}
    proxy = ringside(
        config={
            "admin": {"bind": "127.0.0.1:0"},
            "log": {"access": "stdout"},
            "listeners": [listener],
            "pools": {"pods": {"endpoints": [upstream.address]}},
        }
    )
    return proxy, proxy.connect().exchange("GET", "/elsewhere")


@deed
def forged_session_id(cluster, tmp_path):
    (tmp_path / "tag.key").write_text("3f9a" * 16)
    tag = {"key_files": [str(tmp_path / "tag.key")]}
    pods = cluster(pool={"affinity": {"mode": "tag", "tag": tag}})
    id = pods.session().id
    return pods.proxy, pods.post(session=id[:-1] + ("A" if id[-1] != "A" else "Q"))


@deed
def session_ended(cluster):
    pods = cluster()
    session = pods.session()
    assert pods.send("DELETE", session.id).status == 200
    return pods.proxy, pods.post(session=session.id)


@deed
def session_unknown(cluster):
    pods = cluster()
    return pods.proxy, pods.post(session=pods.unknown())


@deed
def search_busy(trusting, upstream):
    """Each of two clients searches, and has not sent all that the endpoint is to answer."""
    proxy = trusting(upstream, pool={"affinity": {"search": {"in_flight": 2}}})
    for number in (1, 2):
        fields = fields_for(f"stored-{number}", f"10.0.0.{number}")
        proxy.connect().request("POST", "/mcp", [*fields, ("Content-Length", "9")])
        upstream.accept().read_request_head()
    return proxy, post(proxy.connect(), session="stored-3", client="10.0.0.3")


@deed
def owner_refused(cluster):
    pods = cluster()
    session = pods.session()
    session.owner.stop()
    return pods.proxy, pods.post(session=session.id)


@deed
def owner_silent(cluster):
    pods = cluster(pool={"timeouts": {"connect": "500ms"}})
    session = pods.session()
    session.owner.stop()
    silent = Silence(session.owner.port)
    try:
        return pods.proxy, pods.post(session=session.id)
    finally:
        silent.close()


@deed
def owner_lost(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "0s"}})
    session = pods.session()
    session.owner.stop()
    return pods.proxy, pods.post(session=session.id)


@deed
def owner_not_found(cluster):
    pods = cluster("ab")
    pods.pods["b"].stop()
    return pods.proxy, pods.post(session=pods.unknown())


# Sessions that are not opened anew


@deed
def revival_busy(cluster):
    pods = cluster(pool=reviving(revive={"per_second": 1}))
    sessions = iter([open_session(pods).id for _ in range(20)])
    forget(pods)
    return pods.proxy, eventually(
        lambda: unless(200, pods.post(CALL, next(sessions))), "this second's revival is spent"
    )


def not_revived(cluster, status: int) -> Outcome:
    pods = cluster(pool=reviving())
    session = open_session(pods)
    forget(pods)
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: (
            pod.error(status, -32600, "no") if method_of(request) == "initialize" else None
        )
    return pods.proxy, pods.post(CALL, session.id)


@deed
def handshake_refused(cluster):
    return not_revived(cluster, 400)


@deed
def handshake_unauthorized(cluster):
    return not_revived(cluster, 401)


@deed
def handshake_forbidden(cluster):
    return not_revived(cluster, 403)


# What an endpoint does, or does not


def under_way(ringside, upstream, **more) -> tuple[Ringside, Wire, Wire]:
    """A client whose request the endpoint has."""
    proxy = ringside(upstream, **more)
    return proxy, *asked(proxy, upstream)


def half_answered(ringside, upstream, **more) -> tuple[Ringside, Wire]:
    """A client that has half of its answer."""
    proxy, client, served = under_way(ringside, upstream, **more)
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    assert client.read_until(b"hello").startswith(b"HTTP/1.1 200 ")
    return proxy, client


@deed
def no_endpoint(ringside, upstreams):
    proxy = ringside(upstreams(listening=False))
    return proxy, proxy.connect().exchange()


@deed
def queue_full(ringside, upstream):
    proxy, _, _ = under_way(ringside, upstream, pool={"limits": {"connections": 1, "queue": 0}})
    return proxy, proxy.connect().exchange()


@deed
def queue_timeout(ringside, upstream):
    line = {"connections": 1, "queue_timeout": "100ms"}
    proxy, _, _ = under_way(ringside, upstream, pool={"limits": line})
    return proxy, proxy.connect().exchange()


@deed
def connection_lost(ringside, upstream):
    proxy, client, served = under_way(ringside, upstream)
    served.close()
    return proxy, client.read_response()


@deed
def bad_response(ringside, upstream):
    proxy, client, served = under_way(ringside, upstream)
    served.send("SSH-2.0-OpenSSH_9.6\r\n")
    return proxy, client.read_response()


@deed
def response_timeout(ringside, upstream):
    times = {"timeouts": {"response_head": "300ms"}}
    proxy, client, _ = under_way(ringside, upstream, pool=times)
    return proxy, client.read_response()


@deed
def continue_timeout(ringside, upstream):
    proxy = ringside(upstream, listener=SHORT_BODY)
    client = proxy.connect()
    client.request("POST", "/", {"Content-Length": "5", "Expect": "100-continue"})
    return proxy, client.read_response()


@deed
def stream_timeout(ringside, upstream):
    times = {"timeouts": {"stream_idle": "300ms"}}
    proxy, client = half_answered(ringside, upstream, pool=times)
    client.expect_close()
    return proxy, 200


# The proxy's own time


@deed
def tunnel_timeout(ringside, upstream):
    proxy = ringside(upstream, pool={"timeouts": {"tunnel": "300ms"}})
    client = proxy.connect()
    open_both(client, upstream)
    client.expect_close()
    return proxy, 101


@deed
def draining(ringside, upstream):
    proxy, client = half_answered(ringside, upstream, shutdown={"deadline": "300ms"})
    proxy.signal()
    client.expect_close()
    proxy.expect_exit(0)
    return proxy, 200


# What all of them have


def unless(status: int, response: Message) -> Message | None:
    return None if response.status == status else response


def expect_answer(answer: Message, word: str, status: int) -> None:
    """As the document says: JSON-RPC with one sentence, and when to try again."""
    code = -32001 if word in SESSIONS else -32000
    expect_proxy_error(answer, status, code)
    assert answer.get("content-type") == "application/json"
    assert answer.get("retry-after") == ("1" if status in TRY_AGAIN else None)
    message = re.search(rb'"message":\s*"([^"]*)"', answer.body)[1].decode()
    if word not in SESSIONS:
        assert message.startswith(answer.start.split(" ", 2)[2] + ": "), message
    assert not re.search(r"[.!?]( |$)|[\r\n]", message), f"one sentence: {message!r}"


def lines_of(proxy: Ringside, word: str) -> list[dict[str, str]]:
    lines = [parse_access_line(line) for line in proxy.stdout.all]
    return [line for line in lines if line["error"] == word]


def counted(proxy: Ringside, word: str, **labels: str) -> float:
    return proxy.metrics().sum("ringside_request_errors_total", error=word, **labels)


@pytest.mark.parametrize("word", DEEDS)
def test_a_reason_is_answered_logged_and_counted_as_its_row_says(request, word):
    function = DEEDS[word]
    row = rows()[word]
    proxy, seen = function(*map(request.getfixturevalue, inspect.signature(function).parameters))
    if isinstance(seen, Message):
        expect_answer(seen, word, int(row.status))
        seen = seen.status
    else:
        assert row.status == "-", "something was said"
    eventually(lambda: lines_of(proxy, word), f"a line with {word}")
    logged = [(line["status"], line["error_side"]) for line in lines_of(proxy, word)]
    assert logged == [(str(seen), row.side)]
    if word not in UNCOUNTED:
        eventually(lambda: counted(proxy, word) == 1, f"one {word} is counted")
        assert counted(proxy, word, side=row.side) == 1
