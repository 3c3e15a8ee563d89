"""HTTP/1.0 on either side: what it cannot say is said in another way, or not at all."""

import pytest

from harness.mcp import expect_proxy_error
from harness.upstream import asked
from harness.wire import LAST_CHUNK, chunk

OLD = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"
OLD_KEPT = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"


def asked_by_1_0(proxy, upstream, head: str = OLD):
    client = proxy.connect()
    client.send(head)
    served = upstream.accept()
    served.read_request()
    return client, served


@pytest.mark.parametrize(
    "sent, start, host, body",
    [
        ("GET /x HTTP/1.0\r\n\r\n", "GET /x HTTP/1.1", "", b""),
        (OLD, "GET / HTTP/1.1", "a", b""),
        (
            "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "POST / HTTP/1.1",
            "a",
            b"hello",
        ),
    ],
    ids=["without a host", "with a host", "with a body"],
)
def test_a_1_0_client_is_served_and_closed(ringside, upstream, sent, start, host, body):
    client = ringside(upstream).connect()
    client.send(sent)
    served = upstream.accept()
    request = served.read_request()
    assert (request.start, request.get("host"), request.body) == (start, host, body)
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"
    client.expect_close()


def test_a_1_0_client_that_asks_for_it_is_kept(ringside, upstream):
    client, served = asked_by_1_0(ringside(upstream), upstream, OLD_KEPT)
    served.respond(200, body=b"1")
    response = client.read_response()
    assert (response.body, response.get("connection")) == (b"1", "keep-alive")
    client.send(OLD_KEPT)
    served.read_request()
    served.respond(200, body=b"2")
    assert client.read_response().body == b"2"


@pytest.mark.parametrize("end", [LAST_CHUNK, b"0\r\nX-Sum: 1\r\n\r\n"], ids=["plain", "trailers"])
def test_a_1_0_client_never_sees_chunks_or_trailers(ringside, upstream, end):
    client, served = asked_by_1_0(ringside(upstream), upstream)
    served.respond(200, {"Transfer-Encoding": "chunked"}, chunk("hello") + end)
    response = client.read_response()
    assert response.get("transfer-encoding") is None
    assert response.body == b"hello"


@pytest.mark.parametrize("fields", [{"Transfer-Encoding": "chunked"}, {}])
def test_a_body_without_a_length_ends_a_1_0_connection_that_was_to_be_kept(
    ringside, upstream, fields
):
    client, served = asked_by_1_0(ringside(upstream), upstream, OLD_KEPT)
    served.respond(200, fields, (chunk("hello") + LAST_CHUNK) if fields else None)
    if not fields:
        served.send("hello")
        served.close()
    response = client.read_response()
    assert response.get("connection") == "close"
    assert response.body == b"hello"


def test_a_1_0_upstream_whose_body_lasts_until_the_close(ringside, upstream):
    client, served = asked(ringside(upstream), upstream, "GET", "/1")
    served.send("HTTP/1.0 200 OK\r\n\r\nhello")
    served.close()
    response = client.read_response()
    assert (response.start, response.body) == ("HTTP/1.1 200 OK", b"hello")
    assert response.get("transfer-encoding") == "chunked"
    client.request("GET", "/2")  # the client's connection is not the upstream's
    assert upstream.accept().read_request().target == "/2"


@pytest.mark.parametrize("offer", ["", "Connection: keep-alive\r\n"], ids=["silent", "offered"])
def test_a_1_0_upstream_is_used_again_when_it_offers_keep_alive(ringside, upstream, offer):
    client, served = asked(ringside(upstream), upstream, "GET", "/1")
    served.send(f"HTTP/1.0 200 OK\r\n{offer}Content-Length: 2\r\n\r\nok")
    response = client.read_response()
    assert (response.start, response.body) == ("HTTP/1.1 200 OK", b"ok")
    if not offer:
        served.expect_close()
    client.request("GET", "/2")
    again = served if offer else upstream.accept()
    assert again.read_request().target == "/2"


def test_chunks_of_a_1_0_upstream_are_never_taken_for_its_words(ringside, upstream):
    """RFC 9112, 6.1: a coding in HTTP/1.0 is faulty framing, and its connection ends."""
    client, served = asked(ringside(upstream), upstream, "GET", "/1")
    served.send_anyway(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk("hello")
        + LAST_CHUNK
    )
    expect_proxy_error(client.read_response(), 502)
    served.expect_close()
    client.request("GET", "/2")
    assert upstream.accept().read_request().target == "/2"


def test_a_1_0_upstream_to_a_1_0_client(ringside, upstream):
    client, served = asked_by_1_0(ringside(upstream), upstream)
    served.send("HTTP/1.0 200 OK\r\n\r\nhello")
    served.close()
    response = client.read_response()
    assert (response.body, response.get("transfer-encoding")) == (b"hello", None)
