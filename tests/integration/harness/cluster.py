"""A proxy in front of several pods, and the few things nearly every session test does with them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from harness import mcp
from harness.pod import Pod
from harness.process import Ringside, parse_access_line
from harness.wire import Fields, Message, Wire


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

    def others(self, owner: Pod) -> list[Pod]:
        return [pod for pod in self.pods.values() if pod is not owner]

    def bound(self) -> float:
        """How many bindings the proxy says it holds."""
        return self.proxy.metrics().sum("ringside_sessions")

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
