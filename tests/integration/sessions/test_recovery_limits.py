"""What a search may cost: a request, a client, and in all: made-up ids must multiply no load."""

import itertools
import math
import threading
import time

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import INITIALIZE, INITIALIZED, LIST_TOOLS, expect_proxy_error, fields_for, pod_of, post

PER_CLIENT, BURST_SECONDS = 10, 10  # failing searches a second, and what may come at once


def search(**options):
    return {"affinity": {"search": options}}


def test_case_30_no_more_pods_are_asked_than_attempts_says(cluster):
    pods = cluster("abcde", pool=search(attempts=3))
    for _ in range(5):
        session = pods.unknown()
        response = pods.post(session=session)
        expect_proxy_error(response, 503)
        assert response.get("retry-after")
        assert pods.asked(session).total() == 3
        pods.post(session=session)
        assert pods.asked(session).total() == 6, "nothing was remembered"


def test_case_30_as_many_attempts_as_pods_are_enough_to_be_certain(cluster):
    pods = cluster("abc", pool=search(attempts=3))
    expect_proxy_error(pods.post(session=pods.unknown()), 404, -32001)


def test_one_attempt_is_the_ring_owner_alone(cluster):
    pods = cluster("ab", pool=search(attempts=1))
    a, b = pods.pods.values()
    assert pod_of(pods.post(session=pods.stored(a, first=a))) == "a"
    expect_proxy_error(pods.post(session=pods.stored(b, first=a)), 503)


@pytest.mark.parametrize(
    ("third", "status"),
    [("10.0.0.3", 503), ("10.0.0.2", 503), (None, 503)],
)
def test_a_search_past_in_flight_is_told_to_come_again(cluster, third, status):
    expect_limit(cluster, 2, ["10.0.0.1", "10.0.0.2"], third, status)


@pytest.mark.parametrize(("third", "status"), [("10.0.0.1", 429), ("10.0.0.2", 200)])
def test_one_client_has_half_of_in_flight(cluster, third, status):
    expect_limit(cluster, 4, ["10.0.0.1", "10.0.0.1"], third, status)


def expect_limit(cluster, in_flight, searching, third, status):
    pods = cluster("ab", pool=search(in_flight=in_flight))
    a, b = pods.pods.values()
    sessions = [pods.stored(b, first=a) for _ in range(3)]
    known = pods.session("10.0.0.1")
    let_go = threading.Event()
    a.answer = lambda request: (
        let_go.wait(DEADLINE) and None if request.get("mcp-session-id") in sessions[:2] else None
    )
    before = len(a.requests)
    wires = [pods.connect() for _ in searching]
    for wire, session, client in zip(wires, sessions, searching):
        wire.request("POST", "/mcp", fields_for(session, client), LIST_TOOLS)
    a.wait_request(before + 1)
    response = pods.post(session=sessions[2], client=third)
    if status == 200:
        assert pod_of(response) == "b"
    else:
        expect_proxy_error(response, status)
        assert response.get("retry-after")
        assert pods.asked(sessions[2]).total() == 0
    assert pod_of(pods.post(session=known.id)) == known.owner.name, "others are not concerned"
    let_go.set()
    for wire in wires:
        assert pod_of(wire.read_response("POST")) == "b"
    assert pod_of(pods.post(session=sessions[2])) == "b"


def test_a_client_past_its_share_is_told_so_and_another_is_not(cluster):
    pods = cluster("ab", pool=search(per_client=1))
    a, b = pods.pods.values()
    known = pods.session("10.0.0.1")
    statuses = [pods.post(session=pods.unknown(), client="10.0.0.1").status for _ in range(10)]
    assert statuses == [404] * 10, "ten times as many at once as in a second"

    def refused():
        session = pods.stored(b)
        response = pods.post(session=session, client="10.0.0.1")
        return (response, session) if response.status == 429 else None

    response, session = eventually(refused, "the share is spent")
    expect_proxy_error(response, 429)
    assert int(response.get("retry-after")) >= 1
    assert pods.asked(session).total() == 0
    assert pod_of(pods.post(session=known.id, client="10.0.0.1")) == known.owner.name
    assert pods.session("10.0.0.1").id, "all else works for that client"
    assert pod_of(pods.post(session=session, client="10.0.0.2")) == "b"
    assert pod_of(pods.post(session=session, client="10.0.0.1")) == "b", "it is found now"


