"""A body arrives whole under whichever framing, both ways, with exactly one framing field."""

import pytest

from harness.upstream import asked
from harness.wire import LAST_CHUNK, Truncated, chunk

BIG = bytes(range(256)) * 1024  # 256 KiB


def test_a_request_body_with_a_length(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", body=BIG)
    request = upstream.accept().read_request()
    assert request.body == BIG
    assert request.get("content-length") == str(len(BIG))


def test_a_chunked_request_body(ringside, upstream):
    client = ringside(upstream).connect()
    client.request(
        "POST", "/", {"Transfer-Encoding": "chunked"}, chunk("one,") + chunk(BIG) + LAST_CHUNK
    )
    request = upstream.accept().read_request()
    assert request.body == b"one," + BIG
    assert request.get("transfer-encoding") == "chunked"


def test_request_trailers_arrive_behind_the_body_and_never_become_header_fields(ringside, upstream):
    client = ringside(upstream).connect()
    fields = {"Transfer-Encoding": "chunked", "Trailer": "X-Sum, Mcp-Session-Id"}
    client.request(
        "POST", "/", fields, chunk("x") + b"0\r\nX-Sum: 1\r\nMcp-Session-Id: forged\r\n\r\n"
    )
    request = upstream.accept().read_request()
    assert (request.body, request.trailers) == (b"x", [("X-Sum", "1")])
    assert request.get("x-sum") is None and request.get("mcp-session-id") is None


@pytest.mark.parametrize("field", ["Host: b", "Connection: close", "Forwarded: for=a"])
def test_trailers_that_are_none_are_dropped_both_ways(ringside, upstream, field):
    client = ringside(upstream).connect()
    end = f"0\r\n{field}\r\nX-Sum: 1\r\n\r\n".encode()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"}, chunk("x") + end)
    served = upstream.accept()
    assert served.read_request().trailers == [("X-Sum", "1")]
    served.respond(200, {"Transfer-Encoding": "chunked"}, chunk("y") + end)
    response = client.read_response()
    assert (response.body, response.trailers) == (b"y", [("X-Sum", "1")])
    client.request("GET", "/next")
    assert served.read_request().target == "/next"
    served.respond(200, body=b"next")
    assert client.read_response().body == b"next"


@pytest.mark.parametrize("field", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_request_trailer_that_would_frame_the_message_is_refused(ringside, upstream, field):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    client.send(chunk("x") + f"0\r\n{field}\r\n\r\n".encode())
    assert client.read_response().status == 400
    client.expect_close()
    assert body.expect_abort() in (b"", b"x")


@pytest.mark.parametrize("field", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_response_trailer_that_would_frame_the_message_never_arrives(ringside, upstream, field):
    client, served = asked(ringside(upstream), upstream)
    served.respond(200, {"Transfer-Encoding": "chunked"}, chunk("y"))
    answer = client.body_of(client.read_response_head())
    assert answer.read(1) == b"y"
    served.send(f"0\r\n{field}\r\n\r\n")
    try:
        assert answer.rest() == b""  # dropped
    except Truncated:
        pass  # or not believed at all
    assert answer.trailers == []


def test_a_request_without_a_body_gets_no_framing_field(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("GET", "/")
    request = upstream.accept().read_request()
    assert request.all("content-length") + request.all("transfer-encoding") == []


def test_an_empty_post_keeps_its_length_of_zero(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", body=b"")
    assert upstream.accept().read_request().get("content-length") == "0"


def test_a_response_body_with_a_length(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.respond(200, body=BIG)
    response = client.read_response()
    assert response.body == BIG
    assert response.get("content-length") == str(len(BIG))


def test_a_chunked_response_body(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.respond(200, {"Transfer-Encoding": "chunked"}, chunk("one,") + chunk(BIG) + LAST_CHUNK)
    response = client.read_response()
    assert response.body == b"one," + BIG
    assert response.get("transfer-encoding") == "chunked"


def test_case_37_a_close_delimited_response_is_delivered_until_the_close(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send(b"HTTP/1.1 200 OK\r\n\r\n" + BIG)
    served.half_close()
    assert client.read_response().body == BIG


def test_response_trailers_arrive(ringside, upstream):
    client, served = asked(ringside(upstream), upstream, "GET", "/", {"TE": "trailers"})
    fields = {"Transfer-Encoding": "chunked", "Trailer": "X-Sum"}
    served.respond(200, fields, chunk("x") + b"0\r\nX-Sum: 1\r\nX-More: two\r\n\r\n")
    response = client.read_response()
    assert response.body == b"x"
    assert response.trailers == [("X-Sum", "1"), ("X-More", "two")]


def test_chunk_extensions_do_not_disturb_a_body(ringside, upstream):
    client = ringside(upstream).connect()
    client.request(
        "POST", "/", {"Transfer-Encoding": "chunked"}, b'3;a=b;c="d"\r\nabc\r\n0\r\n\r\n'
    )
    served = upstream.accept()
    assert served.read_request().body == b"abc"
    served.respond(200, {"Transfer-Encoding": "chunked"}, b"2;x\r\nok\r\n0\r\n\r\n")
    assert client.read_response().body == b"ok"


@pytest.mark.parametrize("pieces", [1, 7, 4096])
def test_a_chunked_response_cut_into_pieces_of_any_size(ringside, upstream, pieces):
    client, served = asked(ringside(upstream), upstream)
    body = BIG[:1000] if pieces == 1 else BIG
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) + LAST_CHUNK
    for at in range(0, len(wire), pieces):
        served.send(wire[at : at + pieces])
    assert client.read_response().body == body


@pytest.mark.parametrize("framing", [{"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}, {}])
def test_a_response_to_head_has_no_body_whatever_its_fields_say(ringside, upstream, framing):
    client = ringside(upstream).connect()
    client.request("HEAD", "/")
    served = upstream.accept()
    assert served.read_request().method == "HEAD"
    served.respond(200, {**framing, "X-Last": "1"}, None)
    response = client.read_response("HEAD")
    assert response.get("content-length") == framing.get("Content-Length")
    client.request("GET", "/next")
    if framing:  # a body may follow all the same: nobody else gets that connection
        served.expect_close()
        served = upstream.accept()
    assert served.read_request().target == "/next"


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_cannot_have_a_body_leaves_the_connection_usable(
    ringside, upstream, status
):
    client, served = asked(ringside(upstream), upstream)
    served.send(f"HTTP/1.1 {status} Status\r\nETag: x\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.get("etag")) == (status, "x")
    assert response.get("transfer-encoding") is None
    client.request("GET", "/next")
    assert served.read_request().target == "/next"
    served.respond(200, body=b"next")
    assert client.read_response().body == b"next"


def test_a_204_has_no_length_to_tell_also_when_it_answers_a_head(ringside, upstream):
    client, served = asked(ringside(upstream), upstream, "HEAD")
    served.send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")
    response = client.read_response("HEAD")
    assert (response.status, response.get("content-length")) == (204, None)


def test_a_304_may_tell_the_length_of_what_it_does_not_send(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
    assert client.read_response().status == 304
    client.request("GET", "/next")
    served.expect_close()  # a body may follow all the same
    assert upstream.accept().read_request().target == "/next"


def test_a_response_split_at_every_byte_is_one_response(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.trickle(
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    response = client.read_response()
    assert (response.status, response.get("x-a"), response.body) == (200, "b", b"abc")
    assert response.trailers == [("X-Sum", "1")]
    client.request("GET", "/next")
    assert served.read_request().target == "/next"


NO_BODY = {
    "HEAD": ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"),
    "HEAD, chunked": ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "204": ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n"),
    "204, chunked": ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "304": ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n"),
}


@pytest.mark.parametrize("body", ["forged", "6\r\nforged\r\n0\r\n\r\n"], ids=["plain", "chunked"])
@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize("name", NO_BODY)
def test_a_body_where_there_is_none_reaches_nobody(ringside, upstream, name, when, body):
    method, head = NO_BODY[name]
    client, served = asked(ringside(upstream), upstream, method)
    served.send(head + (body if when == "at once" else ""))
    response = client.read_response(method)
    assert response.status == (int(head.split(" ")[1]) if when == "later" else 502)
    if response.status == 204:
        assert response.all("content-length") + response.all("transfer-encoding") == []
    if when == "later":
        served.send_anyway(body.encode())
    served.expect_close()
    client.request("GET", "/next")
    fresh = upstream.accept()
    assert fresh.read_request().target == "/next"
    fresh.respond(200, body=b"true")
    assert client.read_response().body == b"true"
