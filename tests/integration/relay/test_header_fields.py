"""What the proxy takes away, what it adds, and that it leaves the rest alone, byte for byte."""

import pytest

from harness.upstream import asked
from harness.wire import encode

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


def end_to_end(message) -> list[tuple[str, str]]:
    return [(name, value) for name, value in message.fields if name.lower() not in HOP_BY_HOP]


def forwarded(proxy, upstream, fields, method="GET", body=None):
    """What the upstream sees of a request with these fields."""
    client = proxy.connect()
    client.request(method, "/", fields, body)
    return upstream.accept().read_request()


def returned(proxy, upstream, response: bytes):
    """What the client sees of this response."""
    client, served = asked(proxy, upstream)
    served.send(response)
    return client.read_response()


# Taken away


OF_ONE_CONNECTION = {
    "Keep-Alive": "timeout=5",
    "Proxy-Connection": "keep-alive",
    "Upgrade": "h2c",
    "TE": "gzip",
    "Proxy-Authenticate": "Basic",
    "Proxy-Authorization": "Basic eA==",
}
BY_NAME = pytest.mark.parametrize("name", OF_ONE_CONNECTION)
SAID = pytest.mark.parametrize("is_named", [True, False], ids=["named", "not named"])


def with_hop_by_hop(name: str, is_named: bool) -> dict[str, str]:
    named = {"Connection": name} if is_named else {}
    return {**named, name: OF_ONE_CONNECTION[name], "X-Kept": "1"}


def expect_removed(message, name: str) -> None:
    assert message.all(name) == []
    assert message.get("x-kept") == "1"
    assert name.lower() not in ", ".join(message.all("connection")).lower()


@SAID
@BY_NAME
def test_a_hop_by_hop_request_field_is_removed(ringside, upstream, name, is_named):
    request = forwarded(ringside(upstream), upstream, with_hop_by_hop(name, is_named))
    expect_removed(request, name)


@SAID
@BY_NAME
@pytest.mark.parametrize("status", [200, 407])
def test_a_hop_by_hop_response_field_is_removed(ringside, upstream, name, is_named, status):
    answer = encode(f"HTTP/1.1 {status} Status", with_hop_by_hop(name, is_named), b"ok")
    response = returned(ringside(upstream), upstream, answer)
    expect_removed(response, name)
    assert (response.status, response.body) == (status, b"ok")


def test_request_fields_named_in_connection_are_removed(ringside, upstream):
    fields = [
        ("Connection", "X-One, x-two"),
        ("Connection", "X-Three"),
        ("X-One", "1"),
        ("X-Two", "2"),
    ]
    request = forwarded(ringside(upstream), upstream, [*fields, ("X-Three", "3"), ("X-Four", "4")])
    assert [
        name for name, _ in request.fields if name.startswith("X-O") or name.startswith("X-T")
    ] == []
    assert request.get("x-four") == "4"


def test_naming_host_or_length_in_connection_takes_neither_away(ringside, upstream):
    fields = {"Host": "kept.example", "Connection": "close, host, content-length"}
    request = forwarded(ringside(upstream), upstream, fields, "POST", b"hello")
    assert request.get("host") == "kept.example"
    assert request.body == b"hello"


def test_hop_by_hop_response_fields_are_removed(ringside, upstream):
    response = returned(
        ringside(upstream),
        upstream,
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\n"
        b"X-Private: 1\r\n"
        b"Proxy-Connection: keep-alive\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok",
    )
    assert response.get("x-private") is None
    assert response.get("proxy-connection") is None
    assert response.get("keep-alive") is None
    assert response.get("x-kept") == "1"


# Left alone


def test_case_77_host_origin_authorization_and_accept_arrive_unchanged(ringside, upstream):
    fields = {
        "Host": "Burger.Example:8443",
        "Origin": "https://app.example",
        "Authorization": "Bearer a.b-c_d==",
        "Accept": "application/json,  text/event-stream;q=0.5",
    }
    request = forwarded(ringside(upstream), upstream, fields)
    for name, value in fields.items():
        assert request.get(name) == value


