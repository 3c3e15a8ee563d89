"""Where a request goes that no binding decides: by ring, by weight, not past a pod's share."""

import threading
import uuid
from collections import Counter

from harness.cluster import Cluster
from harness.deadlines import DEADLINE, eventually
from harness.mcp import INITIALIZE, fields_for, initialize, pod_of


def placements(pods, count: int = 400) -> list[str]:
    """The pod of each of many clients; plain requests: no session is made, and nobody is full."""
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    return [pod_of(pods.post(client=f"10.{n // 200}.{n % 200}.7")) for n in range(count)]


def test_every_client_has_its_own_place_and_keeps_it(cluster):
    pods = cluster()
    assert placements(pods, 60) == placements(pods, 60)


def test_clients_are_spread_over_the_pods(cluster):
    share = Counter(placements(cluster()))
    assert set(share) == {"a", "b", "c"}
    assert min(share.values()) >= 60, share  # ideal: 133


def test_the_same_endpoints_make_the_same_ring_in_every_process(trusting, cluster):
    first = cluster()
    started = list(first.pods.values())
    second = Cluster(trusting(*started[::-1]), started)
    assert placements(second, 60) == placements(first, 60)


def test_a_pod_of_weight_three_gets_three_times_the_clients(trusting, pods):
    a, b = pods("ab")
    proxy = trusting(
        {"address": a.address, "name": "a", "weight": 3}, {"address": b.address, "name": "b"}
    )
    share = Counter(placements(Cluster(proxy, [a, b])))
    assert 0.62 < share["a"] / 400 < 0.88, share


def test_a_weight_of_zero_is_refused(ringside, pods):
    a, b = pods("ab")
    proxy = ringside({"address": a.address, "weight": 0}, {"address": b.address}, ready=False)
    proxy.expect_exit(2)


def test_case_48_a_fourth_pod_takes_about_a_quarter_of_the_clients_and_moves_no_other(
    cluster, trusting, pods
):
    three = cluster("abc")
    before = placements(three)
    (d,) = pods("d")
    started = [*three.pods.values(), d]
    after = placements(Cluster(trusting(*started), started))
    moved = [new for old, new in zip(before, after) if old != new]
    assert set(moved) == {"d"}, "a client moves to the new pod or not at all"
    assert 0.12 < len(moved) / len(before) < 0.40, len(moved)  # ideal: 0.25


def test_no_pod_gets_more_than_its_share_of_sessions_from_one_client(cluster):
    pods = cluster()
    share = Counter(pods.session("10.0.0.1").owner.name for _ in range(60))
    assert max(share.values()) <= 1.25 * 60 / 3 + 1, share


def test_the_balance_factor_sets_how_much_is_more_than_its_share(cluster):
    pods = cluster(pool={"placement": {"by": "client_ip", "balance_factor": 2.0}})
    share = Counter(pods.session("10.0.0.1").owner.name for _ in range(60))
    assert 1.5 * 60 / 3 < max(share.values()) <= 2.0 * 60 / 3 + 1, share


def test_a_session_that_ended_makes_room_again(cluster):
    pods = cluster()
    first = pods.session("10.0.0.1")
    assert pods.send("DELETE", first.id).status == 200
    eventually(lambda: pods.bound() == 0, "the session is forgotten")
    assert pods.session("10.0.0.1").owner is first.owner


def test_placement_by_least_sessions_is_even(cluster):
    pods = cluster(pool={"placement": {"by": "least_sessions"}})
    share = Counter(pods.session("10.0.0.1").owner.name for _ in range(30))
    assert share == {"a": 10, "b": 10, "c": 10}


def test_the_seed_changes_the_ring(cluster, trusting):
    pods = cluster()
    expected = placements(pods, 60)
    started = list(pods.pods.values())
    other = Cluster(trusting(*started, pool={"ring": {"points": 160, "seed": 7}}), started)
    assert placements(other, 60) != expected


def test_many_sessions_of_many_clients_are_within_the_bound(cluster):
    pods = cluster()
    for number in range(90):
        initialize(pods.wire, f"10.2.{number}.1")
    share = [pods.proxy.metrics().sum("ringside_sessions", endpoint=name) for name in "abc"]
    assert sum(share) == 90 and max(share) <= 1.25 * 90 / 3 + 1, share


def test_a_heavier_pod_gets_its_larger_share_of_sessions_and_no_more(trusting, pods):
    a, b = pods("ab")
    heavy = {"address": a.address, "name": "a", "weight": 3}
    started = Cluster(trusting(heavy, {"address": b.address, "name": "b"}), [a, b])
    share = Counter(started.session("10.0.0.1").owner.name for _ in range(40))
    assert share["a"] <= 1.25 * 30 + 1 and share["b"] <= 1.25 * 10 + 1, share


def test_handshakes_under_way_count_as_sessions(cluster):
    pods = cluster()
    answer_all = threading.Event()
    for pod in pods.pods.values():
        pod.mint = lambda: answer_all.wait(DEADLINE) and str(uuid.uuid4())
    wires = [pods.connect() for _ in range(30)]
    for wire in wires:
        wire.request("POST", "/mcp", fields_for(None, "10.0.0.1"), INITIALIZE)
    asked = lambda: [len(pod.requests) for pod in pods.pods.values()]
    eventually(lambda: sum(asked()) == 30, "every handshake is at a pod")
    answer_all.set()
    assert max(asked()) <= 1.25 * 30 / 3 + 1, asked()
    assert all(wire.read_response("POST").status == 200 for wire in wires)
