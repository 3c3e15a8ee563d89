"""Requests that two readers could read differently, and bytes that are no request at all.

Each is answered by the proxy itself with a clear status, the connection is closed, and no upstream
hears of it.
"""

import pytest

from harness.wire import Truncated

OK = "Host: a\r\n"
TE = "Transfer-Encoding: chunked\r\n"
BODY = "5\r\nhello\r\n0\r\n\r\n"

# What is sent -> the statuses that would be right.
HEADS: dict[str, tuple[str | bytes, set[int]]] = {
    # Two framings: request smuggling
    "length and chunked": (f"POST / HTTP/1.1\r\n{OK}Content-Length: 5\r\n{TE}\r\n{BODY}", {400}),
    "chunked and length": (f"POST / HTTP/1.1\r\n{OK}{TE}Content-Length: 5\r\n\r\n{BODY}", {400}),
    "two different lengths": (
        f"POST / HTTP/1.1\r\n{OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        {400},
    ),
    "two equal lengths": (
        f"POST / HTTP/1.1\r\n{OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        {400},
    ),
    "a list of lengths": (f"POST / HTTP/1.1\r\n{OK}Content-Length: 5, 5\r\n\r\nhello", {400}),
    "a signed length": (f"POST / HTTP/1.1\r\n{OK}Content-Length: +5\r\n\r\nhello", {400}),
    "a negative length": (f"POST / HTTP/1.1\r\n{OK}Content-Length: -5\r\n\r\nhello", {400}),
    "a hexadecimal length": (f"POST / HTTP/1.1\r\n{OK}Content-Length: 0x5\r\n\r\nhello", {400}),
    "a length in two words": (f"POST / HTTP/1.1\r\n{OK}Content-Length: 5 5\r\n\r\nhello", {400}),
    "an empty length": (f"POST / HTTP/1.1\r\n{OK}Content-Length: \r\n\r\n", {400}),
    "a length past 64 bits": (
        f"POST / HTTP/1.1\r\n{OK}Content-Length: 18446744073709551621\r\n\r\nhello",
        {400, 413},
    ),
    "an unknown coding": (
        f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding: xchunked\r\n\r\n{BODY}",
        {400, 501},
    ),
    "a coding before chunked": (
        f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding: gzip, chunked\r\n\r\n{BODY}",
        {400, 501},
    ),
    "a coding after chunked": (
        f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding: chunked, gzip\r\n\r\n{BODY}",
        {400, 501},
    ),
    "identity": (f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding: identity\r\n\r\nhello", {400, 501}),
    "chunked twice": (f"POST / HTTP/1.1\r\n{OK}{TE}{TE}\r\n{BODY}", {400, 501}),
    "chunked, chunked": (
        f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding: chunked, chunked\r\n\r\n{BODY}",
        {400, 501},
    ),
    "an empty coding": (f"POST / HTTP/1.1\r\n{OK}Transfer-Encoding:\r\n\r\n{BODY}", {400, 501}),
    "a quoted coding": (
        f'POST / HTTP/1.1\r\n{OK}Transfer-Encoding: "chunked"\r\n\r\n{BODY}',
        {400, 501},
    ),
    "chunked in HTTP/1.0": (f"POST / HTTP/1.0\r\n{OK}{TE}\r\n{BODY}", {400, 501}),
    # Lines and fields
    "an obs-fold": (f"GET / HTTP/1.1\r\n{OK}X-Folded: a\r\n b\r\n\r\n", {400}),
    "a folded first line": (f"GET / HTTP/1.1\r\n Host: a\r\n{OK}\r\n", {400}),
    "bare LF line ends": ("GET / HTTP/1.1\nHost: a\n\n", {400, 505}),
    "one bare LF": (f"GET / HTTP/1.1\r\n{OK}X-A: b\nX-C: d\r\n\r\n", {400}),
    "a bare LF before the body": (f"GET / HTTP/1.1\r\n{OK}\n", {400}),
    "a bare CR": (f"GET / HTTP/1.1\r\n{OK}X-A: b\rX-C: d\r\n\r\n", {400}),
    "a NUL in a value": (f"GET / HTTP/1.1\r\n{OK}X-A: b\0c\r\n\r\n", {400}),
    "a NUL in a name": (f"GET / HTTP/1.1\r\n{OK}X\0A: b\r\n\r\n", {400}),
    "a control byte in a value": (f"GET / HTTP/1.1\r\n{OK}X-A: b\x01c\r\n\r\n", {400}),
    "a space before the colon": (f"POST / HTTP/1.1\r\n{OK}Content-Length : 5\r\n\r\nhello", {400}),
    "a space in a name": (f"GET / HTTP/1.1\r\n{OK}X A: b\r\n\r\n", {400}),
    "a field without a name": (f"GET / HTTP/1.1\r\n{OK}: b\r\n\r\n", {400}),
    "a field without a colon": (f"GET / HTTP/1.1\r\n{OK}nothing\r\n\r\n", {400}),
    "a name that is no token": (f"GET / HTTP/1.1\r\n{OK}X(A): b\r\n\r\n", {400}),
    # Host
    "no host": ("GET / HTTP/1.1\r\n\r\n", {400}),
    "two hosts": ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    "two equal hosts": ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", {400}),
    "a list of hosts": ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", {400}),
    "a host with a path": ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}),
    "a host with a user": ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", {400}),
    # Request lines
    "no target": (f"GET HTTP/1.1\r\n{OK}\r\n", {400}),
    "a space in the target": (f"GET /a b HTTP/1.1\r\n{OK}\r\n", {400}),
    "a relative target": (f"GET a/b HTTP/1.1\r\n{OK}\r\n", {400}),
    "an asterisk for GET": (f"GET * HTTP/1.1\r\n{OK}\r\n", {400}),
    "a control byte in the target": (f"GET /a\x01b HTTP/1.1\r\n{OK}\r\n", {400}),
    "an unknown method": (f"BREW / HTTP/1.1\r\n{OK}\r\n", {400, 501}),
    "a method in lower case": (f"get / HTTP/1.1\r\n{OK}\r\n", {400, 501}),
    "connect": (f"CONNECT a:443 HTTP/1.1\r\n{OK}\r\n", {400, 405, 501}),
    "HTTP/0.9": ("GET /\r\n\r\n", {400, 505}),
    "HTTP/2 by its preface": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "HTTP/3.0": (f"GET / HTTP/3.0\r\n{OK}\r\n", {400, 505}),
    "HTTP/1.2": (f"GET / HTTP/1.2\r\n{OK}\r\n", {400, 505}),
    "a version in lower case": (f"GET / http/1.1\r\n{OK}\r\n", {400}),
    # No HTTP at all
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), {400}),
    "binary garbage": (bytes(range(128, 256)) * 4 + b"\r\n\r\n", {400}),
    "NULs": (b"\0" * 64, {400}),
    "a huge method": (f"{'X' * 100_000} / HTTP/1.1\r\n{OK}\r\n", {400, 414, 431, 501}),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_hostile_head_is_refused(ringside, upstream, name):
    sent, statuses = HEADS[name]
    client = ringside(upstream).connect()
    client.send_anyway(sent if isinstance(sent, bytes) else sent.encode("latin-1"))
    response = client.read_response()
    assert response.status in statuses, response.start
    assert response.get("server") == "ringside"
    assert response.get("connection") == "close"
    client.expect_close()
    upstream.expect_no_connection()


