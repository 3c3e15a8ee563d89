"""The process log and the access log: one line an exchange, all its fields, text or JSON."""

import hashlib
import json
import re

import pytest

from harness.deadlines import eventually
from harness.mcp import INITIALIZE, fields_for
from harness.process import parse_access_line
from harness.upstream import asked

FIELDS = (
    "time listener client method path status pool endpoint picked_by session "
    "request_bytes response_bytes us_route us_connect us_head us_total error_side error"
).split()


def one_exchange(proxy, upstream, response=(200, {}, b"hello"), fields=(), body=b"{}"):
    client, served = asked(proxy, upstream, "POST", "/mcp?secret=1", fields, body)
    served.respond(*response)
    client.read_response("POST")


def test_the_access_log_has_one_line_an_exchange_with_every_field(ringside, upstream):
    proxy = ringside(upstream)
    one_exchange(proxy, upstream)
    (line,) = proxy.access_log(1)
    assert list(line) == FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["listener"] == "mcp"
    assert re.fullmatch(r"127\.0\.0\.1(:\d+)?", line["client"])
    assert (line["method"], line["status"], line["pool"]) == ("POST", "200", "pods")
    assert line["path"].startswith("/mcp") and "secret" not in line["path"]
    assert line["endpoint"] == upstream.address
    assert line["picked_by"] == "ring"
    assert (line["request_bytes"], line["response_bytes"]) == ("2", "5")
    assert (line["session"], line["error_side"], line["error"]) == ("-", "-", "-")
    times = {key: int(line[key]) for key in FIELDS if key.startswith("us_")}
    assert 0 < times["us_total"] < 60_000_000
    assert times["us_head"] <= times["us_total"]


def test_the_access_log_in_json(ringside, upstream):
    proxy = ringside(upstream, log={"format": "json", "access": "stdout"})
    one_exchange(proxy, upstream)
    record = json.loads(proxy.stdout.wait_count(1)[0])
    assert list(record) == FIELDS
    assert int(record["status"]) == 200 and record["pool"] == "pods"


def test_the_access_log_in_a_file(ringside, upstream):
    proxy = ringside(upstream, log={"access": "./access.log"})
    for _ in range(3):
        one_exchange(proxy, upstream, (200, {"Connection": "close"}, b"hello"))
    proxy.stop()
    lines = (proxy.directory / "access.log").read_text().splitlines()
    assert [parse_access_line(line)["status"] for line in lines] == ["200"] * 3
    assert proxy.stdout.all == []


def test_the_access_log_is_off_by_default(ringside, upstream):
    proxy = ringside(upstream, log={})
    one_exchange(proxy, upstream)
    proxy.stop()
    assert proxy.stdout.all == []


def test_a_session_appears_only_as_its_digest(cluster):
    pods = cluster(log={"level": "info", "access": "stdout"})
    session = pods.session("10.0.0.1")
    pods.post(session=session.id)
    _, second = pods.proxy.access_log(2)
    assert second["session"] == hashlib.sha256(session.id.encode()).hexdigest()[:16]
    assert second["picked_by"] == "binding" and second["endpoint"] == session.owner.name
    pods.proxy.stop()
    assert session.id not in "\n".join(pods.proxy.stderr.all + pods.proxy.stdout.all)


def test_the_client_of_a_trusted_proxy_is_the_one_it_names(cluster):
    pods = cluster()
    pods.post(client="10.1.2.3")
    assert pods.proxy.access_log(1)[0]["client"] == "10.1.2.3"


def fault(proxy) -> tuple[str, str, str]:
    (line,) = proxy.access_log(1)
    return line["status"], line["error_side"], line["error"]


def test_a_fault_of_the_client_is_on_its_side(ringside, upstream):
    proxy = ringside(upstream)
    proxy.connect().send("GET / HTTP/1.1\r\n\r\n")
    status, side, code = fault(proxy)
    assert (status, side) == ("400", "client") and code != "-"


def test_a_fault_of_the_upstream_is_on_its_side(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.reset()
    client.read_response()
    status, side, code = fault(proxy)
    assert (status, side) == ("502", "upstream") and code != "-"


def test_a_client_that_left_is_told_from_an_upstream_that_did(ringside, upstream):
    proxy = ringside(upstream)
    client, _ = asked(proxy, upstream)
    client.close()
    status, side, code = fault(proxy)
    assert side == "client" and code != "-"


def test_a_body_that_broke_off_is_logged_once_with_what_was_sent(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    served.half_close()
    client.body_of(client.read_response_head()).expect_abort()
    (line,) = proxy.access_log(1)
    assert (line["status"], line["response_bytes"], line["error_side"]) == ("200", "5", "upstream")


@pytest.mark.parametrize("form", ["text", "json"])
def test_bytes_of_a_client_cannot_forge_a_line(ringside, upstream, form):
    proxy = ringside(upstream, log={"format": form, "access": "stdout"})
    client = proxy.connect()
    client.send('GET /a"b\\c%0Atime=x HTTP/1.1\r\nHost: a\r\n\r\n'.encode())
    served = upstream.accept()
    served.read_request()
    served.respond(200)
    client.read_response()
    (line,) = proxy.access_log(1)
    assert line["status"] == "200" and line["listener"] == "mcp"


def test_a_stream_is_logged_when_it_ends(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    wire = pods.connect()
    wire.request("GET", "/mcp", fields_for(session.id, None))
    body = wire.body_of(wire.read_response_head())
    stream = session.owner.wait_stream()
    stream.send("data: 12345\n\n")
    assert body.event()
    stream.end()
    assert body.rest() == b""
    line = pods.proxy.access_log(2)[1]
    assert (line["method"], line["status"], line["response_bytes"]) == ("GET", "200", "13")


def test_pipelined_exchanges_are_one_line_each(ringside, pods):
    (a,) = pods("a")
    proxy = ringside(a)
    client = proxy.connect()
    for _ in range(5):
        client.request("POST", "/mcp", fields_for(None, None), INITIALIZE)
    for _ in range(5):
        assert client.read_response("POST").status == 200
    assert len(proxy.access_log(5)) == 5
    eventually(lambda: proxy.metrics().sum("ringside_requests_total") == 5, "five are counted")
