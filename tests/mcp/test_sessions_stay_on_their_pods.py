"""Every client SDK against every server SDK, through Ringside before three pods: each session is
opened, used and ended on one pod, while all the other sessions of all the other clients are open
too."""

import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.clients import CLIENTS, Seen, run
from support.http import Http
from support.places import DEADLINE
from support.pods import SERVERS
from support.proxies import ringside
from support.waiting import until

SESSIONS = 14  # of each client: 56 at once


@dataclass
class Outcome:
    address: str
    learned: int  # sessions that Ringside learned, by its metrics
    left: int  # sessions that it still knows after all were ended
    seen: dict[str, list[Seen]]  # by client

    def all(self) -> list[Seen]:
        return [session for sessions in self.seen.values() for session in sessions]


@pytest.fixture(scope="module", params=SERVERS)
def outcome(request, pods_of, logs) -> Iterator[Outcome]:
    log = logs / f"sessions-{request.param}.log"
    arguments = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "2"]
    with ringside([*arguments, *pods_of(request.param).upstreams], log) as addresses:
        seen = run(list(CLIENTS), f"http://{addresses['mcp']}/mcp", log, SESSIONS)
        # The last streams are seen to end a moment after their clients ended them.
        metrics = until(
            lambda: read_metrics(addresses["admin"]), lambda text: total("streams", text) == 0
        )
        learned, left = total("sessions_learned_total", metrics), total("sessions", metrics)
        yield Outcome(addresses["mcp"], learned, left, seen)


def read_metrics(admin: str) -> str:
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=DEADLINE) as answer:
        return answer.read().decode()


def total(metric: str, metrics: str) -> int:
    """The sum of a metric over all its labels."""
    return sum(map(int, re.findall(rf"(?m)^ringside_{metric}{{.*}} (\d+)$", metrics)))


@pytest.mark.parametrize("client", CLIENTS)
def test_every_session_sees_one_pod_and_its_own_counter(outcome: Outcome, client: str) -> None:
    sessions = outcome.seen[client]
    assert len(sessions) == SESSIONS
    assert [fault for session in sessions if (fault := session.fault())] == []


def test_sessions_are_spread_over_all_pods(outcome: Outcome) -> None:
    """All clients have one address here, so that the ring alone would place every session on one
    pod."""
    held = Counter(session.pods[0] for session in outcome.all() if session.pods)
    assert len(held) == 3 and max(held.values()) <= len(outcome.all()) / 2, held


def test_every_session_was_learned_once_and_none_is_left(outcome: Outcome) -> None:
    assert outcome.learned == len(outcome.all())
    assert outcome.left == 0


def test_a_session_ended_by_delete_is_unknown_afterwards(outcome: Outcome) -> None:
    for session in outcome.all():
        answer = Http(outcome.address).call("whoami", session=session.id)
        assert answer.status in (400, 404) and "error" in answer.json(), answer
