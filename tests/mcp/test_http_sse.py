"""HTTP+SSE, the transport of 2024-11-05, with real servers and clients: a session is an event
stream, whose first event names the URL for the POSTs, and lives as long as the stream. Through
Ringside before three pods; through two that share nothing, or a key alone, drawn at random for
every request; and, as the control, through a balancer that knows nothing of sessions.
"""

import contextlib
import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import clients
from support.clients import Seen
from support.places import DEADLINE, FLAVOUR, command
from support.pods import Pods
from support.processes import Process
from support.proxies import plain_balancer, ringside, splitter
from support.waiting import until

SERVERS = {"typescript_v1": "pods/http_sse_v1.mjs", "python_v1": "pods/http_sse_v1.py"}
CLIENTS = {"typescript_v1": "clients/http_sse_v1.mjs", "python_v1": "clients/http_sse_v1.py"}
# Where these servers take POSTs, up to the session.
POSTS = {"typescript_v1": "/messages?sessionId=", "python_v1": "/messages/?session_id="}
BESIDE = ["typescript_v2", "python_v2"]  # clients of Streamable HTTP
SESSIONS = 6  # of each client


@pytest.fixture(scope="module")
def pods_by(logs) -> Iterator[dict[str, Pods]]:
    """Three pods of each server SDK, for the tests that do not harm them."""
    pods = {server: Pods(module, logs) for server, module in SERVERS.items()}
    yield pods
    for each in pods.values():
        each.stop()


@dataclass
class Proxy:
    """A Ringside, by its addresses."""

    mcp: str
    admin: str

    def sessions(self) -> list[dict[str, Any]]:
        """All that it lists."""
        return json.loads(self._read("/sessions?limit=1000"))["sessions"]

    def held(self) -> Counter[str]:
        return Counter(session["endpoint"] for session in self.sessions())

    def total(self, metric: str) -> int:
        found = re.findall(rf"(?m)^ringside_{metric}(?:{{.*}})? (\d+)$", self._read("/metrics"))
        return sum(map(int, found))

    def _read(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=DEADLINE) as answer:
            return answer.read().decode()


@contextlib.contextmanager
def proxy(pods: Pods, log: Path, **affinity: Any) -> Iterator[Proxy]:
    endpoints = [{"address": at, "name": name} for name, at in pods.addresses.items()]
    file = log.with_suffix(".yaml")
    file.write_text(
        json.dumps(  # which is YAML, too
            {
                "workers": 2,
                "admin": {"bind": "127.0.0.1:0"},
                "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "pool": "pods"}],
                "pools": {"pods": {"endpoints": endpoints, "affinity": affinity}},
            }
        )
    )
    with ringside(["--config", file], log) as addresses:
        yield Proxy(addresses["mcp"], addresses["admin"])


@dataclass
class Chats:
    """Client processes whose sessions are all open."""

    processes: dict[str, Process]
    opened: int  # sessions

    def ended(self) -> Counter[str]:
        """How many streams have ended before their clients ended them, by client."""
        return Counter(
            name
            for name, process in self.processes.items()
            for line in list(process.heard)
            if re.search('"event": ?"ended"', line)
        )

    def finish(self) -> dict[str, list[Seen]]:
        """Uses all sessions at once, ends them, and tells by client what they saw."""
        for process in self.processes.values():
            process.say("go")
        lines = {
            name: process.wait_line('^.*"event": ?"finished".*$', 4 * DEADLINE)[0]
            for name, process in self.processes.items()
        }
        return {
            name: [Seen(**session) for session in json.loads(line)["sessions"]]
            for name, line in lines.items()
        }


@contextlib.contextmanager
def chats(address: str, log: Path, timeout: float = DEADLINE) -> Iterator[Chats]:
    """The sessions of all clients, all open at once."""
    arguments = ["--url", f"http://{address}/sse", "--sessions", str(SESSIONS)]
    arguments += ["--calls", str(clients.CALLS), "--timeout", str(int(timeout * 1000))]
    with contextlib.ExitStack() as stack:
        processes = {
            name: stack.enter_context(Process([*command(module), *arguments], log, feed=True))
            for name, module in CLIENTS.items()
        }
        opened = [
            json.loads(process.wait_line('^.*"event": ?"opened".*$', 2 * DEADLINE)[0])
            for process in processes.values()
        ]
        yield Chats(processes, sum(len(each["ids"]) for each in opened))