TOO_MUCH: dict[str, tuple[str, set[int]]] = {
    "a huge field": (f"GET / HTTP/1.1\r\n{OK}X-A: {'x' * 100_000}\r\n\r\n", {431}),
    "a huge field name": (f"GET / HTTP/1.1\r\n{OK}{'x' * 100_000}: a\r\n\r\n", {431}),
    "very many fields": (f"GET / HTTP/1.1\r\n{OK}" + "A: b\r\n" * 20_000 + "\r\n", {431}),
    "a huge target": (f"GET /{'x' * 100_000} HTTP/1.1\r\n{OK}\r\n", {414, 431}),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_huge_head_is_refused_and_the_connection_closed_or_in_step(ringside, upstream, name):
    sent, statuses = TOO_MUCH[name]
    client = ringside(upstream).connect()
    client.send_anyway(sent.encode())
    response = client.read_response()
    assert response.status in statuses, response.start
    assert response.get("server") == "ringside"
    upstream.expect_no_connection()
    if response.get("connection") == "close":
        client.expect_close()
        return
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next"


def test_a_head_without_end_is_refused_and_the_connection_closed(ringside, upstream):
    client = ringside(upstream).connect()
    client.send_anyway(f"GET / HTTP/1.1\r\n{OK}".encode() + b"X-More: and more\r\n" * 20_000)
    response = client.read_response()
    assert (response.status, response.get("connection")) == (431, "close")
    client.expect_close()
    upstream.expect_no_connection()


CHUNKS: dict[str, str] = {
    "a size that is no number": "zz\r\nhello\r\n0\r\n\r\n",
    "a negative size": "-5\r\nhello\r\n0\r\n\r\n",
    "a signed size": "+5\r\nhello\r\n0\r\n\r\n",
    "a size with a prefix": "0x5\r\nhello\r\n0\r\n\r\n",
    "a size past 64 bits": "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "an empty size": "\r\nhello\r\n0\r\n\r\n",
    "a space before the size": " 5\r\nhello\r\n0\r\n\r\n",
    "a space after the size": "5 \r\nhello\r\n0\r\n\r\n",
    "a bare LF after the size": "5\nhello\r\n0\r\n\r\n",
    "a bare LF after the data": "5\r\nhello\n0\r\n\r\n",
    "data longer than its size": "3\r\nhello\r\n0\r\n\r\n",
    "a bare LF in an extension": "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a bare LF at the end": "5\r\nhello\r\n0\n\n",
    "a trailer that is no field": "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "endless trailers": "5\r\nhello\r\n0\r\n" + "X: y\r\n" * 20_000,
    "an endless extension": "5;" + "x" * 100_000,
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_hostile_chunk_is_refused_and_no_upstream_sees_a_complete_request(
    ringside, upstream, name
):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    client.send_anyway(CHUNKS[name].encode())
    response = client.read_response()
    assert response.status == (431 if "endless" in name else 400), response.start
    assert response.get("server") == "ringside"
    client.expect_close()
    body.expect_abort()
    upstream.expect_no_connection()


def test_what_follows_a_refused_request_is_never_served(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(
        f"POST / HTTP/1.1\r\n{OK}Content-Length: 5\r\n{TE}\r\n0\r\n\r\n"
        f"GET /smuggled HTTP/1.1\r\n{OK}\r\n"
    )
    assert client.read_response().status == 400
    client.expect_close()
    upstream.expect_no_connection()


def test_a_good_request_before_a_hostile_one_is_answered_first(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(f"GET /good HTTP/1.1\r\n{OK}\r\nGET / HTTP/1.1\r\nno colon\r\n\r\n")
    served = upstream.accept()
    assert served.read_request().target == "/good"
    served.respond(200, body=b"good")
    assert client.read_response().body == b"good"
    assert client.read_response().status == 400
    client.expect_close()


def test_empty_lines_before_a_request_are_forgiven_but_not_for_ever(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(f"\r\n\r\nGET /good HTTP/1.1\r\n{OK}\r\n")
    assert upstream.accept().read_request().target == "/good"


def test_a_request_to_upgrade_is_served_without_upgrading(ringside, upstream):
    client = ringside(upstream).connect()
    fields = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABk",
    }
    client.request("GET", "/", fields)
    served = upstream.accept()
    request = served.read_request()
    assert request.get("upgrade") is None and request.get("http2-settings") is None
    served.respond(200, body=b"plain")
    assert client.read_response().body == b"plain"


def test_a_proxy_that_refused_a_hundred_hostile_connections_serves_the_next(ringside, upstream):
    proxy = ringside(upstream)
    for number in range(100):
        client = proxy.connect()
        client.send_anyway(bytes((number * 7 + i * 13) % 256 for i in range(200)) + b"\r\n\r\n")
        try:
            assert client.read_response().status >= 400
        except Truncated:
            pass
        client.close()
    upstream.expect_no_connection()
    client = proxy.connect()
    client.request()
    upstream.accept().read_request()
