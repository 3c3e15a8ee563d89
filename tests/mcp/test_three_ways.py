"""Real clients see the same through three pods as direct to one, whichever way they come. Through
one Ringside: that is test_conformance and test_sessions_stay_on_their_pods. Here: through two that
share nothing, drawn at random for every request, and through one that is killed and started again
in the middle.

A kill loses the exchanges under way, as any crash does. So it comes when no request waits for its
answer, while sessions live and their GET streams are open: those break, and are opened again.
"""

import contextlib
import random
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.clients import CLIENTS, run
from support.conformance import Results, Suite
from support.places import DEADLINE
from support.pods import Pods
from support.processes import Process
from support.proxies import splitter
from support.sidecars import Sidecar

WAYS = ["two_proxies_at_random", "a_proxy_that_restarts"]
REQUIREMENTS = ["2025-11-25", "2026-07-28"]
PAUSE_EVERY = 10  # requests of the suite, which sends a few hundred
SESSIONS = 4  # of each client


class Restarts:
    """Kills a sidecar and starts it again in every pause of the balancer before it. Leaving ends
    the balancer."""

    def __init__(self, balancer: Process, sidecar: Sidecar) -> None:
        self.balancer = balancer
        self.sidecar = sidecar
        self.number = 0
        self.fault: Exception | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while self._paused():
            try:
                self.sidecar.kill()
                self.sidecar.start()
                self.number += 1
            except Exception as fault:
                self.fault = fault
            with contextlib.suppress(OSError):  # where the balancer has ended
                self.balancer.say("go")

    def _paused(self) -> bool:
        try:
            return bool(self.balancer.wait_line("^pause$", 4 * DEADLINE))
        except AssertionError:
            return False

    def __enter__(self) -> "Restarts":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.balancer.end(signal.SIGKILL)
        self.thread.join()
        assert self.fault is None, self.fault


@dataclass
class Way:
    """An address that leads to three pods, and what is on the way there."""

    address: str
    balancer: Process
    sidecars: list[Sidecar]

    def restart(self, sessions: int) -> None:
        """Kills and starts the sidecar when so many sessions are open, which a GET stream and a
        notification each show, and waits until the streams are open again."""
        all_open = f"^streams {sessions} accepted {sessions}$"
        self.balancer.wait_line(all_open, DEADLINE)
        self.sidecars[0].kill()
        self.sidecars[0].start()
        self.balancer.wait_line(all_open, DEADLINE)


@contextlib.contextmanager
def open_way(name: str, pods: Pods, log: Path, pause_every: int = 0) -> Iterator[Way]:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    arguments = ["--seed", str(seed), "--pause-every", str(pause_every)]
    with contextlib.ExitStack() as stack:
        sidecars = [
            stack.enter_context(Sidecar(pods, {"mode": "learn"}, log.with_suffix(f".{number}.log")))
            for number in range(2 if name == "two_proxies_at_random" else 1)
        ]
        addresses = [sidecar.address for sidecar in sidecars]
        address, balancer = stack.enter_context(splitter(addresses, log, *arguments))
        yield Way(address, balancer, sidecars)


@pytest.fixture(scope="module")
def direct(logs, tmp_path_factory) -> Iterator[Callable[[str], Results]]:
    """The suite's results direct to one pod, by its requirements."""
    pods = Pods("pods/conformance.mjs", logs, ["direct"])
    known: dict[str, Results] = {}

    def results(requirements: str) -> Results:
        if requirements not in known:
            folder = tmp_path_factory.mktemp("direct")
            known[requirements] = Suite(requirements, pods.addresses["direct"], folder).results()
        return known[requirements]

    yield results
    pods.stop()


@pytest.fixture(scope="module")
def conformance_pods(logs) -> Iterator[Pods]:
    pods = Pods("pods/conformance.mjs", logs)
    yield pods
    pods.stop()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("requirements", REQUIREMENTS)
def test_the_suite_has_the_same_result_as_direct_to_one_pod(
    requirements: str, way: str, direct, conformance_pods: Pods, log: Path, tmp_path: Path
) -> None:
    expected = direct(requirements)
    restarting = way == "a_proxy_that_restarts"
    pause_every = PAUSE_EVERY if restarting else 0
    with open_way(way, conformance_pods, log, pause_every) as through:
        suite = Suite(requirements, through.address, tmp_path)
        if restarting:
            with Restarts(through.balancer, through.sidecars[0]) as restarts:
                results = suite.results()
            assert restarts.number >= 5, "the proxy was restarted in the middle"
        else:
            results = suite.results()
    assert results.checks == expected.checks
    assert results.summary == expected.summary


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("server", ["typescript_v1", "python_v2"])
def test_every_session_of_every_client_stays_on_its_pod(
    server: str, way: str, pods_of, log: Path
) -> None:
    with open_way(way, pods_of(server), log) as through:

        def meanwhile() -> None:
            if way == "a_proxy_that_restarts":
                through.restart(len(CLIENTS) * SESSIONS)

        url = f"http://{through.address}/mcp"
        seen = run(list(CLIENTS), url, log, SESSIONS, meanwhile=meanwhile)
    sessions = [session for each in seen.values() for session in each]
    assert [fault for session in sessions if (fault := session.fault())] == []
    assert len({session.pods[0] for session in sessions}) == 3
