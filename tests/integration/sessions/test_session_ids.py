"""What is one session id, what is none, and what is refused."""

import pytest

from harness.mcp import LIST_TOOLS, expect_proxy_error, fields_for, pod_of


@pytest.mark.parametrize(
    "name", ["Mcp-Session-Id", "MCP-SESSION-ID", "mcp-session-id", "MCP-Session-Id"]
)
def test_case_07_the_name_is_matched_in_any_case(cluster, name):
    pods = cluster()
    session = pods.session("10.0.0.1")
    for number in range(10):
        response = pods.post(client=f"10.0.1.{number}", fields={name: session.id})
        assert pod_of(response) == session.owner.name


def test_case_08_the_value_is_matched_in_its_own_case_only(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.mint = lambda name=pod.name: f"Session-{name}"
    session = pods.session("10.0.0.1")
    other = session.id.upper()
    expect_proxy_error(pods.post(session=other), 404, -32001)
    assert pods.asked(other) == {"a": 1, "b": 1, "c": 1}, "nobody knows it"
    assert pod_of(pods.post(session=session.id)) == session.owner.name


@pytest.mark.parametrize("padding", [(" ", " "), ("\t", ""), ("", " \t "), ("", "")])
def test_case_09_white_space_around_the_value_is_not_part_of_it(cluster, padding):
    pods = cluster()
    session = pods.session("10.0.0.1")
    before, after = padding
    for number in range(5):
        pods.wire.send(
            f"POST /mcp HTTP/1.1\r\nHost: a\r\nMcp-Session-Id:{before}{session.id}{after}\r\n"
            f"X-Forwarded-For: 10.0.2.{number}\r\nContent-Length: {len(LIST_TOOLS)}\r\n\r\n"
        )
        pods.wire.send(LIST_TOOLS)
        assert pod_of(pods.wire.read_response("POST")) == session.owner.name


@pytest.mark.parametrize("second", ["same", "another"])
def test_case_10_two_ids_are_refused_and_touch_no_binding(cluster, second):
    pods = cluster()
    session = pods.session("10.0.0.1")
    before = {name: len(pod.requests) for name, pod in pods.pods.items()}
    doubled = [
        ("Mcp-Session-Id", session.id),
        ("mcp-session-id", session.id if second == "same" else "x"),
    ]
    expect_proxy_error(pods.post(fields=doubled), 400)
    assert {name: len(pod.requests) for name, pod in pods.pods.items()} == before
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_case_11_an_empty_id_is_no_id(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1", fields={"Mcp-Session-Id": ""})
    assert pod_of(pods.post(session=session.id)) == session.owner.name
    with_empty = pods.post(fields={"Mcp-Session-Id": ""}, client="10.0.0.1")
    without = pods.post(client="10.0.0.1")
    assert with_empty.status == without.status == 400
    assert pod_of(with_empty) == pod_of(without)


@pytest.mark.parametrize("bad", ["a b", "a\tb", "a\x7fb", "a\x80b", "caf\u00e9"])
def test_case_12_an_id_with_a_byte_that_no_id_may_have_is_refused(cluster, bad):
    pods = cluster()
    response = pods.post(session=bad)
    assert (response.status, response.get("server")) == (400, "ringside")
    assert all(not pod.requests for pod in pods.pods.values())


def test_case_13_an_id_of_4096_bytes_is_a_session_like_any_other(cluster):
    pods = cluster()
    visible = "".join(chr(33 + n % 94) for n in range(4096))
    for pod in pods.pods.values():
        pod.mint = lambda: visible
    session = pods.session("10.0.0.1")
    assert session.id == visible
    for number in range(5):
        assert pod_of(pods.post(session=visible, client=f"10.0.1.{number}")) == session.owner.name


def test_case_13_an_id_beyond_the_limit_is_refused_and_the_proxy_goes_on(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    big = pods.connect()
    big.send_anyway(
        b"POST /mcp HTTP/1.1\r\nHost: a\r\nMcp-Session-Id: " + b"x" * 100_000 + b"\r\n\r\n"
    )
    assert big.read_response().status == 431
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_case_14_a_comma_is_a_byte_of_the_id_like_any_other(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.mint = lambda name=pod.name: f"one,{name}, two".replace(" ", "")
    session = pods.session("10.0.0.1")
    for number in range(5):
        assert (
            pod_of(pods.post(session=session.id, client=f"10.0.1.{number}")) == session.owner.name
        )
    assert session.owner.requests[-1].get("mcp-session-id") == session.id


def test_an_unknown_id_is_offered_to_one_pod_first_always_the_same(cluster):
    pods = cluster()
    for unknown in ("nobody-1", "nobody-2", "nobody-3", "nobody-4"):
        first = {pods.ring_owner(unknown).name for _ in range(5)}
        assert len(first) == 1
    assert pods.bound() == 0


def test_unknown_ids_are_spread_over_the_pods(cluster):
    pods = cluster()
    assert {pods.ring_owner(f"nobody-{n}").name for n in range(60)} == {"a", "b", "c"}


def test_the_answer_to_an_id_that_nobody_knows_is_the_proxys(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(404, b"Not Found: Session not found")
    expect_proxy_error(pods.post(session="nobody"), 404, -32001)


def test_another_field_can_be_the_sessions_key(cluster):
    pods = cluster(pool={"affinity": {"header": "x-room"}})
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {}, [("x-room", "kitchen")])
    owner = pod_of(pods.post(client="10.0.0.1"))
    for number in range(10):
        fields = fields_for(None, f"10.0.1.{number}", {"X-Room": "kitchen"})
        assert pod_of(pods.wire.exchange("POST", "/mcp", fields, LIST_TOOLS)) == owner
