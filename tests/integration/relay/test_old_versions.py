"""HTTP/1.0 on either side: what it cannot say is said in another way, or not at all."""

import pytest

from harness.wire import LAST_CHUNK, chunk

OLD = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"
OLD_KEPT = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"


def asked(proxy, upstream, head: str = OLD):
    client = proxy.connect()
    client.send(head)
    served = upstream.accept()
    served.read_request()
    return client, served


def test_a_1_0_client_without_a_host_is_served(ringside, upstream):
    client = ringside(upstream).connect()
    client.send("GET /x HTTP/1.0\r\n\r\n")
    served = upstream.accept()
    request = served.read_request()
    assert (request.start, request.get("host")) == ("GET /x HTTP/1.1", "")
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"
    client.expect_close()


def test_trailers_are_dropped_for_a_1_0_client(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.respond(
        200, {"Transfer-Encoding": "chunked"}, chunk("hello") + b"0\r\nX-Sum: 1\r\n\r\n"
    )
    response = client.read_response()
    assert response.get("transfer-encoding") is None
    assert response.body == b"hello"


@pytest.mark.parametrize("fields", [{"Transfer-Encoding": "chunked"}, {}])
def test_a_body_without_a_length_ends_a_1_0_connection_that_was_to_be_kept(
    ringside, upstream, fields
):
    client, served = asked(ringside(upstream), upstream, OLD_KEPT)
    served.respond(200, fields, (chunk("hello") + LAST_CHUNK) if fields else None)
    if not fields:
        served.send("hello")
        served.close()
    response = client.read_response()
    assert response.get("connection") == "close"
    assert response.body == b"hello"


def test_a_1_0_clients_request_with_a_body(ringside, upstream):
    client = ringside(upstream).connect()
    client.send("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
    served = upstream.accept()
    assert served.read_request().body == b"hello"
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"
    client.expect_close()


def test_a_1_0_upstream_whose_body_lasts_until_the_close(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("GET", "/1")
    served = upstream.accept()
    served.read_request()
    served.send("HTTP/1.0 200 OK\r\n\r\nhello")
    served.close()
    response = client.read_response()
    assert (response.start, response.body) == ("HTTP/1.1 200 OK", b"hello")
    assert response.get("transfer-encoding") == "chunked"
    client.request("GET", "/2")  # the client's connection is not the upstream's
    assert upstream.accept().read_request().target == "/2"


def test_a_1_0_upstream_that_offers_keep_alive_is_used_again(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("GET", "/1")
    served = upstream.accept()
    served.read_request()
    served.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
    assert client.read_response().body == b"ok"
    client.request("GET", "/2")
    assert served.read_request().target == "/2"


def test_chunks_of_a_1_0_upstream_are_never_taken_for_its_words(ringside, upstream):
    """RFC 9112, 6.1: a coding in HTTP/1.0 is faulty; read as chunks, and not used again, is safe."""
    client = ringside(upstream).connect()
    client.request("GET", "/1")
    served = upstream.accept()
    served.read_request()
    served.send_anyway(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk("hello")
        + LAST_CHUNK
    )
    response = client.read_response()
    assert response.status == 502 or response.body == b"hello"
    client.request("GET", "/2")
    assert client.socket.fileno() >= 0


def test_a_1_0_upstream_to_a_1_0_client(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send("HTTP/1.0 200 OK\r\n\r\nhello")
    served.close()
    response = client.read_response()
    assert (response.body, response.get("transfer-encoding")) == (b"hello", None)
