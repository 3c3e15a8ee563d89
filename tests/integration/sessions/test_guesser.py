"""A client that makes ids up, beside one that works: what may be counted of it, by default settings.

test_recovery_limits.py has the limits one by one; here they act together with ordinary traffic,
which earns searches their share. tests/bench/guesser shows what it costs in time.
"""

import math
import threading
import time

from harness.deadlines import eventually
from harness.mcp import LIST_TOOLS, pod_of, post

GUESSES, GUESSING = 1500, 3  # in all, by so many connections
FLOOR_PER_SECOND = 25 * 3  # attempts that may be wasted on three pods by all clients
AT_ONCE = ON_CREDIT = 10 * FLOOR_PER_SECOND
SHARE = 0.2  # of the ordinary requests: so many attempts more
PER_CLIENT, BURST_SECONDS = 10, 10  # failing searches a second, and what may come at once


class Flood:
    """Asks for made-up ids until it has asked often enough."""

    def __init__(self, pods, client):
        self.statuses = []
        self._pods, self._client = pods, client
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._guess, args=(n,)) for n in range(GUESSING)]
        for thread in self._threads:
            thread.start()

    def _guess(self, part):
        wire = self._pods.connect()
        for number in range(GUESSES // GUESSING):
            id = f"made-up-{part}-{number}"
            self.statuses.append(post(wire, LIST_TOOLS, id, self._client(number)).status)

    def on(self):
        return any(thread.is_alive() for thread in self._threads)

    def join(self):
        """How many seconds it has taken, rounded up."""
        for thread in self._threads:
            thread.join()
        assert len(self.statuses) == GUESSES, "a guess had no answer"
        return math.ceil(time.monotonic() - self._began)


def work_beside(flood, pods, sessions):
    """Calls in turn while the flood lasts, each answered by its owner; how many there were."""
    calls = 0
    while flood.on():
        session = sessions[calls % len(sessions)]
        response = pods.post(session=session.id, client="10.1.0.1")
        assert response.status == 200, (calls, response.start, response.body)
        assert pod_of(response) == session.owner.name
        calls += 1
    return calls


def made_up(pods):
    """Requests that the pods have seen of ids that nobody issued."""
    return sum(
        (request.get("mcp-session-id") or "").startswith("made-up")
        for pod in pods.pods.values()
        for request in list(pod.requests)
    )


def test_who_works_beside_one_guesser_is_never_refused(cluster):
    pods = cluster("abc")
    sessions = [pods.session("10.1.0.1") for _ in range(10)]
    flood = Flood(pods, lambda number: "10.66.6.6")
    calls = work_beside(flood, pods, sessions)
    seconds = flood.join()
    assert set(flood.statuses) <= {404, 429, 503}, set(flood.statuses)
    searches = PER_CLIENT * (BURST_SECONDS + seconds)
    assert flood.statuses.count(404) <= searches
    assert made_up(pods) <= min(
        searches * len(pods.pods), AT_ONCE + ON_CREDIT + FLOOR_PER_SECOND * seconds + SHARE * calls
    )
    assert calls >= 10 and pods.bound() == 10
    served = lambda: pods.proxy.metrics().sum("ringside_requests_total", code="200")
    eventually(lambda: served() == calls + 10, "the last call is counted")
    assert pods.proxy.metrics().sum("ringside_recovery_attempts_total") == made_up(pods)


def test_guessers_of_many_addresses_get_no_more_than_the_share_of_what_is_asked(cluster):
    pods = cluster("abc", workers=1)
    sessions = [pods.session("10.1.0.1") for _ in range(10)]
    flood = Flood(pods, lambda number: f"10.66.{number % 250}.6")
    calls = work_beside(flood, pods, sessions)
    seconds = flood.join()
    assert set(flood.statuses) <= {404, 429, 503}, set(flood.statuses)
    most = AT_ONCE + ON_CREDIT + FLOOR_PER_SECOND * seconds + SHARE * calls
    assert AT_ONCE / 2 <= made_up(pods) <= most, (made_up(pods), calls, seconds)
