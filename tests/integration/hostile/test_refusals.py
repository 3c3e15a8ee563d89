"""Each refused input has its reason: in the answer's sentence, the access log and the counters.

The variants are those by which requests have been smuggled past proxies, and the bytes of peers
that speak something else. None of them may reach an upstream.
"""

import json

import pytest

from harness.deadlines import eventually
from harness.mcp import expect_proxy_error
from harness.process import stopped
from harness.wire import LAST_CHUNK

LOGGED = {"log": {"access": "stdout"}, "admin": {"bind": "127.0.0.1:0"}}
LINE = "GET / HTTP/1.1\r\n"
GET = f"{LINE}Host: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"
OLD_POST = "POST / HTTP/1.0\r\nHost: a\r\n"
OLD_CODED = f"{OLD_POST}Transfer-Encoding"
TE = "Transfer-Encoding: chunked\r\n"
BODY = "5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

# group -> status, reason, the sentence in part, and what is sent
REQUEST_LINES = [
    (400, "bad_request_line", "request line", "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "GET / http/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_request_line", "request line", "SSH-2.0-OpenSSH_9.6\r\n"),
    (400, "bad_request_line", "request line", "\0" * 16),
    (400, "bad_request_line", "request line", "HTTP/1.1 200 OK\r\n\r\n"),
    (505, "bad_version", "HTTP/1.1 and HTTP/1.0", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    (505, "bad_version", "HTTP/1.1 and HTTP/1.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (505, "bad_version", "HTTP/1.1 and HTTP/1.0", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    (505, "bad_version", "HTTP/1.1 and HTTP/1.0", "GET /\r\n"),
    (505, "bad_version", "HTTP/1.1 and HTTP/1.0", "GET /\r\nHost: a\r\n\r\n"),
    (505, "bad_version", "HTTP/1.1 and HTTP/1.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (400, "bad_target", "request target", "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_target", "request target", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_target", "request target", "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_target", "request target", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_target", "request target", "GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "bad_target", "request target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    *[
        (400, "bad_target", "visible ASCII", f"GET /a{byte}b?c HTTP/1.1\r\nHost: a\r\n\r\n")
        for byte in "\0\x01\t\x0b\x0c\x1f\x7f\x80\xa0\xff"
    ],
    (400, "bad_target", "visible ASCII", "GET /?caf\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (501, "unsupported_method", "CONNECT is refused", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
]
OTHER_PROTOCOLS = [
    (400, "tls_hello", "not TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "r" * 32),
    (400, "proxy_protocol", "PROXY", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + GET + "\r\n"),
    (400, "proxy_protocol", "PROXY", "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + "a" * 12),
]
LINES = [
    (400, "bad_line_end", "CRLF", "GET / HTTP/1.1\nHost: a\n\n"),
    (400, "bad_line_end", "CRLF", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
    (400, "bad_line_end", "CRLF", f"{GET}X: a\nY: b\r\n\r\n"),
    (400, "bad_line_end", "CRLF", f"{GET}X:\nY: b\r\n\r\n"),
    (400, "bad_line_end", "CRLF", f"{GET}X: a\rY: b\r\n\r\n"),
    (400, "bad_line_end", "CRLF", f"{POST}Content-Length: 5\nX: y\r\n\r\nhello"),
    (400, "bad_line_end", "CRLF", f"{POST}X: y\r{TE}\r\n{BODY}"),
    (400, "bad_line_end", "CRLF", f"{GET}\n"),
    (400, "folded_field", "white space", f"{LINE} Host: a\r\n\r\n"),
    (400, "folded_field", "white space", f"{GET}X: a\r\n b\r\n\r\n"),
    (400, "folded_field", "white space", f"{GET}X: a\r\n\tb\r\n\r\n"),
    (400, "folded_field", "white space", f"{POST}Transfer-Encoding:\r\n chunked\r\n\r\n{BODY}"),
    (400, "folded_field", "white space", f"{POST}X: y\r\n Content-Length: 5\r\n\r\nhello"),
    (400, "bad_field_name", "name", f"{GET}X : a\r\n\r\n"),
    (400, "bad_field_name", "name", f"{POST}Transfer-Encoding : chunked\r\n\r\n{BODY}"),
    (400, "bad_field_name", "name", f"{POST}Content-Length\t: 5\r\n\r\nhello"),
    (400, "bad_field_name", "name", f"{GET}: a\r\n\r\n"),
    (400, "bad_field_name", "name", f"{GET}nothing\r\n\r\n"),
    (400, "bad_field_name", "name", f"{GET}X(A): a\r\n\r\n"),
    (400, "bad_field_name", "name", f"{GET}X\0: a\r\n\r\n"),
    (400, "bad_field_name", "name", f"{GET}X\xe9: a\r\n\r\n"),
    *[
        (400, "bad_field_value", "control byte", f"{GET}X: a{byte}b\r\n\r\n")
        for byte in "\0\x01\x08\x0b\x0c\x1f\x7f"
    ],
    (400, "bad_field_value", "control byte", f"{POST}Transfer-Encoding: \x0bchunked\r\n\r\n{BODY}"),
]
FRAMING = [
    (400, "length_and_coding", "exclude", f"{POST}Content-Length: 5\r\n{TE}\r\n{BODY}"),
    (400, "length_and_coding", "exclude", f"{POST}{TE}Content-Length: 5\r\n\r\n{BODY}"),
    (400, "length_and_coding", "exclude", f"{POST}{TE}Content-Length: 0\r\n\r\n{BODY}{SMUGGLED}"),
    *[
        (400, "bad_length", "Content-Length", f"{POST}Content-Length: {value}\r\n\r\nhello{SMUGGLED}")
        for value in (
            *("5\r\nContent-Length: 5", "5\r\nContent-Length: 6", "5, 5", "+5", "-5", "0x5", "5 5"),
            *("", "5.0", "5e0", "5_", '"5"', "18446744073709551616", "18446744073709551621"),
        )
    ],
    (400, "bad_framing", "Transfer-Encoding", f"{POST}{TE}{TE}\r\n{BODY}"),
    (400, "bad_framing", "Transfer-Encoding", f"{POST}{TE}TE: x\r\n{TE}\r\n{BODY}"),
    (400, "bad_framing", "HTTP/1.0", f"POST / HTTP/1.0\r\nHost: a\r\n{TE}\r\n{BODY}"),
    *[
        (501, "unsupported_coding", "chunked", f"{POST}Transfer-Encoding: {value}\r\n\r\n{BODY}")
        for value in (
            *("gzip, chunked", "chunked, gzip", "identity", "identity, chunked", "xchunked"),
            *("chunked, identity", "chunked, chunked", '"chunked"', "chunked;q=1", "chunkedx"),
            *("chunked,", ",chunked", "", "chunked\t", "'chunked'", "chunked\xa0"),
        )
    ],
    (501, "unsupported_coding", "chunked", f"{POST}Transfer-Encoding:\r\nContent-Length: 5\r\n\r\n"),
    *[
        (501, "unsupported_coding", "chunked", f"{OLD_CODED}: {value}\r\n\r\n{BODY}")
        for value in ("gzip", "gzip, chunked", "chunked, gzip", "identity", "")
    ],
    *[
        (400, "length_and_coding", "exclude", f"{OLD_POST}{fields}\r\nhello{SMUGGLED}")
        for fields in (
            *(f"Content-Length: 5\r\n{TE}", f"{TE}Content-Length: 5\r\n"),
            "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        )
    ],
]
HOSTS = [
    (400, "bad_host", "Host", f"{LINE}\r\n"),
    (400, "bad_host", "Host", "GET http://a/ HTTP/1.1\r\n\r\n"),
    (400, "bad_host", "Host", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    *[
        (400, "bad_host", "Host", f"{LINE}Host: {value}\r\n\r\n")
        for value in (
            *("", "a\r\nHost: b", "a\r\nhost: a", "a, b", "a b", "a/b", "u@a", "a:b", "a:65536"),
            *(":80", "a:80:80", "[::1", "::1", "[::1]x", "[fe80::1%25lo]", "a%62", "caf\xe9", "a\\b"),
            *("http://a", "a?b", "a;b", '"a"'),
        )
    ],
]
GROUPS = {
    "request lines": REQUEST_LINES,
    "other protocols": OTHER_PROTOCOLS,
    "lines": LINES,
    "framing": FRAMING,
    "hosts": HOSTS,
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_refused_head_says_why_is_logged_and_counted_and_reaches_no_upstream(
    ringside, upstream, group
):
    proxy = ringside(upstream, **LOGGED)
    cases = GROUPS[group]
    for status, reason, sentence, sent in cases:
        client = proxy.connect()
        client.send_anyway(sent.encode("latin-1"))
        response = client.read_response()
        expect_proxy_error(response, status)
        message = json.loads(response.body)["error"]["message"]
        assert sentence in message, (sent, message)
        assert response.get("connection") == "close"
        assert response.get("content-type") == "application/json"
        client.expect_close()
        upstream.expect_no_connection()
    lines = proxy.access_log(len(cases))
    for line, (status, reason, _, sent) in zip(lines, cases):
        said = (line["status"], line["error_side"], line["error"])
        assert said == (str(status), "client", reason), sent
    samples = proxy.metrics()
    for reason in {case[1] for case in cases}:
        counted = samples.sum("ringside_request_errors_total", error=reason, side="client")
        assert counted == sum(1 for case in cases if case[1] == reason)
    assert samples.sum("ringside_requests_total") == len(cases)


EXTENDED = "1;" + "e" * 1000 + "\r\nx\r\n"  # what a message has of these is counted together
BODIES = {
    "zz\r\nhello\r\n0\r\n\r\n": "bad_chunk",
    "+5\r\nhello\r\n0\r\n\r\n": "bad_chunk",
    "0x5\r\nhello\r\n0\r\n\r\n": "bad_chunk",
    "5 \r\nhello\r\n0\r\n\r\n": "bad_chunk",
    "5\nhello\r\n0\r\n\r\n": "bad_chunk",
    "5\r\nhello\n0\r\n\r\n": "bad_chunk",
    "5\r\nhello!\r\n0\r\n\r\n": "bad_chunk",
    "5\r\nhello0\r\n\r\n": "bad_chunk",
    "10000000000000005\r\nhello\r\n": "bad_chunk",
    "5;a\nb\r\nhello\r\n": "bad_chunk",
    "5\r\nhello\r\n0\r\n\n": "bad_chunk",
    "5\r\nhello\r\n0\r\nX: y\n\r\n": "bad_line_end",
    "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n": "folded_field",
    "5\r\nhello\r\n0\r\nX: \0\r\n\r\n": "bad_field_value",
    "5\r\nhello\r\n0\r\nX: y\r\nno colon\r\n\r\n": "bad_field_name",
    "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n": "length_and_coding",
    f"5\r\nhello\r\n0\r\n{TE}\r\n": "bad_framing",
    "5;" + "e" * 70_000 + "\r\nhello\r\n0\r\n\r\n": "head_too_large",
    "5\r\nhello\r\n" + EXTENDED * 100 + "0\r\n\r\n": "head_too_large",
}


def test_a_malformed_body_says_why_and_no_upstream_sees_a_complete_request(ringside, upstream):
    proxy = ringside(upstream, **LOGGED)
    for sent, reason in BODIES.items():
        client = proxy.connect()
        client.send(f"{POST}{TE}\r\n")
        served = upstream.accept()
        body = served.body_of(served.read_request_head(), request_side=True)
        client.send_anyway(sent.encode("latin-1") + SMUGGLED.encode())
        expect_proxy_error(client.read_response(), 431 if reason == "head_too_large" else 400)
        client.expect_close()
        assert "hello".startswith(body.expect_abort().decode().rstrip("x"))
    upstream.expect_no_connection()
    assert [line["error"] for line in proxy.access_log(len(BODIES))] == list(BODIES.values())


def test_chunk_extensions_within_the_limit_are_dropped(ringside, upstream):
    client = ringside(upstream).connect()
    client.send(f"{POST}{TE}\r\n" + EXTENDED * 60)
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    client.send(LAST_CHUNK)
    assert body.rest() == b"x" * 60
    served.respond(200)
    assert client.read_response().status == 200


HELLO = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(200)
PROXY_LINE = b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + GET.encode() + b"\r\n"


@pytest.mark.parametrize(
    "said, word, named",
    [
        (HELLO, "tls_hello", "a TLS hello"),
        (PROXY_LINE, "proxy_protocol", "a PROXY protocol header"),
    ],
    ids=["TLS", "PROXY"],
)
def test_another_protocol_is_named_in_the_log_once_and_not_for_each(
    ringside, upstream, said, word, named
):
    """Whatever the machine does meanwhile, one worker reads all twenty within the ten seconds."""
    proxy = ringside(upstream, workers=1)
    with stopped(proxy.process):
        clients = [proxy.connect() for _ in range(20)]
        for client in clients:
            client.send(said)
    for client in clients:
        expect_proxy_error(client.read_response(), 400)
    name = "ringside_request_errors_total"
    eventually(lambda: proxy.metrics().sum(name, error=word) == 20, "twenty are counted")
    proxy.stop()
    (line,) = [line for line in proxy.stderr.all if " warn" in line]
    assert named in line and " listener=mcp " in line and "client=127.0.0.1" in line


def test_each_other_protocol_is_named_also_soon_after_another(ringside, upstream):
    proxy = ringside(upstream)
    for hello in (b"\x16\x03\x01\x00\xc8\x01" + bytes(200), b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"):
        client = proxy.connect()
        client.send_anyway(hello)
        assert client.read_response().status == 400
    proxy.stderr.wait(lambda line: "TLS hello" in line, "word of TLS")
    proxy.stderr.wait(lambda line: "PROXY protocol" in line, "word of the PROXY protocol")


# The form of the answer


@pytest.fixture
def only_mcp(ringside, upstream):
    return ringside(
        config={
            "listeners": [
                {
                    "name": "mcp",
                    "bind": "127.0.0.1:0",
                    "routes": [{"path": "/mcp", "pool": "pods"}],
                }
            ],
            "pools": {"pods": {"endpoints": [upstream.address]}},
        }
    )


def refused(proxy, accept: str | None, start: str = "GET /elsewhere HTTP/1.1"):
    fields = "" if accept is None else f"Accept: {accept}\r\n"
    client = proxy.connect()
    client.send(f"{start}\r\nHost: a\r\n{fields}\r\n")
    return client.read_response(start.split(" ")[0])


@pytest.mark.parametrize(
    "accept",
    [None, "", "*/*", "application/json, text/event-stream", "text/event-stream", "application/*"],
)
def test_a_client_that_accepts_json_gets_a_json_rpc_error(only_mcp, accept):
    response = refused(only_mcp, accept)
    expect_proxy_error(response, 404)
    assert response.get("content-type") == "application/json"


@pytest.mark.parametrize("accept", ["text/html, text/plain", "application/json;q=0", "image/*"])
def test_a_client_that_accepts_no_json_gets_the_sentence(only_mcp, accept):
    response = refused(only_mcp, accept)
    assert (response.status, response.get("server")) == (404, "ringside")
    assert response.get("content-type") == "text/plain"
    assert response.body == b"Not Found: no route of this proxy matches the host and path\n"


def test_a_head_that_cannot_be_believed_is_answered_in_json_whatever_it_accepts(only_mcp):
    client = only_mcp.connect()
    client.send(f"{GET}Accept: text/plain\r\nX : y\r\n\r\n")
    expect_proxy_error(client.read_response(), 400)


def test_the_answer_to_head_has_no_body_in_either_form(only_mcp):
    for accept in (None, "text/plain"):
        response = refused(only_mcp, accept, "HEAD /elsewhere HTTP/1.1")
        assert response.status == 404 and response.body == b""
