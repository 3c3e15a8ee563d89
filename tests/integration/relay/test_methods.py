"""Methods that are about the proxies on the way: OPTIONS with Max-Forwards, TRACE, CONNECT."""

import pytest

from harness.mcp import expect_proxy_error


def sent(proxy, upstream, method: str, fields, target: str = "/"):
    """What the upstream sees of a request."""
    client = proxy.connect()
    client.request(method, target, fields)
    return upstream.accept().read_request()


@pytest.mark.parametrize("target", ["/x", "*", "http://a.example/x", "http://a.example"])
def test_an_options_that_may_go_no_further_is_answered_by_the_proxy(ringside, upstream, target):
    proxy = ringside(upstream)
    client = proxy.connect()
    response = client.exchange("OPTIONS", target, {"Max-Forwards": "0"})
    assert (response.status, response.get("server"), response.body) == (204, "ringside", b"")
    assert response.get("date")
    upstream.expect_no_connection()
    client.request("GET", "/next")  # the connection goes on
    assert upstream.accept().read_request().target == "/next"
    line = proxy.access_log(1)[0]
    assert (line["method"], line["status"], line["endpoint"], line["error"]) == (
        "OPTIONS",
        "204",
        "-",
        "-",
    )


@pytest.mark.parametrize(
    "value, onward",
    [
        ("1", "0"),
        ("10", "9"),
        ("007", "6"),
        ("4294967296", "4294967294"),
        ("99999999999999999999999", "4294967294"),
    ],
)
def test_max_forwards_goes_on_one_less(ringside, upstream, value, onward):
    request = sent(ringside(upstream), upstream, "OPTIONS", {"Max-Forwards": value})
    assert request.get("max-forwards") == onward


def test_options_of_the_server_itself_passes_with_its_count(ringside, upstream):
    request = sent(ringside(upstream), upstream, "OPTIONS", {"Max-Forwards": "2"}, "*")
    assert (request.target, request.get("max-forwards")) == ("*", "1")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("value", ["0", "5", "x"])
def test_for_other_methods_max_forwards_means_nothing(ringside, upstream, method, value):
    request = sent(ringside(upstream), upstream, method, {"Max-Forwards": value})
    assert request.get("max-forwards") == value


@pytest.mark.parametrize("values", [["x"], [""], ["-1"], ["+1"], ["1.5"], ["1 2"], ["1", "2"]])
def test_a_max_forwards_that_is_no_number_is_a_400(ringside, upstream, values):
    client = ringside(upstream).connect()
    response = client.exchange("OPTIONS", "/", [("Max-Forwards", value) for value in values])
    expect_proxy_error(response, 400)
    assert b"Max-Forwards" in response.body
    upstream.expect_no_connection()
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next"


@pytest.mark.parametrize("fields", [{}, {"Max-Forwards": "0"}, {"Max-Forwards": "3"}])
def test_trace_is_refused_and_the_connection_goes_on(ringside, upstream, fields):
    proxy = ringside(upstream)
    client = proxy.connect()
    response = client.exchange("TRACE", "/", {**fields, "Cookie": "secret"})
    expect_proxy_error(response, 501)
    assert b"TRACE" in response.body and b"secret" not in response.body
    upstream.expect_no_connection()
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next"
    assert proxy.access_log(1)[0]["error"] == "trace_refused"


def test_connect_is_refused_and_closed(ringside, upstream):
    client = ringside(upstream).connect()
    client.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nbytes of a tunnel")
    response = client.read_response()
    assert response.status == 501 and b"CONNECT" in response.body
    client.expect_close()
    upstream.expect_no_connection()


def test_an_options_with_a_body_that_goes_no_further_keeps_the_connection_in_step(
    ringside, upstream
):
    client = ringside(upstream).connect()
    client.request("OPTIONS", "/", {"Max-Forwards": "0"}, b"hello")
    assert client.read_response().status == 204
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next"


def test_options_of_the_server_itself_is_the_proxys_where_no_route_has_all(ringside, upstream):
    routes = [{"path": "/one", "pool": "pods"}, {"path": "/two", "pool": "pods"}]
    proxy = ringside(
        config={
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "routes": routes}],
            "pools": {"pods": {"endpoints": [upstream.address]}},
        }
    )
    client = proxy.connect()
    response = client.exchange("OPTIONS", "*")
    assert (response.status, response.get("server")) == (204, "ringside")
    expect_proxy_error(client.exchange("OPTIONS", "/three"), 404)
    upstream.expect_no_connection()
