"""MCP over plain HTTP, for what an SDK hides: status codes, header fields, and connections of one's
own."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from support.places import DEADLINE

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "plain", "version": "1"},
}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON-RPC message of the body, or of the last event that has one."""
        if self.headers.get_content_type() != "text/event-stream":
            return json.loads(self.body)
        data = [line[5:] for line in self.body.decode().splitlines() if line.startswith("data:")]
        return json.loads([each for each in data if each.strip()][-1])

    def value(self) -> dict[str, Any]:
        """What a tool of our pods answered."""
        assert self.status == 200, self
        return json.loads(self.json()["result"]["content"][0]["text"])


class Http:
    """One client connection, opened by the first request and kept."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=DEADLINE)

    def send(self, method: str, message: Any = None, session: str | None = None, **headers: str):
        """Sends a request and returns its response as soon as the head has come; the body is not
        read."""
        fields = ACCEPT | {name.replace("_", "-"): value for name, value in headers.items()}
        fields |= {"mcp-session-id": session} if session else {}
        self.connection.request(method, "/mcp", json.dumps(message) if message else None, fields)
        return self.connection.getresponse()

    def request(
        self, method: str, message: Any = None, session: str | None = None, **headers: str
    ) -> Answer:
        response = self.send(method, message, session, **headers)
        return Answer(response.status, response.headers, response.read())

    def call(self, tool: str, session: str | None) -> Answer:
        return self.request("POST", rpc("tools/call", {"name": tool, "arguments": {}}), session)

    def open(self) -> str:
        """The whole handshake; returns the session's id."""
        answer = self.request("POST", rpc("initialize", INITIALIZE))
        assert answer.status == 200, answer
        session = answer.headers["mcp-session-id"]
        assert self.request("POST", INITIALIZED, session).status == 202
        return session

    def close(self) -> None:
        self.connection.close()


def rpc(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