def test_a_share_that_was_spent_comes_back(cluster):
    pods = cluster("ab", pool=search(per_client=5))
    session = pods.stored(pods.pods["b"])
    for _ in range(1000):  # those that come back meanwhile are spent, too
        if pods.post(session=pods.unknown(), client="10.0.0.1").status == 429:
            break
    else:
        raise AssertionError("never refused")
    found = lambda: pods.post(session=session, client="10.0.0.1").status == 200  # noqa: E731
    assert eventually(found, "a fifth of a second later there is one search more")


def test_who_finds_owners_pays_nothing(cluster):
    pods = cluster("abc", pool=search(per_client=1))
    for number in range(100):
        owner = pods.pods["abc"[number % 3]]
        session = f"stored-{number}"
        owner.sessions.add(session)
        assert pod_of(pods.post(session=session, client="10.0.0.1")) == owner.name


def test_what_is_remembered_as_unknown_costs_no_share(cluster):
    pods = cluster("ab", pool=search(per_client=1))
    session = pods.unknown()
    for _ in range(50):
        expect_proxy_error(pods.post(session=session, client="10.0.0.1"), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1}


def test_pods_that_cannot_be_asked_cost_the_client_no_share(cluster):
    pods = cluster("ab", pool=search(per_client=1))
    pods.pods["b"].stop()
    for number in range(30):
        response = pods.post(session=f"unknown-{number}", client="10.0.0.1")
        assert response.status == 503


@pytest.mark.parametrize("limit", [{"attempts": 1}, {"body_bytes": 0}])
def test_searches_that_a_limit_cuts_short_are_paid_for(cluster, limit):
    pods = cluster("ab", pool=search(per_client=1, **limit))
    statuses = [pods.post(session=pods.unknown(), client="10.0.0.1").status for _ in range(30)]
    assert statuses[:10] == [503] * 10 and 429 in statuses
    assert pods.post(session=pods.unknown(), client="10.0.0.2").status == 503


def test_an_ipv6_client_is_its_network(cluster):
    pods = cluster("ab", pool=search(per_client=1))
    statuses = [
        pods.post(session=f"unknown-{number}", client=f"2001:db8:1:2::{number:x}").status
        for number in range(30)
    ]
    assert statuses[:10] == [404] * 10 and 429 in statuses
    assert pods.post(session="unknown-x", client="2001:db8:1:3::1").status == 404