def test_request_fields_keep_their_order_case_and_repetition(ringside, upstream):
    fields = [
        ("Host", "a"),
        ("X-lOw", "1"),
        ("cookie", "a=1"),
        ("X-Again", "one"),
        ("x-again", "two"),
        ("Z", ""),
    ]
    request = forwarded(ringside(upstream), upstream, fields)
    assert [pair for pair in request.fields if pair in fields] == fields


def test_a_response_arrives_in_the_order_case_and_bytes_of_the_upstream(ringside, upstream):
    fields = [
        ("server", "uvicorn"),
        ("cache-control", "no-cache, no-transform"),
        ("Set-Cookie", "a=1; Path=/"),
        ("Content-Length", "2"),
        ("set-cookie", "b=2"),
        ("X-Odd", 'semi;colon="quoted, comma"  two  spaces'),
        ("X-Empty", ""),
        ("X-Latin", "caf\u00e9"),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    response = returned(
        ringside(upstream), upstream, f"HTTP/1.1 200 Fine by me\r\n{head}\r\nok".encode("latin-1")
    )
    assert response.start == "HTTP/1.1 200 Fine by me"
    assert end_to_end(response) == [pair for pair in fields if pair[0] != "Content-Length"]
    assert response.get("content-length") == "2"


def test_an_empty_reason_phrase_and_an_unknown_status_are_passed_on(ringside, upstream):
    response = returned(ringside(upstream), upstream, b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n")
    assert response.start == "HTTP/1.1 299 "


# Added


def test_via_names_the_protocol_and_the_proxy(ringside, upstream):
    request = forwarded(ringside(upstream), upstream, {})
    assert request.all("via") == ["1.1 ringside"]


def test_via_is_appended_to_what_others_wrote(ringside, upstream):
    request = forwarded(ringside(upstream), upstream, {"Via": "1.0 fred"})
    hops = [hop.strip() for value in request.all("via") for hop in value.split(",")]
    assert hops == ["1.0 fred", "1.1 ringside"]


def test_the_client_is_told_to_the_upstream(ringside, upstream):
    request = forwarded(ringside(upstream), upstream, {"Host": "burger.example:81"})
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.get("x-forwarded-proto") == "http"
    assert request.get("x-forwarded-host") == "burger.example:81"


def test_what_an_untrusted_peer_says_about_the_client_is_replaced(ringside, upstream):
    forged = [
        ("X-Forwarded-For", "10.9.9.9"),
        ("x-forwarded-for", "10.8.8.8"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "forged.example"),
        ("Forwarded", "for=10.9.9.9"),
    ]
    request = forwarded(ringside(upstream), upstream, [("Host", "real.example"), *forged])
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.get("x-forwarded-proto") == "http"
    assert request.get("x-forwarded-host") == "real.example"
    assert request.get("forwarded") is None


def test_what_a_trusted_peer_says_about_the_client_is_kept_and_the_peer_appended(
    trusting, upstream
):
    fields = {
        "X-Forwarded-For": "10.1.2.3",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "front.example",
    }
    request = forwarded(trusting(upstream), upstream, fields)
    hops = [hop.strip() for value in request.all("x-forwarded-for") for hop in value.split(",")]
    assert hops == ["10.1.2.3", "127.0.0.1"]
    assert request.get("x-forwarded-proto") == "https"
    assert request.get("x-forwarded-host") == "front.example"


def test_a_trusted_peer_that_says_nothing_gets_the_same_fields_as_any_other(trusting, upstream):
    request = forwarded(trusting(upstream), upstream, {"Host": "real.example"})
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.get("x-forwarded-proto") == "http"
    assert request.get("x-forwarded-host") == "real.example"
