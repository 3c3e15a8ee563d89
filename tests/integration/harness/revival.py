"""What the tests of revival share: sessions whose server forgets them, and what was sent since."""

from __future__ import annotations

import json
from harness import mcp
from harness.cluster import Cluster, Session
from harness.pod import Pod
from harness.wire import Message

CALL = mcp.rpc("tools/call", 7, name="weather")
OPENED_WITH = {"Authorization": "Bearer of-the-handshake"}


def reviving(**affinity: object) -> dict:
    """The keys of a pool that revives."""
    return {"affinity": {"on_owner_lost": "reinitialize", **affinity}}


def open_session(
    pods: Cluster,
    client: str | None = None,
    initialize: bytes = mcp.INITIALIZE,
    initialized: bytes = mcp.INITIALIZED,
) -> Session:
    """A whole handshake, as a client makes it."""
    response = pods.post(initialize, client=client, fields=OPENED_WITH)
    assert response.status == 200, (response.start, response.body)
    session = Session(response.get("mcp-session-id"), pods.pods[mcp.pod_of(response)])
    assert pods.post(initialized, session.id, client, OPENED_WITH).status == 202
    return session


def forget(pods: Cluster) -> None:
    """As containers that restart in place: same addresses, and no session is known any more."""
    for pod in pods.pods.values():
        pod.sessions.clear()


def method_of(request: Message) -> str | None:
    """The JSON-RPC method of a request's body."""
    message = json.loads(request.body) if request.body else None
    return message.get("method") if isinstance(message, dict) else None


def handshakes(pods: Cluster) -> int:
    """How many sessions were asked for so far."""
    return sum(method_of(request) == "initialize" for _, request in Watch(pods, False).requests())


def revived(pods: Cluster) -> float:
    return pods.proxy.metrics().sum("ringside_sessions_revived_total", pool="pods")


class Watch:
    """What the pods have been sent since it was made."""

    def __init__(self, pods: Cluster, from_now: bool = True) -> None:
        self._pods = pods.pods.values()
        self._from = {pod.name: len(pod.requests) if from_now else 0 for pod in self._pods}

    def requests(self) -> list[tuple[Pod, Message]]:
        """Pod by pod, each pod's in their order."""
        return [
            (pod, request)
            for pod in self._pods
            for request in list(pod.requests)[self._from[pod.name] :]
        ]

    def methods(self) -> list[str | None]:
        return [method_of(request) for _, request in self.requests()]