@pytest.mark.parametrize("workers", [1, 4])
def test_case_54_a_thousand_made_up_ids_cost_the_pods_a_bounded_number_of_attempts(
    cluster, workers
):
    pods = cluster("abc", workers=workers, pool=search(per_client=PER_CLIENT))
    honest = [pods.session(f"10.1.0.{n}") for n in range(5)]
    stored = [pods.stored(pods.pods["abc"[n % 3]]) for n in range(5)]
    start = time.monotonic()
    statuses: list[int] = []

    def flood(part: int) -> None:
        wire = pods.connect()
        for number in range(250):
            response = post(wire, LIST_TOOLS, f"made-up-{part}-{number}", "10.66.6.6")
            statuses.append(response.status)

    threads = [threading.Thread(target=flood, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for session, id in zip(honest, stored):
        assert pod_of(pods.post(session=session.id, client="10.1.0.1")) == session.owner.name
        assert pods.post(session=id, client="10.1.0.2").status == 200, "another's search works"
        assert pods.session("10.1.0.3").id
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    searches = PER_CLIENT * (BURST_SECONDS + math.ceil(seconds))
    made_up = sum(
        (request.get("mcp-session-id") or "").startswith("made-up")
        for pod in pods.pods.values()
        for request in pod.requests
    )
    assert len(statuses) == 1000 and set(statuses) <= {404, 429, 503}, set(statuses)
    assert statuses.count(404) <= searches and 100 <= made_up <= searches * len(pods.pods)
    assert pods.bound() == 15


def test_case_54_many_clients_together_cost_no_more_than_all_may_waste(cluster):
    pods = cluster("ab", workers=1, pool=search(share="0%"))
    start = time.monotonic()
    statuses = [
        pods.post(session=f"made-up-{n}", client=f"10.{n // 250}.{n % 250}.1").status
        for n in range(1000)
    ]
    seconds = time.monotonic() - start
    attempts = sum(len(pod.requests) for pod in pods.pods.values())
    assert set(statuses) == {404, 503}
    assert 400 <= attempts <= 1000 + 50 * math.ceil(seconds), "500 at once, 500 on credit"
    assert statuses[:50] == [404] * 50


def test_the_attempts_are_counted_by_what_they_found(cluster):
    pods = cluster("abc", pool={"affinity": {"search": {"remember": "0s"}}})
    a, b, c = pods.pods.values()
    assert pods.attempts() == {}
    assert pods.post(session=pods.stored(a, first=a)).status == 200
    assert pods.attempts() == {"found": 1}
    assert pods.post(session=pods.unknown()).status == 404
    assert pods.attempts() == {"found": 1, "unknown": 3}
    failing = pods.unknown(first=a)
    for answer in (a.reply(500), a.reply(400, b"Wrong"), a.reply(400, b"Wrong" * 1000)):
        a.answer = lambda request, answer=answer: answer
        assert pods.post(session=failing).status == int(answer[9:12])
    assert pods.attempts() == {"found": 1, "unknown": 3, "other": 3}
    a.answer = None
    lost = pods.unknown(first=c)
    b.stop()
    assert pods.post(session=lost).status == 503
    counted = pods.attempts()
    assert counted == {"found": 1, "unknown": 5, "other": 3, "unreachable": 1}
    b.start()
    assert pods.post(INITIALIZED, pods.stored(b, first=b)).status == 202
    assert pods.attempts()["found"] == 2


@pytest.mark.parametrize("end", ["closes", "answers all DELETEs"])
def test_an_attempt_that_says_nothing_about_the_session_is_counted_too(cluster, end):
    pods = cluster("ab")
    if end == "closes":

        def die(request):
            raise OSError("the process is killed")

        for pod in pods.pods.values():
            pod.answer = die
        assert pods.post(session=pods.unknown()).status == 502
        assert pods.attempts() == {"other": 1}
    else:
        for pod in pods.pods.values():
            pod.answer = lambda request, pod=pod: pod.reply(200)
        assert pods.send("DELETE", pods.unknown()).status == 200
        assert pods.attempts() == {"other": 2}


def test_the_attempts_are_what_the_pods_have_seen(cluster):
    pods = cluster("abc", workers=4, pool=search(remember="0s"))
    names = "abc"

    def ask(part: int) -> None:
        wire = pods.connect()
        for number in range(30):
            session = f"s-{part}-{number}"
            owner = pods.pods.get(names[number % 3]) if number % 4 else None
            if owner:
                owner.sessions.add(session)
            expected = 200 if owner else 404
            assert post(wire, session=session, client=f"10.0.0.{part}").status == expected

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = sum(len(pod.requests) for pod in pods.pods.values())
    counted = eventually(
        lambda: (n := pods.attempts()) if sum(pods.attempts().values()) == seen else None,
        "every attempt is counted once",
    )
    assert counted["found"] == sum(len(pod.sessions) for pod in pods.pods.values())


def test_the_searching_client_that_leaves_is_charged(cluster):
    pods = cluster("ab", pool=search(per_client=1))
    for pod in pods.pods.values():  # each reads requests and answers none that names a session
        pod.answer = lambda request: b"" if request.get("mcp-session-id") else None
    for number in range(40):
        wire = pods.connect()
        wire.request("POST", "/mcp", fields_for(f"made-up-{number}", "10.0.0.1"), LIST_TOOLS)
        pods.fence()
        wire.close()
    response = pods.post(session="made-up-x", client="10.0.0.1")
    expect_proxy_error(response, 429)


def test_a_search_whose_answer_issues_another_id_is_over(cluster):
    """A client initializes again and forgets to leave its stale id out."""
    pods = cluster("ab", pool=search(in_flight=2))
    a, b = pods.pods.values()
    stored = pods.stored(b, first=a)
    numbers = itertools.count()

    def answer(request):
        if b"initialize" not in request.body:
            return None
        return a.reply(200, b"{}", [("Mcp-Session-Id", f"new-{next(numbers)}")])

    a.answer = b.answer = answer
    for number in range(4):
        for _ in range(2):  # the second would wait for the first one's search
            assert pods.post(INITIALIZE, session=f"stale-{number}").status == 200
    assert pod_of(pods.post(session=stored)) == "b", "all searches are over"