def all_of(seen: dict[str, list[Seen]]) -> list[Seen]:
    return [session for sessions in seen.values() for session in sessions]


def faults(sessions: list[Seen]) -> list[str]:
    return [fault for session in sessions if (fault := session.fault())]


def post(address: str, server: str, session: str) -> tuple[int, str | None, str]:
    """A POST of a session by hand: its status, who says that he answered, and the body."""
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    url = f"http://{address}{POSTS[server]}{session}"
    request = urllib.request.Request(url, ping, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return answer.status, answer.headers["server"], answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["server"], answer.read().decode()


@dataclass
class Outcome:
    """A run of many sessions of both transports at once, and what the proxy listed while those of
    HTTP+SSE were open."""

    server: str
    proxy: Proxy
    listed: list[dict[str, Any]]
    seen: dict[str, list[Seen]]  # by client
    beside: dict[str, list[Seen]]  # of Streamable HTTP, by client
    learned: int
    searched: int  # attempts


@pytest.fixture(scope="module", params=SERVERS)
def outcome(request, pods_by, logs) -> Iterator[Outcome]:
    log = logs / f"http-sse-{request.param}.log"
    with proxy(pods_by[request.param], log) as through:
        seen: dict[str, list[Seen]] = {}
        with chats(through.mcp, log) as open_chats:
            listed = through.sessions()
            # Used and ended while the sessions of the newer transport are open.
            beside = clients.run(
                BESIDE,
                f"http://{through.mcp}/mcp",
                log,
                SESSIONS,
                meanwhile=lambda: seen.update(open_chats.finish()),
            )
        learned = through.total("sessions_learned_total")
        searched = through.total("recovery_attempts_total")
        yield Outcome(request.param, through, listed, seen, beside, learned, searched)


@pytest.mark.parametrize("client", CLIENTS)
def test_case_69_every_session_sees_one_pod_and_its_own_counter(
    outcome: Outcome, client: str
) -> None:
    """Its tools, its progress, a question of the server and a message of it on the stream."""
    sessions = outcome.seen[client]
    assert len(sessions) == SESSIONS
    assert faults(sessions) == []


@pytest.mark.parametrize("client", BESIDE)
def test_sessions_of_streamable_http_on_the_same_port_stay_on_one_pod(
    outcome: Outcome, client: str
) -> None:
    sessions = outcome.beside[client]
    assert len(sessions) == SESSIONS
    assert faults(sessions) == []


def test_case_69_every_owner_was_learned_from_the_endpoint_event(outcome: Outcome) -> None:
    """When the clients had their first answers each session was bound where they say, and to the
    end none was searched for."""
    sessions = all_of(outcome.seen)
    assert Counter(each["endpoint"] for each in outcome.listed) == Counter(
        session.pods[0] for session in sessions
    )
    assert {each["streams"] for each in outcome.listed} == {1}
    assert outcome.learned == len(sessions) + len(all_of(outcome.beside))
    assert outcome.searched == 0


def test_sessions_are_spread_over_all_pods(outcome: Outcome) -> None:
    """All clients have one address here, so that the ring alone would place all on one pod."""
    held = Counter(session.pods[0] for session in all_of(outcome.seen))
    assert len(held) == 3 and max(held.values()) <= SESSIONS, held


def test_case_73_a_session_is_forgotten_with_its_stream(outcome: Outcome) -> None:
    """Ringside lists none, and is who answers a late POST."""
    assert until(outcome.proxy.sessions, lambda sessions: sessions == []) == []
    for session in all_of(outcome.seen):
        status, server, body = post(outcome.proxy.mcp, outcome.server, session.id)
        assert (status, server) == (404, "ringside"), body
        assert json.loads(body)["error"]["code"] == -32001


@pytest.fixture
def mortal(pods_by) -> Iterator[Callable[[str], Pods]]:
    """The pods of a server, of which a test may kill some: they are started again after it."""
    lent: list[Pods] = []

    def pods(server: str) -> Pods:
        lent.append(pods_by[server])
        return lent[-1]

    yield pods
    for pods in lent:
        for name, process in list(pods.processes.items()):
            if process.child.poll() is not None:
                pods.restart(name)


@pytest.mark.parametrize("server", SERVERS)
def test_case_75_clients_of_a_killed_pod_see_their_streams_end_and_new_ones_work(
    server: str, mortal, log: Path
) -> None:
    """Nobody else notices. The TypeScript SDK opens a stream that broke anew by itself, after three
    seconds, and so has a new session on a pod that lives."""
    pods = mortal(server)
    with proxy(pods, log) as through, chats(through.mcp, log) as before:
        held = through.held()
        assert before.opened == held.total() == 2 * SESSIONS and len(held) == 3, held
        doomed, lost = held.most_common(1)[0]
        pods.kill(doomed)
        ended = until(before.ended, lambda ended: ended.total() == lost)

        with chats(through.mcp, log) as after:
            new = all_of(after.finish())
        assert len(new) == 2 * SESSIONS and faults(new) == []
        assert {session.pods[0] for session in new} == held.keys() - {doomed}

        again = held.total() - ended["python_v1"]
        now = until(through.held, lambda held: held.total() == again)
        assert doomed not in now, now
        old = all_of(before.finish())
    broken = [session.pods[0] for session in old if session.fault()]
    assert broken == [doomed] * lost, old


@contextlib.contextmanager
def two_at_random(pods: Pods, log: Path, **affinity: Any) -> Iterator[tuple[str, list[Proxy]]]:
    """The address of a balancer that draws one of two Ringsides for every request, and these."""
    with contextlib.ExitStack() as stack:
        proxies = [
            stack.enter_context(proxy(pods, log.with_suffix(f".{number}.log"), **affinity))
            for number in range(2)
        ]
        address, _ = stack.enter_context(splitter([each.mcp for each in proxies], log))
        yield address, proxies


def expect_forgotten(server: str, proxies: list[Proxy], sessions: list[Seen]) -> None:
    """Whichever proxy is asked, nobody knows these sessions any more, and then neither lists any.
    The pods see that a stream has ended a moment after its client ended it."""
    for each in proxies:
        for session in sessions:
            answer = until(
                lambda each=each, id=session.id: post(each.mcp, server, id),
                lambda answer: answer[0] != 202,
            )
            assert answer[0] in (400, 404), answer
        assert until(each.sessions, lambda listed: listed == []) == []


@pytest.mark.parametrize("server", SERVERS)
def test_case_69_two_proxies_that_share_nothing_find_the_owner_by_a_search(
    server: str, pods_by, log: Path
) -> None:
    """The one that did not see the stream begin: the servers refuse sessions that they do not
    know."""
    with two_at_random(pods_by[server], log, mode="learn") as (address, proxies):
        with chats(address, log) as open_chats:
            sessions = all_of(open_chats.finish())
        assert len(sessions) == 2 * SESSIONS and faults(sessions) == []
        assert len({session.pods[0] for session in sessions}) > 1
        assert all(each.total("recovery_attempts_total") for each in proxies)
        expect_forgotten(server, proxies, sessions)


@pytest.mark.parametrize("server", SERVERS)
def test_case_81_two_proxies_that_share_a_key_need_no_search(
    server: str, pods_by, log: Path, tmp_path: Path
) -> None:
    key = tmp_path / "tag.key"
    key.write_text("a key of the tests, and of nothing else\n")
    key.chmod(0o600)
    affinity = {"mode": "tag", "tag": {"key_files": [str(key)]}}
    with two_at_random(pods_by[server], log, **affinity) as (address, proxies):
        with chats(address, log) as open_chats:
            sessions = all_of(open_chats.finish())
        assert len(sessions) == 2 * SESSIONS and faults(sessions) == []
        assert len({session.pods[0] for session in sessions}) > 1
        untagged = [s.id for s in sessions if not re.search(r"\.[A-Za-z0-9_-]{22}$", s.id)]
        assert untagged == []
        assert [each.total("recovery_attempts_total") for each in proxies] == [0, 0]
        expect_forgotten(server, proxies, sessions)


@pytest.mark.skipif(FLAVOUR != "release", reason="Ringside has no part in it: one run is enough")
@pytest.mark.parametrize("server", SERVERS)
def test_without_ringside_sessions_break(server: str, pods_by, log: Path) -> None:
    """The control: were these sessions to survive, the other tests would prove nothing."""
    with (
        plain_balancer("round_robin", pods_by[server], log) as address,
        chats(address, log, timeout=2.0) as open_chats,  # what went to the wrong pod never comes
    ):
        seen = open_chats.finish()
    broken = {client: len(faults(sessions)) for client, sessions in seen.items()}
    print(f"{server} behind round robin: {broken} of {SESSIONS} sessions each broke")
    assert sum(broken.values()) >= 2 * SESSIONS * 3 / 4
    assert min(broken.values()) >= 1, "every client is shown to break"
