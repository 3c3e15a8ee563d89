"""The request target is forwarded as it came, and only an absolute one is made plain."""

import pytest


def seen(proxy, upstream, line: str, host: str = "a.example"):
    client = proxy.connect()
    client.send(f"{line}\r\nHost: {host}\r\n\r\n")
    return upstream.accept().read_request()


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/mcp?session=1&x=%20",
        "/a//b/../c/./d",
        "/%2e%2e/%00",
        "/x?y?z=/..//",
        "/~a:b@c;d,e='f'(g)*h!",
    ],
)
def test_an_origin_form_target_is_forwarded_byte_for_byte(ringside, upstream, target):
    assert seen(ringside(upstream), upstream, f"GET {target} HTTP/1.1").target == target


def test_an_absolute_target_is_forwarded_as_path_and_host(ringside, upstream):
    request = seen(ringside(upstream), upstream, "GET http://b.example:81/p?q=1 HTTP/1.1")
    assert request.target == "/p?q=1"
    assert (
        request.get("host") == "b.example:81"
    ), "RFC 9112, 3.2.2: the target's authority replaces Host"


def test_an_absolute_target_without_a_path_means_the_root(ringside, upstream):
    assert seen(ringside(upstream), upstream, "GET http://b.example HTTP/1.1").target == "/"


def test_options_of_the_server_itself_keeps_its_asterisk(ringside, upstream):
    assert seen(ringside(upstream), upstream, "OPTIONS * HTTP/1.1").target == "*"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_every_ordinary_method_is_forwarded(ringside, upstream, method):
    assert seen(ringside(upstream), upstream, f"{method} /x HTTP/1.1").method == method
