"""A connection that breaks off, at every point of an exchange, from either side and in either way:
the other side learns of it, and the proxy goes on as if it had never been."""

import select

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import expect_proxy_error
from harness.upstream import asked
from harness.wire import LAST_CHUNK, Truncated, chunk

HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HOW = pytest.mark.parametrize("how", ["close", "half_close", "reset"])


def expect_serving(proxy, upstream) -> None:
    """No connection is left of what was before, and the next request is served."""
    eventually(lambda: proxy.metrics().sum("ringside_connections") == 0, "no client is left")
    eventually(
        lambda: proxy.metrics().sum("ringside_upstream_connections") == 0, "no upstream is left"
    )
    client = proxy.connect()
    client.request("GET", "/next")
    served = upstream.accept()
    assert served.read_request().target == "/next"
    served.respond(200, body=b"next")
    assert client.read_response().body == b"next"


def break_off(wire, how: str) -> None:
    getattr(wire, how)()


@HOW
@pytest.mark.parametrize("sent", ["", "PO", HEAD[:30], HEAD[:-2]])
def test_a_client_before_its_request_is_one(ringside, upstream, sent, how):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(sent)
    break_off(client, how)
    eventually(lambda: proxy.metrics().sum("ringside_connections_total") == 1, "it was seen")
    proxy.fence()
    client.close()
    upstream.expect_no_connection()
    expect_serving(proxy, upstream)


PHASES_OF_A_CLIENT = [
    *("in the body", "in the trailers", "after the request", "in the answer's head"),
    "in the answer",
]


@HOW
@pytest.mark.parametrize("phase", PHASES_OF_A_CLIENT)
def test_a_client_that_breaks_off_ends_the_upstreams_connection(ringside, upstream, phase, how):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(HEAD + "5\r\nhello\r\n")
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    assert body.read(5) == b"hello"
    if phase == "in the trailers":
        client.send("0\r\nX-Sum: 1\r\n")
    elif phase != "in the body":
        client.send(LAST_CHUNK)
        assert body.rest() == b""
    if phase == "in the answer's head":
        served.send(ANSWER[:20])
    if phase == "in the answer":
        served.send(ANSWER.encode() + chunk("part"))
        assert client.body_of(client.read_response_head()).read(4) == b"part"
    break_off(client, how)
    if phase in ("in the body", "in the trailers"):
        body.expect_abort()
    else:
        served.expect_close()
    served.close()
    client.close()
    assert proxy.access_log(1)[0]["error"] == "client_left"
    expect_serving(proxy, upstream)


@HOW
def test_a_client_while_its_endpoint_is_being_connected_to(ringside, silence, how):
    proxy = ringside(silence, pool={"timeouts": {"connect": "1h"}})
    client = proxy.connect()
    client.request()

    def open_now() -> float:
        return proxy.metrics().sum("ringside_upstream_connections")

    eventually(lambda: open_now() == 1, "the endpoint is being connected to")
    break_off(client, how)
    (line,) = proxy.access_log(1)
    assert (line["status"], line["us_connect"], line["error"]) == ("0", "0", "client_left")
    eventually(lambda: open_now() == 0, "no upstream is left")
    client.close()
    eventually(lambda: proxy.metrics().sum("ringside_connections") == 0, "no client is left")


@HOW
def test_a_client_between_two_requests_is_no_fault(ringside, upstream, how):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"
    break_off(client, how)
    eventually(lambda: proxy.metrics().sum("ringside_connections") == 0, "no client is left")
    client.close()
    assert proxy.access_log(1)[0]["error"] == "-"
    other = proxy.connect()
    other.request("GET", "/other")
    assert served.read_request().target == "/other", "the endpoint's connection is none of his"
    served.respond(200, body=b"other")
    assert other.read_response().body == b"other"


