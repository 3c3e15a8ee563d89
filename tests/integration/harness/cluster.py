"""A proxy in front of several pods, and the few things nearly every session test does with them."""

from __future__ import annotations

import hashlib
import itertools
import json
import uuid
from collections import Counter
from dataclasses import dataclass

from harness import mcp
from harness.pod import Pod
from harness.process import Ringside, parse_access_line
from harness.wire import Fields, Message, Wire


def digest(session: str) -> str:
    """What the proxy calls a session in its log and on its admin listener."""
    return hashlib.sha256(session.encode()).hexdigest()[:16]


@dataclass
class Session:
    id: str
    owner: Pod


class Cluster:
    def __init__(self, proxy: Ringside, pods: list[Pod]) -> None:
        self.proxy = proxy
        self.pods = {pod.name: pod for pod in pods}
        self.wire = proxy.connect()
        self._numbers = itertools.count(1)

    def connect(self) -> Wire:
        return self.proxy.connect()

    def post(
        self,
        body: bytes = mcp.LIST_TOOLS,
        session: str | None = None,
        client: str | None = None,
        fields: Fields = (),
    ) -> Message:
        return mcp.post(self.wire, body, session, client, fields)

    def send(self, method: str, session: str | None = None, fields: Fields = ()) -> Message:
        """A request without a body: GET, DELETE, OPTIONS."""
        return self.wire.exchange(method, "/mcp", mcp.fields_for(session, None, fields))

    def session(self, client: str | None = None, fields: Fields = ()) -> Session:
        """A handshake; who owns the session is what the pod itself says."""
        response = self.post(mcp.INITIALIZE, client=client, fields=fields)
        assert response.status == 200, (response.start, response.body)
        return Session(response.get("mcp-session-id"), self.pods[mcp.pod_of(response)])

    def sessions_apart(self) -> tuple[Session, Session]:
        """Two sessions of two owners."""
        first = self.session("10.0.0.0")
        for number in range(1, 100):
            second = self.session(f"10.0.0.{number}")
            if second.owner is not first.owner:
                return first, second
        raise AssertionError("a hundred clients were all placed on one pod")

    def unknown(self, first: Pod | None = None) -> str:
        """An id that nobody has issued; `first` is the pod that it is offered to first."""
        while True:
            id = f"unknown-{uuid.uuid4()}"
            if first is None or self.ring_owner(id) is first:
                return id

    def stored(self, owner: Pod, first: Pod | None = None) -> str:
        """A session that lives on this pod, and that the proxy has never seen."""
        id = self.unknown(first)
        owner.sessions.add(id)
        return id

    def ring_owner(self, id: str) -> Pod:
        """An OPTIONS is never searched for: the first pod's answer is passed on."""
        return self.pods[mcp.pod_of(self.send("OPTIONS", id))]

    def asked(self, id: str) -> Counter[str]:
        """How many requests of a session each pod has seen, by name, OPTIONS aside."""
        return Counter(
            pod.name
            for pod in self.pods.values()
            for request in list(pod.requests)
            if request.get("mcp-session-id") == id and request.method != "OPTIONS"
        )

    def attempts(self) -> dict[str, int]:
        """What the proxy counts: attempts to find an owner, by result."""
        samples = self.proxy.metrics()
        family = "ringside_recovery_attempts_total"
        results = {labels["result"] for name, labels, _ in samples.samples if name == family}
        counts = {result: int(samples.sum(family, result=result)) for result in results}
        return {result: count for result, count in counts.items() if count}

    def fence(self) -> None:
        """With one worker: returns when the proxy has read what other connections sent before."""
        mcp.pod_of(self.send("OPTIONS"))

    def others(self, owner: Pod) -> list[Pod]:
        return [pod for pod in self.pods.values() if pod is not owner]

    def bound(self) -> float:
        """How many bindings the proxy says it holds."""
        return self.proxy.metrics().sum("ringside_sessions")

    def move(self, session: str, to: Pod) -> None:
        """As an operator does."""
        path = f"/sessions/{digest(session)}/move"
        body = json.dumps({"endpoint": to.name}).encode()
        response = self.proxy.connect("admin").exchange("POST", path, (), body)
        assert response.status == 200, (response.start, response.body)

    def picked_by(
        self, session: str | None = None, client: str | None = None, fields: Fields = ()
    ) -> str:
        """Sends one request more, and tells from its line in the access log how it was routed."""
        target = f"/mcp/{next(self._numbers)}"
        mcp.post(self.wire, mcp.LIST_TOOLS, session, client, fields, target)
        line = self.proxy.stdout.wait(lambda line: f"path={target} " in line, f"line for {target}")
        return parse_access_line(line)["picked_by"]

    def all_picked_by(self, count: int) -> set[str]:
        """How the exchanges so far, `count` of them, were routed."""
        return {line["picked_by"] for line in self.proxy.access_log(count)}
