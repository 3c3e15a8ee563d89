"""What becomes of sessions whose pod dies: a clear answer at once, and nobody else notices.

Cases 24, 44 and 50 of the session rules, with real servers and SIGKILL.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support import config
from support.http import Answer, Http
from support.pods import Pods
from support.proxies import ringside
from support.waiting import until

GRACE = 2.0  # seconds of owner_grace where a test waits for its end; elsewhere it never ends


@dataclass
class Scene:
    """Three pods that each hold sessions, all used once; one pod is about to die."""

    address: str
    pods: Pods
    doomed: str
    by_pod: dict[str, list[str]]  # pod -> ids of its sessions

    def call(self, session: str) -> Answer:
        client = Http(self.address)
        try:
            return client.call("count", session)
        finally:
            client.close()

    def others(self) -> list[tuple[str, str]]:
        return [(pod, id) for pod, ids in self.by_pod.items() if pod != self.doomed for id in ids]

    def open(self) -> tuple[str, str]:
        """A new session: its pod and its id."""
        session = Http(self.address).open()
        return self.call(session).value()["pod"], session


@pytest.fixture
def scene(request, own_pods, log, tmp_path) -> Iterator[Scene]:
    pods = own_pods(request.param)
    grace = f"{GRACE:.0f}s" if request.node.get_closest_marker("waits_for_grace") else "1h"
    file = config.write(tmp_path / "ringside.yaml", pods, owner_grace=grace)
    with ringside(["--config", file], log) as addresses:
        scene = Scene(addresses["mcp"], pods, "", defaultdict(list))
        for _ in range(12):
            pod, session = scene.open()
            scene.by_pod[pod].append(session)
        assert len(scene.by_pod) == 3, "every pod holds sessions"
        scene.doomed = max(scene.by_pod, key=lambda pod: len(scene.by_pod[pod]))
        yield scene


@pytest.mark.waits_for_grace
@pytest.mark.parametrize("scene", ["typescript_v1", "python_v2"], indirect=True)
def test_sessions_of_a_killed_pod_get_503_and_after_owner_grace_404(scene: Scene) -> None:
    scene.pods.kill(scene.doomed)
    killed = time.monotonic()
    lost = scene.by_pod[scene.doomed]

    first = scene.call(lost[0])
    assert first.status == 503 and first.headers["retry-after"], first
    assert first.headers["server"] == "ringside" and first.json()["error"]["code"] == -32000, first

    last = until(lambda: scene.call(lost[0]), lambda answer: answer.status != 503)
    assert time.monotonic() - killed >= GRACE
    assert last.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32001, "message": "Session not found"},
    }
    assert {scene.call(session).status for session in lost} == {404}


@pytest.mark.parametrize("scene", ["typescript_v1"], indirect=True)
def test_sessions_of_other_pods_are_untouched(scene: Scene) -> None:
    scene.pods.kill(scene.doomed)
    for expected in (2, 3, 4):
        assert scene.call(scene.by_pod[scene.doomed][0]).status == 503
        for pod, session in scene.others():
            assert scene.call(session).value() == {"pod": pod, "count": expected}


@pytest.mark.parametrize("scene", ["typescript_v1"], indirect=True)
def test_new_sessions_are_opened_on_the_pods_that_are_left(scene: Scene) -> None:
    scene.pods.kill(scene.doomed)
    survivors = set(scene.by_pod) - {scene.doomed}
    assert {scene.open()[0] for _ in range(12)} == survivors


@pytest.mark.parametrize("scene", ["typescript_v1", "python_v2"], indirect=True)
def test_a_pod_that_restarts_in_time_speaks_for_itself(scene: Scene) -> None:
    """Same address, memory gone: its own words reach the client, and the session is not tried
    elsewhere."""
    scene.pods.kill(scene.doomed)
    lost = scene.by_pod[scene.doomed]
    assert scene.call(lost[0]).status == 503
    scene.pods.restart(scene.doomed)
    answer = until(lambda: scene.call(lost[0]), lambda answer: answer.status != 503)
    assert answer.status in (400, 404) and answer.headers["server"] != "ringside", answer
    for pod, session in scene.others():
        assert scene.call(session).value() == {"pod": pod, "count": 2}
