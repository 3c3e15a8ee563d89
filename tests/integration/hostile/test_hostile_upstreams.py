"""An upstream that lies: its client gets a 502 or a visibly broken transfer, and none its bytes."""

import pytest

from harness.mcp import expect_proxy_error

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
    "an upgrade nobody asked for": "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "a huge head": f"{OK}X-A: {'x' * 200_000}\r\nContent-Length: 0\r\n\r\n",
    "very many fields": OK + "A: b\r\n" * 40_000 + "\r\n",
    "a huge reason": f"HTTP/1.1 200 {'x' * 200_000}\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_hostile_response_head_is_a_502(ringside, upstream, name):
    client = ringside(upstream).connect()
    client.request("POST", "/", body=b"{}")
    served = upstream.accept()
    served.read_request()
    served.send_anyway(HEADS[name].encode("latin-1"))
    expect_proxy_error(client.read_response(), 502)
    served.expect_close()
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next", "the client's connection goes on"


def test_a_head_that_never_ends_is_a_502(ringside, upstream):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.send(OK)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(32 * 1024):  # 32 MiB
            served.send("X-More: " + "x" * 1000 + "\r\n")
    assert client.read_response().status == 502


def test_interim_responses_without_end_are_cut(ringside, upstream):
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.socket.settimeout(2)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(100_000):
            served.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            client.socket.setblocking(False)
            try:
                while client.socket.recv(65536):
                    pass
            except BlockingIOError:
                pass


CHUNKS = {
    "a size that is no number": "zz\r\nhello\r\n0\r\n\r\n",
    "a size past 64 bits": "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "data longer than its size": "3\r\nhello\r\n0\r\n\r\n",
    "a bare LF after the size": "5\nhello\r\n0\r\n\r\n",
    "a trailer that is no field": "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "endless trailers": "5\r\nhello\r\n0\r\n" + "X: y\r\n" * 40_000,
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_hostile_chunk_from_an_upstream_cuts_the_transfer_short(ringside, upstream, name):
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.send(f"{OK}Transfer-Encoding: chunked\r\n\r\n")
    body = client.body_of(client.read_response_head())
    served.send_anyway(CHUNKS[name].encode())
    body.expect_abort()
    served.expect_close()


def test_a_body_shorter_than_its_length_is_cut_short_for_the_client_too(ringside, upstream):
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
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
def test_bytes_beyond_a_response_reach_nobody_and_end_the_connection(ringside, upstream, response):
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.send(response)
    assert client.read_response().body in (b"hello", b"")
    served.expect_close()
    client.request("GET", "/next")
    fresh = upstream.accept()
    assert fresh.read_request().target == "/next"
    fresh.respond(200, body=b"true")
    assert client.read_response().body == b"true"


def test_bytes_on_an_idle_connection_reach_nobody_and_end_it(ringside, upstream):
    client = ringside(upstream).connect()
    client.request()
    served = upstream.accept()
    served.read_request()
    served.respond(200, body=b"1")
    assert client.read_response().body == b"1"
    served.send(FORGED)
    served.expect_close()
    client.request("GET", "/next")
    fresh = upstream.accept()
    fresh.read_request()
    fresh.respond(200, body=b"true")
    assert client.read_response().body == b"true"


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
