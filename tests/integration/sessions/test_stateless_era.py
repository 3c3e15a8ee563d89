"""Revision 2026-07-28 and later: where requests without sessions go, and that they bind nothing."""

from collections import Counter

import pytest

from harness.mcp import fields_for, modern, pod_of, rpc
from harness.pod import SSE
from harness.wire import chunk, encode

CLIENT = {"affinity": {"stateless": "client"}}


def call(pods, client: str | None = None, session: str | None = None):
    fields = modern("tools/call", **{"Mcp-Name": "t"})
    return pods.post(rpc("tools/call", 7, name="t"), session, client, fields)


def test_one_client_meets_one_pod_where_the_pool_asks_for_it(cluster):
    pods = cluster(pool=CLIENT)
    for number in range(10):
        homes = {pod_of(call(pods, f"10.0.0.{number}")) for _ in range(6)}
        assert len(homes) == 1
    assert pods.all_picked_by(60) == {"ring"}
    assert pods.bound() == 0


def test_different_clients_are_spread_by_the_ring(cluster):
    pods = cluster(pool=CLIENT)
    homes = Counter(pod_of(call(pods, f"10.0.{number}.1")) for number in range(60))
    assert set(homes) == {"a", "b", "c"}


def test_two_proxies_send_a_client_to_the_same_pod(cluster, trusting):
    pods = cluster(pool=CLIENT)
    second = trusting(*pods.pods.values(), pool=CLIENT).connect()
    for number in range(20):
        client = f"10.0.{number}.1"
        body, fields = rpc("tools/list"), fields_for(None, client, modern())
        answer = second.exchange("POST", "/mcp", fields, body)
        assert pod_of(answer) == pod_of(pods.post(body, client=client, fields=modern()))


def test_a_client_whose_pod_refuses_is_served_by_another(cluster):
    pods = cluster(pool=CLIENT)
    home = pod_of(call(pods, "10.0.0.1"))
    pods.pods[home].stop()
    others = {pod_of(call(pods, "10.0.0.1")) for _ in range(5)}
    assert len(others) == 1 and home not in others


@pytest.mark.parametrize("by", ["client", "least_requests"])
def test_a_session_of_the_older_era_stays_where_it_is_beside_them(cluster, by):
    pods = cluster(pool={"affinity": {"stateless": by}})
    first, second = pods.sessions_apart()
    for number in range(15):
        assert call(pods, f"10.3.0.{number}", first.id).status == 200
        for session in (first, second):
            response = pods.post(session=session.id, client=f"10.3.0.{number}")
            assert pod_of(response) == session.owner.name
    assert pods.bound() == 2


def test_both_eras_in_one_pipeline_are_answered_in_order_each_by_its_own(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    turns = [session.id if number % 2 else None for number in range(10)]
    for number, id in enumerate(turns):
        fields = fields_for(id, "10.0.0.1", {} if id else modern())
        pods.wire.request("POST", "/mcp", fields, rpc("tools/list", number))
    for number, id in enumerate(turns):
        response = pods.wire.read_response("POST")
        assert f'"id": {number},'.encode() in response.body
        if id:
            assert pod_of(response) == session.owner.name
    assert pods.bound() == 1


def test_the_busier_pod_gets_less(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    a.answer = lambda request: encode("HTTP/1.1 200 OK", [("x-pod", "a"), *SSE])
    b.answer = lambda request: b.reply(200)
    answered = []
    for _ in range(40):
        wire = pods.connect()
        wire.request("POST", "/mcp", fields_for(None, None, modern()), rpc("tools/list"))
        answered.append(pod_of(wire.read_response_head()))
    # Each stream that a holds makes it busier; b's answers are over at once.
    assert answered.count("a") <= answered.count("b") / 2, Counter(answered)


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_before_the_answer_is_seen_by_the_pod_at_once(
    trusting, upstream, leave
):
    wire = trusting(upstream).connect()
    wire.request("POST", "/mcp", fields_for(None, None, modern("tools/call")), rpc("tools/call"))
    served = upstream.accept()
    served.read_request()
    getattr(wire, leave)()
    served.socket.settimeout(2.5)
    served.expect_close()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_in_mid_answer_is_seen_by_the_pod_at_once(trusting, upstream, leave):
    wire = trusting(upstream).connect()
    wire.request("POST", "/mcp", fields_for(None, None, modern("tools/call")), rpc("tools/call"))
    served = upstream.accept()
    served.read_request()
    served.send(encode("HTTP/1.1 200 OK", SSE) + chunk("data: 1\n\n"))
    assert wire.body_of(wire.read_response_head()).event() == b"data: 1\n\n"
    getattr(wire, leave)()
    served.socket.settimeout(2.5)
    served.expect_close()


def test_a_request_whose_pod_dies_is_not_sent_to_another(cluster):
    pods = cluster("ab")
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.stop()
    response = call(pods)
    assert (response.status, response.get("server")) == (502, "ringside")
    assert sum(len(pod.requests) for pod in pods.pods.values()) == 1


def test_a_404_of_that_era_says_nothing_about_the_session_it_names(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: (
            pod.error(404, -32601, "Method not found") if request.get("mcp-method") else None
        )
    for _ in range(10):
        assert call(pods, session=session.id).status == 404
    assert pods.bound() == 1
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_an_unknown_session_is_not_searched_for_with_a_request_of_that_era(cluster):
    pods = cluster()
    for _ in range(10):
        assert call(pods, session="nobody").status == 200
    assert pods.attempts() == {}
    assert sum(len(pod.requests) for pod in pods.pods.values()) == 10
