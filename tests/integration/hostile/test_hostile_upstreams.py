"""An upstream that lies: its client gets a 502 or a visibly broken transfer, and none its bytes."""

import pytest

from harness.mcp import expect_proxy_error
from harness.process import stopped
from harness.upstream import asked
from harness.wire import LAST_CHUNK, chunk, encode

OK = "HTTP/1.1 200 OK\r\n"
BODY = "5\r\nhello\r\n0\r\n\r\n"
FORGED = f"{OK}Content-Length: 6\r\n\r\nforged"

HEADS = {
    "no HTTP": "SSH-2.0-OpenSSH_9.6\r\n",
    "another protocol's name": "HTTX/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2": "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of two digits": "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a status that is no number": "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "no head at all": "hello\r\n\r\n",
    "length and chunked": f"{OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{BODY}",
    "two different lengths": f"{OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a signed length": f"{OK}Content-Length: +5\r\n\r\nhello",
    "a negative length": f"{OK}Content-Length: -5\r\n\r\nhello",
    "a length past 64 bits": f"{OK}Content-Length: 18446744073709551621\r\n\r\nhello",
    "an obs-fold": f"{OK}X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a bare LF": f"{OK}X-A: b\nX-C: d\r\nContent-Length: 0\r\n\r\n",
    "a bare CR": f"{OK}X-A: b\rX-C: d\r\nContent-Length: 0\r\n\r\n",
    "a NUL": f"{OK}X-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": f"{OK}Content-Length : 0\r\n\r\n",
    "a bare LF after the status line": "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "a forged field behind a bare LF": f"{OK}X-A: b\nSet-Cookie: c\r\nContent-Length: 0\r\n\r\n",
    "a control byte in a value": f"{OK}X-A: b\x01c\r\nContent-Length: 0\r\n\r\n",
    "a DEL in a value": f"{OK}X-A: b\x7fc\r\nContent-Length: 0\r\n\r\n",
    "a control byte in the reason": "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
    "a bare CR in the reason": "HTTP/1.1 200 O\rSet-Cookie: a\r\nContent-Length: 0\r\n\r\n",
    "a NUL in the reason": "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
    "a field without a name": f"{OK}: b\r\nContent-Length: 0\r\n\r\n",
    "a field without a colon": f"{OK}nothing\r\nContent-Length: 0\r\n\r\n",
    "a name that is no token": f"{OK}X(A): b\r\nContent-Length: 0\r\n\r\n",
    "an empty line before it": f"\r\n{OK}Content-Length: 0\r\n\r\n",
    "a space before it": f" {OK}Content-Length: 0\r\n\r\n",
    "two equal lengths": f"{OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": f"{OK}Content-Length: 5, 5\r\n\r\nhello",
    "an empty length": f"{OK}Content-Length:\r\n\r\n",
    "an unknown coding": f"{OK}Transfer-Encoding: xchunked\r\n\r\n{BODY}",
    "a coding before chunked": f"{OK}Transfer-Encoding: gzip, chunked\r\n\r\n{BODY}",
    "a coding after chunked": f"{OK}Transfer-Encoding: chunked, gzip\r\n\r\n{BODY}",
    "chunked twice": f"{OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n{BODY}",
    "chunked and a tab": f"{OK}Transfer-Encoding: chunked\t\r\n\r\n{BODY}",
    "an empty coding": f"{OK}Transfer-Encoding:\r\n\r\n{BODY}",
    "chunked in HTTP/1.0": f"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{BODY}",
    "HTTP/0.9": "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.2": "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status below 100": "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "a request": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "an upgrade nobody asked for": "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "a huge head": f"{OK}X-A: {'x' * 200_000}\r\nContent-Length: 0\r\n\r\n",
    "very many fields": OK + "A: b\r\n" * 40_000 + "\r\n",
    "a huge reason": f"HTTP/1.1 200 {'x' * 200_000}\r\nContent-Length: 0\r\n\r\n",
}


def expect_blamed(proxy, status: int) -> None:
    proxy.expect_one_error(status, "upstream", "bad_response")


@pytest.mark.parametrize("name", HEADS)
def test_a_hostile_response_head_is_a_502_and_the_endpoint_is_named(ringside, upstream, name):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream, "POST", "/", body=b"{}")
    served.send_anyway(HEADS[name].encode("latin-1"))
    expect_proxy_error(client.read_response(), 502)
    served.expect_close()
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next", "the client's connection goes on"
    expect_blamed(proxy, 502)


@pytest.mark.parametrize("more", [0, 1])
def test_a_response_has_as_many_fields_as_are_documented_and_no_more(ringside, upstream, more):
    """256, whatever a client's head may have."""
    proxy = ringside(upstream, limits={"header_fields": 20})
    client, served = asked(proxy, upstream)
    names = [f"X-{number}" for number in range(255 + more)]
    served.send_anyway(encode("HTTP/1.1 200 OK", [(name, "1") for name in names], b""))
    response = client.read_response()
    if more:
        expect_proxy_error(response, 502)
        expect_blamed(proxy, 502)
    else:
        assert response.status == 200
        assert [name for name, _ in response.fields if name.startswith("X-")] == names


