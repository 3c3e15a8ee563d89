"""Bodies are forwarded as they arrive, and an answer need not wait for its request's end."""

import select

from harness.deadlines import DEADLINE
from harness.upstream import asked
from harness.wire import LAST_CHUNK, chunk, encode


def test_a_request_body_reaches_the_upstream_before_the_client_has_sent_it_all(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "10"})
    served = upstream.accept()
    served.read_request_head()
    client.send("12345")
    assert served.read_exactly(5) == b"12345"
    client.send("67890")
    assert served.read_exactly(5) == b"67890"


def test_case_56_a_chunked_request_body_of_unknown_length_is_streamed(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    for text in ("one", "two", "three"):
        client.send(chunk(text))
        assert body.read(len(text)) == text.encode()
    client.send(LAST_CHUNK)
    assert body.rest() == b""


def test_a_response_head_is_passed_on_before_its_body_exists(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
    assert client.read_response_head().status == 200
    for byte in (b"a", b"b", b"c", b"d"):
        served.send(byte)
        assert client.read_exactly(1) == byte


def test_a_response_may_come_before_the_request_body_is_complete(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "10"})
    client.send("12345")
    served = upstream.accept()
    served.read_until(b"12345")
    served.respond(413, {"Connection": "close"}, b"too big")
    served.half_close()
    response = client.read_response()
    assert (response.status, response.body) == (413, b"too big")


def test_request_and_response_bodies_flow_at_the_same_time(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    served = upstream.accept()
    question = served.body_of(served.read_request_head(), request_side=True)
    served.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    answer = client.body_of(client.read_response_head())
    for text in ("one", "two"):
        client.send(chunk(text))
        assert question.read(3) == text.encode()
        served.send(chunk(text.upper()))
        assert answer.read(3) == text.upper().encode()
    client.send(LAST_CHUNK)
    assert question.rest() == b""
    served.send(LAST_CHUNK)
    assert answer.rest() == b""


def test_after_an_early_answer_the_rest_of_the_body_is_not_taken_for_a_request(ringside, upstream):
    body = encode("GET /smuggled HTTP/1.1", {"Host": "a"})
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": str(len(body))})
    served = upstream.accept()
    served.read_request_head()
    served.respond(200, {"Connection": "close"}, b"early")
    served.half_close()
    assert client.read_response().body == b"early"
    client.send_anyway(body + encode("GET /next HTTP/1.1", {"Host": "a"}))
    # Both are right: to read the body to its end and go on, and to close.
    ready, _, _ = select.select([upstream.listener, client.socket], [], [], DEADLINE)
    if upstream.listener in ready:
        assert upstream.accept().read_request().target == "/next"
    else:
        client.expect_close()
        upstream.expect_no_connection()
