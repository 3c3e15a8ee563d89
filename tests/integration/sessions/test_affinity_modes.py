"""The two modes that ignore session ids: by the client's address alone, and not at all."""

from collections import Counter

from harness.mcp import INITIALIZE, modern, pod_of
from harness.pod import SSE
from harness.wire import encode


def test_mode_client_sends_all_of_a_client_to_one_pod(cluster):
    pods = cluster(pool={"affinity": {"mode": "client"}})
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(
            200, {}, [("mcp-session-id", f"of-{pod.name}")]
        )
    for number in range(10):
        client = f"10.0.0.{number}"
        home = pod_of(pods.post(INITIALIZE, client=client))
        for session in ("of-a", "of-b", "of-c", "of-nobody"):
            assert pod_of(pods.post(session=session, client=client)) == home
    assert pods.bound() == 0


def test_mode_client_spreads_different_clients(cluster):
    pods = cluster(pool={"affinity": {"mode": "client"}})
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    answered = {pod_of(pods.post(session="one", client=f"10.0.0.{n}")) for n in range(30)}
    assert answered == {"a", "b", "c"}
    assert pods.all_picked_by(30) == {"ring"}


def test_mode_none_spreads_the_requests_of_one_session(cluster):
    pods = cluster(pool={"affinity": {"mode": "none"}})
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200, {}, [("mcp-session-id", "one")])
    share = Counter(pod_of(pods.post(session="one", client="10.0.0.1")) for _ in range(90))
    assert set(share) == {"a", "b", "c"}
    assert pods.all_picked_by(90) == {"balanced"}
    assert pods.bound() == 0


def test_mode_none_avoids_the_busier_pod(cluster):
    pods = cluster("ab", pool={"affinity": {"mode": "none"}})
    a, b = pods.pods["a"], pods.pods["b"]
    a.answer = lambda request: encode("HTTP/1.1 200 OK", [("x-pod", "a"), *SSE])
    b.answer = lambda request: b.reply(200)
    answered = []
    held = []
    for _ in range(40):
        wire = pods.connect()
        held.append(wire)
        wire.request("GET", "/mcp", {"Accept": "text/event-stream"})
        answered.append(pod_of(wire.read_response_head()))
    # Each stream that a holds makes it busier; b's answers are over at once.
    assert answered.count("a") <= answered.count("b") / 2, Counter(answered)


def test_mode_none_goes_round_a_pod_that_refuses(cluster):
    pods = cluster(pool={"affinity": {"mode": "none"}})
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    pods.pods["b"].stop()
    assert {pod_of(pods.post(fields=modern())) for _ in range(30)} == {"a", "c"}