@pytest.mark.parametrize("more", [0, 1])
def test_the_head_of_a_response_has_the_bound_of_a_requests(ringside, upstream, more):
    proxy = ringside(upstream, limits={"header_bytes": "4KiB"})
    client, served = asked(proxy, upstream)
    before = "OK\r\nContent-Length: 0\r\nX: "  # counted from the reason on
    value = "x" * (4096 - len(before) + more)
    served.send_anyway(f"HTTP/1.1 200 {before}{value}\r\n\r\n".encode())
    response = client.read_response()
    if more:
        expect_proxy_error(response, 502)
        expect_blamed(proxy, 502)
    else:
        assert (response.status, response.get("x")) == (200, value)


@pytest.mark.parametrize("extensions", [[4096], [1024] * 4], ids=["one", "in all"])
@pytest.mark.parametrize("more", [0, 1])
def test_the_chunk_extensions_of_a_response_have_the_bound_of_a_head(
    ringside, upstream, extensions, more
):
    proxy = ringside(upstream, limits={"header_bytes": "4KiB"})
    client, served = asked(proxy, upstream)
    served.send(f"{OK}Transfer-Encoding: chunked\r\n\r\n")
    body = client.body_of(client.read_response_head())
    for size in extensions:
        served.send(f"1;{'e' * size}\r\nx\r\n")
        assert body.read(1) == b"x"
    if more:
        served.send_anyway(b"1;e\r\ny\r\n")
        assert body.expect_abort() == b""
        served.expect_close()
        expect_blamed(proxy, 200)
    else:
        served.send(chunk("y") + LAST_CHUNK)
        assert body.rest() == b"y"


