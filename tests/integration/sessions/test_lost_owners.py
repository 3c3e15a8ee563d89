"""An owner that does not answer: its sessions are kept while it may come back, and never moved."""

import pytest

from harness.deadlines import eventually
from harness.mcp import INITIALIZE, expect_proxy_error, pod_of, rpc
from harness.upstream import Silence, accept_first


def test_case_44_an_owner_that_refuses_is_a_503_to_try_again_and_keeps_its_sessions(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    before = {pod.name: len(pod.requests) for pod in pods.others(session.owner)}
    session.owner.stop()
    response = pods.post(session=session.id)
    expect_proxy_error(response, 503)
    assert int(response.get("retry-after")) >= 1
    assert pods.bound() == 1
    session.owner.start()
    assert eventually(lambda: pods.post(session=session.id).status == 200, "the owner is back")
    assert pods.proxy.metrics().sum("ringside_sessions_lost_total") == 0
    assert {pod.name: len(pod.requests) for pod in pods.others(session.owner)} == before


def test_case_44_an_owner_that_has_refused_for_owner_grace_has_lost_its_sessions(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "300ms"}})
    session = pods.session("10.0.0.1")
    before = {pod.name: len(pod.requests) for pod in pods.others(session.owner)}
    session.owner.stop()
    expect_proxy_error(pods.post(session=session.id), 503)

    def lost() -> bool:
        response = pods.post(session=session.id)
        assert response.status in (503, 404), response.start
        if response.status == 404:
            expect_proxy_error(response, 404, -32001)
        return response.status == 404

    eventually(lost, "the session is declared lost")
    assert pods.bound() == 0
    assert pods.proxy.metrics().sum("ringside_sessions_lost_total", pool="pods") == 1
    assert {pod.name: len(pod.requests) for pod in pods.others(session.owner)} == before


def test_case_44_a_lost_session_is_told_to_start_again_without_asking_anybody(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "300ms"}})
    session = pods.session("10.0.0.1")
    session.owner.stop()
    eventually(lambda: pods.post(session=session.id).status == 404, "the session is declared lost")
    seen = sum(len(pod.requests) for pod in pods.pods.values())
    expect_proxy_error(pods.post(session=session.id), 404, -32001)
    assert sum(len(pod.requests) for pod in pods.pods.values()) == seen


def test_case_44_a_silent_owner_is_a_503_for_as_long_as_it_is_listed(cluster):
    times = {"affinity": {"owner_grace": "100ms"}, "timeouts": {"connect": "150ms"}}
    pods = cluster(pool=times)
    session = pods.session("10.0.0.1")
    session.owner.stop()
    silent = Silence(session.owner.port)
    try:
        for _ in range(4):  # four connects of 150 ms: long past owner_grace
            response = pods.post(session=session.id)
            expect_proxy_error(response, 503)
            assert response.get("retry-after")
        assert pods.bound() == 1
    finally:
        silent.close()


def test_case_45_a_new_session_is_placed_elsewhere_while_an_owner_refuses(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    session.owner.stop()
    placed = pods.session("10.0.0.1")
    assert placed.owner is not session.owner


def test_case_49_when_all_pods_are_down_a_handshake_is_a_503_and_works_again_without_a_restart(
    cluster,
):
    pods = cluster()
    for pod in pods.pods.values():
        pod.stop()
    expect_proxy_error(pods.post(INITIALIZE), 503)
    for pod in pods.pods.values():
        pod.start()
    assert eventually(lambda: pods.post(INITIALIZE).status == 200, "the pods are used again")


def test_case_50_a_handshake_whose_pod_refuses_goes_to_the_next_on_the_ring(cluster):
    pods = cluster()
    pods.pods["b"].stop()
    placed = [pods.session(f"10.0.0.{n}").owner.name for n in range(30)]
    assert set(placed) == {"a", "c"}


def test_case_50_the_next_pod_gets_the_whole_request(cluster):
    pods = cluster()
    pods.pods["b"].stop()
    for number in range(20):
        padded = rpc("initialize", number, padding="x" * 50_000)
        response = pods.post(padded, client=f"10.0.0.{number}")
        assert pods.pods[pod_of(response)].requests[-1].body == padded


@pytest.mark.parametrize("end", ["close", "reset"])
def test_case_50_a_handshake_that_was_sent_and_not_answered_is_not_sent_again(
    trusting, upstreams, end
):
    both = upstreams(), upstreams()
    client = trusting(*both).connect()
    client.request("POST", "/mcp", body=INITIALIZE)
    _, served = accept_first(*both)
    served.read_request()
    getattr(served, end)()
    expect_proxy_error(client.read_response(), 502)
    for upstream in both:
        upstream.expect_no_connection()


def test_case_51_a_call_that_was_sent_and_lost_is_a_502_and_not_sent_again(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    owner = session.owner

    def die(request):
        if b"tools/call" in request.body:
            raise OSError("the process is killed")
        return None

    owner.answer = die
    before = sum(len(pod.requests) for pod in pods.pods.values())
    expect_proxy_error(pods.post(rpc("tools/call", 3, name="charge"), session.id), 502)
    assert sum(len(pod.requests) for pod in pods.pods.values()) == before + 1
    owner.answer = None
    assert pod_of(pods.post(session=session.id)) == owner.name


def test_a_call_on_a_reused_connection_that_dies_is_not_sent_again_either(trusting, upstream):
    client = trusting(upstream).connect()
    client.request("POST", "/mcp", body=INITIALIZE)
    served = upstream.accept()
    served.read_request()
    served.respond(200, {"Mcp-Session-Id": "s"}, b"{}")
    client.read_response()
    client.request("POST", "/mcp", {"Mcp-Session-Id": "s"}, rpc("tools/call"))
    served.read_request()
    served.reset()
    expect_proxy_error(client.read_response(), 502)
    upstream.expect_no_connection()


def test_case_44_the_grace_runs_out_without_any_further_request(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "300ms"}})
    session = pods.session("10.0.0.1")
    session.owner.stop()
    expect_proxy_error(pods.post(session=session.id), 503)
    eventually(lambda: pods.bound() == 0, "the proxy's own probes find the owner gone")


def test_case_44_an_owner_that_comes_back_in_time_starts_with_a_full_grace_again(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "30s"}})
    session = pods.session("10.0.0.1")
    for _ in range(2):
        session.owner.stop()
        expect_proxy_error(pods.post(session=session.id), 503)
        session.owner.start()
        assert pod_of(pods.post(session=session.id)) == session.owner.name
