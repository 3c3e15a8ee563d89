"""One session, many callers in several workers, and servers that forget it all the time: what one
request has just revived is lost again before another follows."""

import random
import threading

import pytest

from harness.deadlines import DEADLINE
from harness.mcp import post, rpc
from harness.revival import open_session, revived, reviving

CALLERS = 12
CALLS = 60


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_session_that_is_lost_as_often_as_it_is_revived(cluster, seed):
    affinity = {"revive": {"per_second": 100_000}, "search": {"per_client": 1000}}
    pods = cluster(pool=reviving(**affinity), workers=4)
    session = open_session(pods, "10.0.0.1")
    dice = random.Random(seed)
    for pod in pods.pods.values():

        def forgets(request, pod=pod):
            if dice.random() < 0.3:
                pod.sessions.clear()

        pod.answer = forgets
    ends: list[str] = []

    def call() -> None:
        wire = pods.connect()
        for number in range(CALLS):
            response = post(wire, rpc("tools/call", number), session.id)
            ends.append(f"{response.status} {response.get('mcp-session-id')}")

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(3 * DEADLINE)
    assert len(ends) == CALLERS * CALLS
    # a session that is lost twice within one call is not revived twice for it
    assert f"200 {session.id}" in ends
    assert set(ends) <= {f"200 {session.id}", "404 None"}
    assert revived(pods) > 0