def test_a_head_that_never_ends_is_a_502(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.send(OK)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(32 * 1024):  # 32 MiB
            served.send("X-More: " + "x" * 1000 + "\r\n")
    assert client.read_response().status == 502


MOST_INTERIM = 16


@pytest.mark.parametrize("count", [MOST_INTERIM, MOST_INTERIM + 1])
def test_one_request_has_sixteen_interim_responses_and_no_more(ringside, upstream, count):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    hints = [f"HTTP/1.1 103 Early Hints\r\nLink: </{number}>\r\n\r\n" for number in range(count)]
    for hint in hints[:MOST_INTERIM]:
        served.send(hint)
        head = client.read_head()
        assert head.raw_head.decode() == hint
    if count > MOST_INTERIM:
        served.send(hints[-1])
        expect_proxy_error(client.read_response(), 502)
        served.expect_close()
        expected = ("502", "upstream", "bad_response")
    else:
        served.respond(200, body=b"ok")
        assert client.read_response().body == b"ok"
        expected = ("200", "-", "-")
    (line,) = proxy.access_log(1)
    assert (line["status"], line["error_side"], line["error"]) == expected
    client.request("GET", "/next")
    again = upstream.accept() if count > MOST_INTERIM else served
    assert again.read_request().target == "/next"


CHUNKS = {
    "a size that is no number": "zz\r\nhello\r\n0\r\n\r\n",
    "a size past 64 bits": "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "data longer than its size": "3\r\nhello\r\n0\r\n\r\n",
    "a bare LF after the size": "5\nhello\r\n0\r\n\r\n",
    "a trailer that is no field": "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "endless trailers": "5\r\nhello\r\n0\r\n" + "X: y\r\n" * 40_000,
    "an endless extension": "5;" + "e" * 70_000 + "\r\nhello\r\n0\r\n\r\n",
    "endless extensions": ("1;" + "e" * 1000 + "\r\nx\r\n") * 100 + "0\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_hostile_chunk_from_an_upstream_cuts_the_transfer_short(ringside, upstream, name):
    client, served = asked(ringside(upstream), upstream)
    served.send(f"{OK}Transfer-Encoding: chunked\r\n\r\n")
    body = client.body_of(client.read_response_head())
    served.send_anyway(CHUNKS[name].encode())
    body.expect_abort()
    served.expect_close()


def test_a_body_shorter_than_its_length_is_cut_short_for_the_client_too(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send(f"{OK}Content-Length: 10\r\n\r\nhello")
    served.half_close()
    assert client.body_of(client.read_response_head()).expect_abort() == b"hello"


@pytest.mark.parametrize(
    "response",
    [
        f"{OK}Content-Length: 5\r\n\r\nhello{FORGED}",
        f"{OK}Transfer-Encoding: chunked\r\n\r\n{BODY}{FORGED}",
        "HTTP/1.1 204 No Content\r\n\r\nforged",
        f"{OK}Content-Length: 5\r\n\r\nhello\r\n",
    ],
    ids=["beyond the length", "beyond the last chunk", "beyond a 204", "an empty line"],
)
def test_bytes_beyond_a_response_are_a_502_and_end_the_connection(ringside, upstream, response):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.send(response)
    expect_proxy_error(client.read_response(), 502)
    served.expect_close()
    assert proxy.access_log(1)[0]["error"] == "bad_response"
    assert proxy.metrics().sum("ringside_upstream_unasked_total") == 1
    client.request("GET", "/next")
    fresh = upstream.accept()
    assert fresh.read_request().target == "/next"
    fresh.respond(200, body=b"true")
    assert client.read_response().body == b"true"


def test_bytes_beyond_a_response_that_has_begun_to_leave_cut_it_short(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.send(f"{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    body = client.body_of(client.read_response_head())
    assert body.read(5) == b"hello"
    served.send(f"0\r\n\r\n{FORGED}")
    assert body.expect_abort() == b""
    served.expect_close()
    assert proxy.access_log(1)[0]["error"] == "bad_response"


def test_bytes_on_an_idle_connection_reach_nobody_and_end_it(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.respond(200, body=b"1")
    assert client.read_response().body == b"1"
    served.send(FORGED)
    served.expect_close()
    assert proxy.metrics().sum("ringside_upstream_unasked_total") == 1
    client.request("GET", "/next")
    fresh = upstream.accept()
    fresh.read_request()
    fresh.respond(200, body=b"true")
    assert client.read_response().body == b"true"


def test_bytes_that_wait_as_their_connection_is_taken_are_not_the_answer(ringside, upstream):
    """The client's request and the pod's bytes come while the proxy is stopped, in this order, so
    that both are there when it looks, and the request is read first. The OPTIONS, which the proxy
    answers by itself, sees to it that the pod's last answer is out of the kernel's list before."""
    proxy = ringside(upstream, workers=1)
    client, served = asked(proxy, upstream, "GET", "/first")
    served.respond(200, body=b"1")
    assert client.read_response().body == b"1"
    client.request("OPTIONS", "*", {"Max-Forwards": "0"})
    assert client.read_response().status == 204
    with stopped(proxy.process):
        client.request("GET", "/second")
        served.send(FORGED)
    expect_proxy_error(client.read_response(), 502)
    assert served.read_request().target == "/second", "too late"
    served.expect_close()
    client.request("GET", "/third")
    fresh = upstream.accept()
    assert fresh.read_request().target == "/third"
    fresh.respond(200, body=b"third")
    assert client.read_response().body == b"third"


def test_a_response_before_the_request_is_complete_ends_that_upstream_connection(
    ringside, upstream
):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.request("POST", "/", {"Content-Length": "10"})
    served = upstream.accept()
    served.read_request_head()
    served.respond(200, body=b"early")
    assert client.read_response().body == b"early"
    client.close()
    served.expect_close()
    other = proxy.connect()
    other.request("GET", "/other")
    assert upstream.accept().read_request().target == "/other"


# What a pod says in the wrong place goes to no other client

BEYOND = {
    "a second response": FORGED,
    "an interim response": "HTTP/1.1 103 Early Hints\r\nLink: </forged>\r\n\r\n",
    "an empty line": "\r\n",
    "a NUL": "\0",
}
ENDED = {
    "a length": (f"{OK}Content-Length: 5\r\n\r\nhello", "GET"),
    "the last chunk": (f"{OK}Transfer-Encoding: chunked\r\n\r\n{BODY}", "GET"),
    "a 204": ("HTTP/1.1 204 No Content\r\n\r\n", "GET"),
    "a 304": ("HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", "GET"),
    "a response to HEAD": (f"{OK}Content-Length: 6\r\n\r\n", "HEAD"),
}


@pytest.mark.parametrize("beyond", BEYOND)
@pytest.mark.parametrize("ended", ENDED)
def test_of_two_clients_on_one_connection_the_second_gets_nothing_of_the_firsts(
    ringside, upstream, ended, beyond
):
    proxy = ringside(upstream, workers=1)
    first, second = proxy.connect(), proxy.connect()
    first.request("GET", "/warm")
    pooled = upstream.accept()
    pooled.read_request()
    pooled.respond(200, body=b"warm")
    assert first.read_response().body == b"warm"
    response, method = ENDED[ended]
    first.request(method, "/first")
    assert pooled.read_request().target == "/first", "on the connection of the pool"
    pooled.send(response + BEYOND[beyond])
    assert first.read_response(method).status == 502
    pooled.expect_close()
    second.request("GET", "/second")
    fresh = upstream.accept()
    assert fresh.read_request().target == "/second"
    fresh.respond(200, body=b"second's own")
    answer = second.read_response()
    assert answer.body == b"second's own" and not answer.interim
    first.request("GET", "/third")
    assert fresh.read_request().target == "/third"
    fresh.respond(200, body=b"third")
    assert first.read_response().body == b"third"
    assert proxy.process.poll() is None


def test_a_connection_of_the_pool_serves_two_clients_and_mixes_nothing(ringside, upstream):
    proxy = ringside(upstream, workers=1)
    clients = [proxy.connect(), proxy.connect()]
    clients[0].request("GET", "/0")
    pooled = upstream.accept()
    for turn in range(6):
        assert pooled.read_request().target == f"/{turn}"
        pooled.respond(200, body=f"answer {turn}".encode())
        assert clients[turn % 2].read_response().body == f"answer {turn}".encode()
        clients[(turn + 1) % 2].request("GET", f"/{turn + 1}")
    pooled.read_request()
    upstream.expect_no_connection()
