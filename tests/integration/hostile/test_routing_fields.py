"""Nobody but the proxy decides about the fields that it writes, reads and routes by."""

import pytest

from harness.mcp import expect_proxy_error, pod_of

ROUTED = {"affinity": {"handles": [{"header": "mcp-param-room"}, {"header": "x-table"}]}}
KEPT = {
    "Origin": "https://app.example",
    "Authorization": "Bearer a",
    "Cookie": "a=1",
    "Mcp-Method": "tools/list",
    "Mcp-Name": "n",
    "Mcp-Param-Room": "7",
    "Mcp-Param-Other": "8",
    "MCP-Protocol-Version": "2025-11-25",
    "Accept": "application/json",
    "Content-Type": "application/json",
    "X-Table": "9",
}
ADDED = ("via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")


def seen(proxy, upstream, fields, **more):
    client = proxy.connect()
    client.request("POST", "/mcp", fields, b"{}", **more)
    return upstream.accept().read_request()


@pytest.mark.parametrize("form", ["{}", "close, {}", "{},keep-alive", "x-other ,\t{}"])
def test_connection_takes_away_no_field_that_matters(ringside, upstream, form):
    proxy = ringside(upstream, pool=ROUTED)
    names = ", ".join([*KEPT, *ADDED, "host", "content-length", "expect", "forwarded"])
    request = seen(proxy, upstream, [("Connection", form.format(names)), *KEPT.items()])
    for name, value in KEPT.items():
        assert request.get(name) == value, name
    assert request.get("via") == "1.1 ringside"
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.get("x-forwarded-proto") == "http"
    assert request.get("x-forwarded-host") == request.get("host") == "test.example"
    assert request.get("content-length") == "2"


def test_connection_takes_away_no_session(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    response = pods.post(session=session.id, fields={"Connection": "Mcp-Session-Id"})
    assert pod_of(response) == session.owner.name
    assert session.owner.requests[-1].get("mcp-session-id") == session.id


def test_a_trusted_peers_word_cannot_be_taken_away_either(ringside, upstream):
    proxy = ringside(upstream, listener={"trusted_proxies": ["127.0.0.0/8"]})
    fields = {
        "Connection": "x-forwarded-for, x-forwarded-proto, forwarded, via",
        "X-Forwarded-For": "10.1.2.3",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=10.1.2.3",
        "Via": "1.1 front",
    }
    request = seen(proxy, upstream, fields)
    assert request.get("x-forwarded-for") == "10.1.2.3, 127.0.0.1"
    assert request.get("x-forwarded-proto") == "https"
    assert request.get("forwarded") == "for=10.1.2.3"
    assert request.all("via") == ["1.1 front", "1.1 ringside"]


def test_trailers_bring_no_field_that_matters(ringside, upstream):
    proxy = ringside(upstream, pool=ROUTED)
    client = proxy.connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    names = [*KEPT, *ADDED, "Host", "Mcp-Session-Id", *LOOKALIKES, "mcp_session_id"]
    forged = "".join(f"{name}: forged\r\n" for name in names)
    client.send(f"2\r\n{{}}\r\n0\r\nX-Sum: 1\r\n{forged}X-Last: 2\r\n\r\n")
    assert upstream.accept().read_request().trailers == [("X-Sum", "1"), ("X-Last", "2")]


# Lookalikes

LOOKALIKES = [
    *("x_forwarded_for", "X-Forwarded_For", "x_forwarded_host", "X_FORWARDED_PROTO"),
    *("mcp_protocol_version", "Mcp_Method", "mcp_name", "Mcp_Param_Room", "x_table"),
    *("Content_Length", "transfer_encoding", "Content_Type", "proxy_authorization"),
]


@pytest.mark.parametrize("name", LOOKALIKES)
def test_a_lookalike_is_refused_by_default(ringside, upstream, name):
    proxy = ringside(upstream, pool=ROUTED, log={"access": "stdout"})
    client = proxy.connect()
    expect_proxy_error(client.exchange("POST", "/", {name: "5"}, b"{}"), 400)
    upstream.expect_no_connection()
    assert proxy.access_log(1)[0]["error"] == "lookalike_field"


def test_lookalikes_are_dropped_where_the_listener_says_so(ringside, upstream):
    proxy = ringside(upstream, pool=ROUTED, listener={"underscores": "drop"})
    fields = [(name, "5") for name in [*LOOKALIKES, "mcp_session_id"]]
    request = seen(proxy, upstream, [("X_Mine", "1"), *fields, ("X-Table", "9")])
    names = {name for name, _ in request.fields}
    assert not names & {name for name, _ in fields}, names
    assert request.get("x_mine") == "1" and request.get("x-table") == "9"
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.body == b"{}"


def test_lookalikes_pass_where_the_listener_says_so(ringside, upstream):
    proxy = ringside(upstream, pool=ROUTED, listener={"underscores": "pass"})
    fields = [(name, "5") for name in [*LOOKALIKES, "mcp_session_id"]]
    request = seen(proxy, upstream, fields)
    assert [pair for pair in request.fields if pair in fields] == fields


def test_fields_that_look_like_none_that_matters_pass(ringside, upstream):
    fields = {"x_request_id": "1", "_": "2", "X_": "3", "x_forwarded_port_": "4", "u_ser-agent": "5"}
    request = seen(ringside(upstream), upstream, fields)
    for name, value in fields.items():
        assert request.get(name) == value


def test_a_session_field_that_has_an_underscore_itself_is_that_field(cluster):
    pods = cluster(pool={"affinity": {"header": "x_room-id"}})
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    assert pods.post(fields={"x_room-id": "a"}).status == 200
    expect_proxy_error(pods.post(fields={"x_room_id": "a"}), 400)
