"""Sessions that began at another proxy, or before this one was started: each is found by each."""

import random
import threading

import pytest

from harness.cluster import Cluster
from harness.deadlines import eventually
from harness.mcp import INITIALIZED, LIST_TOOLS, pod_of, post, rpc


@pytest.fixture
def proxies(trusting, pods):
    """proxies(2, "abc"): so many proxies that share nothing but the pods."""

    def start(count: int, names: str = "abc", **more) -> list[Cluster]:
        started = pods(names)
        return [Cluster(trusting(*started, **more), started) for _ in range(count)]

    return start


def test_case_84_a_session_of_one_proxy_is_found_by_the_other_and_bound_there(proxies):
    here, there = proxies(2)
    for number in range(10):
        session = here.session(f"10.0.{number}.1")
        asked = here.asked(session.id)
        assert pod_of(there.post(session=session.id)) == session.owner.name
        assert pod_of(there.post(session=session.id)) == session.owner.name
        searched = there.asked(session.id) - asked
        assert searched[session.owner.name] == 2
        assert all(count == 1 for name, count in searched.items() if name != session.owner.name)
    assert here.bound() == there.bound() == 10


def test_case_84_requests_through_either_at_random_always_reach_the_owner(proxies):
    both = proxies(2, workers=2)
    draw = random.Random(84)
    sessions = [both[0].session(f"10.0.{number}.1") for number in range(20)]
    for turn in range(300):
        session, proxy = draw.choice(sessions), draw.choice(both)
        body = draw.choice([LIST_TOOLS, INITIALIZED, rpc("tools/call", turn)])
        assert pod_of(proxy.post(body, session.id, f"10.1.0.{turn % 7}")) == session.owner.name
    for session in sessions:
        others = {n: c for n, c in both[0].asked(session.id).items() if n != session.owner.name}
        assert all(count == 1 for count in others.values()), "asked once, by the second proxy"


def test_case_84_a_session_ended_at_one_proxy_is_ended_at_the_other(proxies):
    here, there = proxies(2)
    session = here.session("10.0.0.1")
    assert there.send("DELETE", session.id).status == 200
    response = here.post(session=session.id)
    assert response.status == 404
    assert here.post(session=session.id).status == there.post(session=session.id).status == 404


def test_case_29_a_killed_proxy_starts_again_and_every_session_goes_on(proxies):
    first, second = proxies(2)
    sessions = [first.session(f"10.0.{number}.1") for number in range(30)]
    first.proxy.process.kill()
    first.proxy.expect_exit(-9)
    for session in sessions:
        assert pod_of(second.post(session=session.id)) == session.owner.name
    assert second.bound() == 30


def test_both_proxies_look_for_one_session_at_the_same_time(proxies):
    both = proxies(2, workers=2)
    for _ in range(5):
        session = both[0].stored(both[0].pods["b"])
        faults = []

        def ask(proxy: Cluster) -> None:
            owner = pod_of(post(proxy.connect(), session=session))
            if owner != "b":
                faults.append(owner)

        threads = [threading.Thread(target=ask, args=(both[n % 2],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults
        asked = both[0].asked(session)
        assert asked["b"] == 8 and asked["a"] <= 2 and asked["c"] <= 2


def test_case_94_a_session_that_had_to_go_from_a_full_table_is_found_again(cluster):
    pods = cluster(pool={"affinity": {"max_sessions": 100}})
    sessions = [pods.session(f"10.{n // 250}.{n % 250}.1") for n in range(300)]
    assert pods.bound() <= 100
    for session in sessions:
        assert pod_of(pods.post(session=session.id)) == session.owner.name
    assert pods.bound() <= 100


def test_case_52_a_session_that_lapsed_is_found_again(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "100ms"}})
    session = pods.session("10.0.0.1")
    eventually(lambda: not pods.bound(), "the session lapses")
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_made_up_ids_cost_no_session_its_place(cluster):
    pods = cluster("ab", pool={"affinity": {"max_sessions": 50, "search": {"per_client": 1000}}})
    sessions = [pods.session(f"10.0.{n}.1") for n in range(50)]
    for number in range(200):
        assert pods.post(session=f"made-up-{number}", client="10.9.9.9").status in (404, 503)
    assert pods.bound() == 50
    asked = {session.id: pods.asked(session.id) for session in sessions}
    for session in sessions:
        pods.post(session=session.id)
        assert pods.asked(session.id).total() == asked[session.id].total() + 1


def test_the_access_log_tells_how_the_owner_was_found(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    assert pods.picked_by(pods.stored(b, first=a)) == "recovery"
    assert pods.picked_by(pods.stored(a, first=a)) == "ring"
    session = pods.stored(b, first=a)
    assert pods.post(session=session).status == 200
    assert pods.picked_by(session) == "binding"
    assert pods.picked_by(pods.unknown(first=a)) == "recovery"
    counted = pods.proxy.metrics()
    searched = {"picked_by": "recovery", "endpoint": "b", "code": "200"}
    assert counted.sum("ringside_requests_total", **searched) == 2


def test_a_search_is_one_line_of_the_access_log(cluster):
    pods = cluster("ab")
    a, b = pods.pods.values()
    a.sessions.add("s-1")
    b.sessions.add("s-1")
    assert pods.post(session="s-1").status == 200
    assert pods.post(session="nobody").status == 404
    found, unknown = pods.proxy.access_log(2)
    assert found["status"] == "200" and found["endpoint"] in "ab"
    assert unknown["status"] == "404" and unknown["error"] == "session_unknown", unknown
    assert "nobody" not in "".join(pods.proxy.stdout.all + pods.proxy.stderr.all)