# A refusal after which the proxy still takes what is under way, so that it can be read.
LONG = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
REFUSED = {
    "a bad head": (400, "bad_field_name", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"),
    "a long body": (413, "body_too_large", LONG + "x"),
}


@HOW
@pytest.mark.parametrize("refused", REFUSED)
def test_a_client_that_was_refused(ringside, upstream, refused, how):
    proxy = ringside(upstream, limits={"body_bytes": "8B"})
    status, word, sent = REFUSED[refused]
    client = proxy.connect()
    client.send(sent)
    expect_proxy_error(client.read_response(), status)
    break_off(client, how)
    eventually(lambda: proxy.metrics().sum("ringside_connections") == 0, "no client is left")
    client.close()
    (line,) = proxy.access_log(1)
    assert (line["status"], line["error_side"], line["error"]) == (str(status), "client", word)
    upstream.expect_no_connection()
    expect_serving(proxy, upstream)


# What the upstream has read and said before it breaks off -> what the client sees.
PHASES_OF_AN_UPSTREAM = {
    "before it reads": (False, ""),
    "after the head": (True, ""),
    "in its head": (True, ANSWER[:20]),
    "after an interim answer": (True, "HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@HOW
@pytest.mark.parametrize("request_is_whole", [True, False], ids=["whole", "in the body"])
@pytest.mark.parametrize("phase", PHASES_OF_AN_UPSTREAM)
def test_an_upstream_before_its_answer_is_one_is_a_502(
    ringside, upstream, phase, request_is_whole, how
):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(HEAD.encode() + chunk("hello") + (LAST_CHUNK if request_is_whole else b""))
    served = upstream.accept()
    reads, said = PHASES_OF_AN_UPSTREAM[phase]
    if reads:
        served.read_request_head()
        served.read_until(b"hello\r\n" + (LAST_CHUNK if request_is_whole else b""))
    else:
        select.select([served.socket], [], [], DEADLINE)  # some of it has come
    served.send(said)
    if said.startswith("HTTP/1.1 103"):
        assert client.read_head().status == 103
    break_off(served, how)
    expect_proxy_error(client.read_response(), 502)
    client.close()
    served.close()
    assert proxy.access_log(1)[0]["error"] == "connection_lost"
    expect_serving(proxy, upstream)


@HOW
@pytest.mark.parametrize("request_is_whole", [True, False], ids=["whole", "in the body"])
@pytest.mark.parametrize("framing", ["chunked", "length", "trailers"])
def test_an_upstream_in_its_answer_cuts_the_clients_short(
    ringside, upstream, framing, request_is_whole, how
):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(HEAD.encode() + chunk("hello") + (LAST_CHUNK if request_is_whole else b""))
    served = upstream.accept()
    served.read_request_head()
    served.read_until(b"hello\r\n" + (LAST_CHUNK if request_is_whole else b""))
    if framing == "chunked":
        served.send(ANSWER.encode() + chunk("part"))
    elif framing == "trailers":
        served.send(ANSWER.encode() + chunk("part") + b"0\r\nX-Sum: 1\r\n")
    else:
        served.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart")
    body = client.body_of(client.read_response_head())
    assert body.read(4) == b"part"
    break_off(served, how)
    assert body.expect_abort() == b""
    client.close()
    served.close()
    assert proxy.access_log(1)[0]["error"] == "connection_lost"
    expect_serving(proxy, upstream)


@HOW
def test_an_upstream_after_its_answer_is_no_fault(ringside, upstream, how):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"
    break_off(served, how)
    client.close()
    assert proxy.access_log(1)[0]["error"] == "-"
    served.close()
    expect_serving(proxy, upstream)


# An answer before, during and after the body

ANSWERS = {
    "before": b"",
    "during": chunk("hello"),
    "after": chunk("hello") + LAST_CHUNK,
}


@pytest.mark.parametrize("status", [200, 413])
@pytest.mark.parametrize("when", ANSWERS)
def test_an_answer_before_during_and_after_the_body(ringside, upstream, when, status):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send(HEAD.encode() + ANSWERS[when])
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    if when != "before":
        assert body.read(5) == b"hello"
    if when == "after":
        assert body.rest() == b""
    served.respond(status, body=b"answer")
    response = client.read_response()
    assert (response.status, response.body) == (status, b"answer")
    if when == "after":
        client.request("GET", "/next")
        assert served.read_request().target == "/next"
        return
    assert response.get("connection") == "close"
    client.send_anyway(chunk("rest") + LAST_CHUNK + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    client.expect_close()
    upstream.expect_no_connection()


def test_an_answer_that_begins_during_the_body_lets_the_body_go_on(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(HEAD)
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    served.send(ANSWER)
    answer = client.body_of(client.read_response_head())
    for word in ("one", "two", "three"):
        client.send(chunk(word))
        assert body.read(len(word)) == word.encode()
        served.send(chunk(word))
        assert answer.read(len(word)) == word.encode()
    client.send(LAST_CHUNK)
    assert body.rest() == b""
    served.send(LAST_CHUNK)
    assert answer.rest() == b""
    with pytest.raises(Truncated):
        client.read_exactly(1)
