"""Several workers, one memory: what one learns all know before the client can use it."""

import threading

import pytest

from harness.deadlines import eventually
from harness.mcp import INITIALIZE, fields_for, pod_of, post


def test_the_ready_line_tells_the_workers(cluster):
    pods = cluster(workers=4)
    assert any("workers=4" in line for line in pods.proxy.stderr.all)


def test_a_session_learned_on_one_connection_is_known_on_all_others_at_once(cluster):
    pods = cluster(workers=4)
    others = [pods.connect() for _ in range(16)]  # spread over the workers by the kernel
    for number in range(20):
        session = pods.session(f"10.0.{number}.1")
        for client, wire in enumerate(others):
            response = post(wire, session=session.id, client=f"10.9.{number}.{client}")
            assert pod_of(response) == session.owner.name


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_session_is_usable_elsewhere_the_moment_its_head_arrives(cluster, stream):
    pods = cluster(workers=4)
    for pod in pods.pods.values():
        pod.init_as_stream = stream
    others = [pods.connect() for _ in range(8)]
    for number in range(10):
        wire = pods.connect()
        wire.request("POST", "/mcp", fields_for(None, f"10.1.{number}.1"), INITIALIZE)
        head = wire.read_response_head()
        for other in others:
            other.request(
                "POST", "/mcp", fields_for(head.get("mcp-session-id"), "10.2.2.2"), b'{"id":1}'
            )
        for other in others:
            assert pod_of(other.read_response("POST")) == pod_of(head)


def test_a_session_ended_on_one_connection_is_ended_on_all(cluster):
    pods = cluster(workers=4)
    others = [pods.connect() for _ in range(8)]
    for number in range(5):
        session = pods.session(f"10.0.{number}.1")
        assert pods.send("DELETE", session.id).status == 200
        assert {post(wire, session=session.id).status for wire in others} == {404}
    assert pods.bound() == 0


def test_many_clients_at_once_each_keep_their_pod(cluster):
    pods = cluster(workers=4)
    faults: list[str] = []

    def live(number: int) -> None:
        wire = pods.connect()
        opened = post(wire, INITIALIZE, client=f"10.5.{number}.1")
        session, owner = opened.get("mcp-session-id"), pod_of(opened)
        for turn in range(20):
            if turn % 5 == 0:
                wire.close()
                wire = pods.connect()
            answered = pod_of(post(wire, session=session, client=f"10.6.{number}.{turn}"))
            if answered != owner:
                faults.append(f"session {number} of {owner} answered by {answered}")

    threads = [threading.Thread(target=live, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert pods.bound() == 32


def test_the_counters_of_all_workers_are_added_up(cluster):
    pods = cluster(workers=4)
    for number in range(20):
        wire = pods.connect()
        assert post(wire, INITIALIZE, client=f"10.0.{number}.1").status == 200
    counted = (
        lambda: pods.proxy.metrics().sum("ringside_requests_total", pool="pods") == 20
    )  # noqa: E731
    eventually(counted, "all requests are counted")


def test_the_bound_on_sessions_holds_for_all_workers_together(cluster):
    pods = cluster(workers=4, pool={"affinity": {"max_sessions": 100}})
    for number in range(150):
        wire = pods.connect()
        assert post(wire, INITIALIZE, client=f"10.0.{number}.1").status == 200
        wire.close()
    assert pods.bound() <= 100
