"""A client of the model test: one request at a time, and streams beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from world import DEADLINE, ProxyProcess

from harness.wire import Body, Message, TooLate, Truncated, Wire

ACCEPT = ("Accept", "application/json, text/event-stream")


class Hang(AssertionError):
    """No answer before the deadline."""


@dataclass
class Answer:
    status: int  # 0: the connection was cut
    message: Message | None = None

    @property
    def of_proxy(self) -> bool:
        return self.message is not None and self.message.get("server") == "ringside"

    @property
    def pod(self) -> str | None:
        return self.message.get("x-pod") if self.message else None

    @property
    def session(self) -> str | None:
        return self.message.get("mcp-session-id") if self.message else None

    def result(self) -> dict:
        """What the JSON-RPC result holds, be it an event or JSON."""
        body = self.message.body
        if self.message.get("content-type") == "text/event-stream":
            body = body.split(b"data: ", 1)[1]
        return json.loads(body)["result"]

    def error_code(self) -> int | None:
        try:
            return json.loads(self.message.body)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return None

    def __str__(self) -> str:
        if self.message is None:
            return "cut"
        return f"{self.message.start} {self.message.fields} {self.message.body[:300]!r}"


class EventStream:
    """An open GET."""

    def __init__(self, wire: Wire, body: Body) -> None:
        self._wire = wire
        self._body = body

    def event(self) -> dict:
        return json.loads(self._body.event().removeprefix(b"data: "))

    def close(self) -> None:
        self._wire.close()

    def expect_end(self) -> None:
        """The last chunk comes, and nothing before it."""
        rest = self._body.rest()
        assert not rest, f"unexpected on a stream: {rest!r}"
        self._wire.close()

    def expect_cut(self) -> None:
        rest = self._body.expect_abort()
        assert not rest, f"unexpected on a stream: {rest!r}"
        self._wire.close()


class Client:
    """Keeps a connection to each proxy, as an HTTP client does."""

    def __init__(self, number: int) -> None:
        self._address = f"10.0.{number // 250}.{number % 250 + 1}"
        self._wires: dict[str, tuple[ProxyProcess, float, Wire]] = {}

    def close(self) -> None:
        for _, _, wire in self._wires.values():
            wire.close()
        self._wires.clear()

    def request(
        self,
        proxy: ProxyProcess,
        method: str,
        name: str,
        session: str | None,
        authorization: str,
        message: dict | None = None,
    ) -> Answer:
        """An exchange; a connection that ends meanwhile is an answer of status 0."""
        try:
            wire = self._wire(proxy)
            self._send(wire, method, name, session, authorization, message)
            response = wire.read_response(method)
        except TooLate as late:
            raise Hang(f"{method} {name}: no answer within {DEADLINE} s: {late}") from None
        except (Truncated, OSError):
            self._drop(proxy)
            return Answer(0)
        if response.get("connection") == "close":
            self._drop(proxy)
        return Answer(response.status, response)

    def stream(
        self, proxy: ProxyProcess, name: str, session: str, authorization: str
    ) -> tuple[Answer, EventStream | None]:
        wire = None
        try:
            wire = proxy.process.connect()
            self._send(wire, "GET", name, session, authorization, None)
            head = wire.read_response_head()
            body = wire.body_of(head, "GET")
            if head.status == 200:
                return Answer(200, head), EventStream(wire, body)
            head.body = body.rest()
            wire.close()
            return Answer(head.status, head), None
        except TooLate as late:
            raise Hang(f"GET {name}: no head within {DEADLINE} s: {late}") from None
        except (Truncated, OSError):
            if wire is not None:
                wire.close()
            return Answer(0), None

    def _send(
        self,
        wire: Wire,
        method: str,
        name: str,
        session: str | None,
        authorization: str,
        message: dict | None,
    ) -> None:
        fields = [
            ACCEPT,
            ("X-Request", name),
            ("X-Forwarded-For", self._address),
            ("Authorization", authorization),
        ]
        if session is not None:
            fields.append(("Mcp-Session-Id", session))
        body = None
        if message is not None:
            fields.append(("Content-Type", "application/json"))
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        wire.request(method, "/mcp", fields, body)

    def _wire(self, proxy: ProxyProcess) -> Wire:
        known = self._wires.get(proxy.state.name)
        if known is not None and known[1] == proxy.started:
            return known[2]
        self._drop(proxy)
        wire = proxy.process.connect()
        self._wires[proxy.state.name] = (proxy, proxy.started, wire)
        return wire

    def _drop(self, proxy: ProxyProcess) -> None:
        known = self._wires.pop(proxy.state.name, None)
        if known is not None:
            known[2].close()
