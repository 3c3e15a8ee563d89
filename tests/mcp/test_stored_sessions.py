"""The application that Ringside was made for: an agent of several replicas that keeps session ids
in a database and goes on with them from any replica, hours later, without a handshake.

Two replicas serve 40 chats, each turn by a replica drawn at random. Before each replica stands a
sidecar of its own, and the two share nothing, so that a sidecar meets most sessions long after
their `initialize`, which went through the other one. The pods answer as that application's server
does. Measured beside it: no affinity, and ClientIP affinity, which is what a Service has to offer.
"""

import contextlib
import random
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.chats import Chats, Replicas, Turn, worked
from support.http import Http
from support.places import DEADLINE, FLAVOUR
from support.pods import Pods
from support.proxies import plain_balancer
from support.sidecars import Sidecar

CHATS = 40
AFFINITY = {
    "not_found": {"mode": "learn", "on_owner_lost": "not_found"},
    "reinitialize": {
        "mode": "learn",
        "on_owner_lost": "reinitialize",
        "revive": {"per_second": 100, "unknown": True},
    },
}
# How a client may be told that its session is lost: by the pod's own words, or by Ringside's.
LOST = {400: "No valid session ID provided", 404: "Session not found"}


@pytest.fixture(scope="module")
def pods(logs) -> Iterator[Pods]:
    pods = Pods("pods/burger.mjs", logs)
    yield pods
    pods.stop()


@pytest.fixture(scope="module")
def replicas(logs) -> Iterator[Replicas]:
    replicas = Replicas(logs / "agent.log")
    yield replicas
    replicas.stop()


@pytest.fixture(scope="module")
def table(request) -> Iterator[Callable[..., None]]:
    """Keeps the rows of what was measured, and prints them as one table at the end."""
    rows = [("", "turns", "after both sidecars were killed", "after all servers were replaced")]

    def add(name: str, *phases: list[Turn]) -> None:
        cells = [f"{worked(turns)} of {len(turns)}" if turns else "-" for turns in phases]
        rows.append((name, *cells))

    yield add
    plugins = request.config.pluginmanager
    reporter = plugins.get_plugin("terminalreporter")
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        reporter.write_line("")
        for row in rows:
            reporter.write_line("".join(f"{cell:33}" for cell in row).rstrip())


@pytest.fixture
def draw() -> random.Random:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
def test_the_pods_refuse_unknown_ids_as_that_server_does(pods: Pods, method: str) -> None:
    """They never say 404, so that the status alone does not tell a lost session."""
    answer = Http(pods.addresses["a"]).request(method, session="unknown")
    assert answer.status == (405 if method == "GET" else 400)
    words = "Method not allowed." if method == "GET" else f"Bad Request: {LOST[400]}"
    assert answer.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32000, "message": words},
    }


def test_the_pods_have_a_health_page_and_the_older_transport(pods: Pods) -> None:
    home = f"http://{pods.addresses['a']}"
    with urllib.request.urlopen(home, timeout=DEADLINE) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"{home}/sse", timeout=DEADLINE) as stream:
        assert stream.readline() == b"event: endpoint\n"
        assert stream.readline().startswith(b"data: /messages?sessionId=")
    unknown = urllib.request.Request(f"{home}/messages?sessionId=unknown", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(unknown, timeout=DEADLINE)


@pytest.mark.skipif(FLAVOUR != "release", reason="Ringside has no part in it: one run is enough")
@pytest.mark.parametrize("policy", ["round_robin", "client_ip"])
def test_without_ringside_turns_fail(
    policy: str, pods: Pods, replicas: Replicas, table, draw, log: Path
) -> None:
    """A balancer a replica, as the proxy of a Service runs on every node. ClientIP gives the two
    replicas pods of their own; that both draw the same one happens, until there are more."""
    with contextlib.ExitStack() as stack:
        balancers = [
            stack.enter_context(plain_balancer(policy, pods, log, first)) for first in range(2)
        ]
        urls = [f"http://{address}/mcp" for address in balancers]
        chats = Chats(CHATS, replicas, urls, draw)
        first = chats.turns(5)
        pods.replace_all()
        last = chats.turns(2)
    table({"round_robin": "no affinity", "client_ip": "ClientIP affinity"}[policy], first, [], last)
    assert worked(first) < len(first)
    assert worked(last) < len(last)


@pytest.mark.parametrize("on_owner_lost", AFFINITY)
def test_with_a_sidecar_each_chat_goes_on(
    on_owner_lost: str, pods: Pods, replicas: Replicas, table, draw, logs: Path
) -> None:
    with contextlib.ExitStack() as stack:
        sidecars = [
            stack.enter_context(
                Sidecar(pods, AFFINITY[on_owner_lost], logs / f"{on_owner_lost}-{number}.log")
            )
            for number in range(2)
        ]
        chats = Chats(CHATS, replicas, [sidecar.url for sidecar in sidecars], draw)
        phases, faults = measure(chats, sidecars, pods)
        table(f"Ringside, {on_owner_lost}", *phases)
        assert faults == []
        assert {turn.pod for turn in phases[0]} == set(pods.addresses), "every pod holds sessions"
        if on_owner_lost == "reinitialize":
            expect_unnoticed(chats, phases[-1])
        else:
            expect_told_at_once(chats, phases[-1])


def measure(
    chats: Chats, sidecars: list[Sidecar], pods: Pods
) -> tuple[list[list[Turn]], list[str]]:
    """Five turns of every chat, one more after both sidecars were killed, and two after all pods
    were; and what was wrong with those before the pods were."""
    first = chats.turns(5)
    for sidecar in sidecars:
        sidecar.kill()
    for sidecar in sidecars:
        sidecar.start()
    restarted = chats.turns(1)
    faults = chats.faults()
    pods.replace_all()
    return [first, restarted, chats.turns(2)], faults


def expect_unnoticed(chats: Chats, turns: list[Turn]) -> None:
    """Every turn worked, with the id that the chat had and without a handshake of the client."""
    assert [turn for turn in turns if turn.error] == []
    assert [turn for turn in turns if turn.session != chats.stored[turn.chat]] == []
    assert not any(turn.handshake for turn in turns)
    # A sidecar revives a session once, so that it counts its own turns from 1.
    assert {turn.count for turn in turns} <= {1, 2}


def expect_told_at_once(chats: Chats, turns: list[Turn]) -> None:
    """Every turn was answered, not left to its time-out, and that the session is lost; then a new
    session works as any."""
    told = [turn for turn in turns if turn.error and LOST.get(turn.status, "?") in turn.error]
    assert [turn for turn in turns if turn not in told] == []
    chats.forget()
    chats.turns(2)
    assert chats.faults() == []
