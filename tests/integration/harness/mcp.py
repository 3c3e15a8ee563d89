"""What an MCP client says, reduced to bytes."""

from __future__ import annotations

import json

from harness.wire import Fields, Message, Wire

ACCEPT = ("Accept", "application/json, text/event-stream")
NOT_FOUND = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {"code": -32001, "message": "Session not found"},
}


def rpc(method: str, id: int | None = 1, **params: object) -> bytes:
    message: dict[str, object] = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        message["id"] = id
    if params:
        message["params"] = params
    return json.dumps(message).encode()


INITIALIZE = rpc(
    "initialize",
    protocolVersion="2025-11-25",
    capabilities={},
    clientInfo={"name": "test", "version": "1"},
)
LIST_TOOLS = rpc("tools/list", 2)
INITIALIZED = rpc("notifications/initialized", None)


def fields_for(
    session: str | None, client: str | None, fields: Fields = ()
) -> list[tuple[str, str]]:
    """`client` is an address that a trusted peer vouches for."""
    pairs = [ACCEPT, ("Content-Type", "application/json")]
    if session is not None:
        pairs.append(("Mcp-Session-Id", session))
    if client is not None:
        pairs.append(("X-Forwarded-For", client))
    return pairs + (list(fields.items()) if isinstance(fields, dict) else list(fields))


def post(
    wire: Wire,
    body: bytes = LIST_TOOLS,
    session: str | None = None,
    client: str | None = None,
    fields: Fields = (),
    target: str = "/mcp",
) -> Message:
    return wire.exchange("POST", target, fields_for(session, client, fields), body)


def initialize(wire: Wire, client: str | None = None, fields: Fields = ()) -> str:
    """A handshake that must succeed; the id of the new session."""
    response = post(wire, INITIALIZE, client=client, fields=fields)
    assert response.status == 200, response
    session = response.get("mcp-session-id")
    assert session, response.raw_head
    return session


def pod_of(response: Message) -> str:
    """The name of the pod that answered (every pod of these tests says it in `x-pod`)."""
    name = response.get("x-pod")
    assert name, f"not from a pod: {response.raw_head!r} {response.body!r}"
    return name


def modern(method: str = "tools/list", **more: str) -> dict[str, str]:
    """The fields that a request of the 2026-07-28 era must have."""
    return {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, **more}


def expect_proxy_error(response: Message, status: int, code: int = -32000) -> None:
    assert response.status == status, (response.start, response.body)
    assert response.get("server") == "ringside", response.raw_head
    body = json.loads(response.body)
    assert body["jsonrpc"] == "2.0" and body["id"] is None, body
    assert body["error"]["code"] == code, body
    assert response.get("mcp-session-id") is None
    if code == -32001:
        assert body == NOT_FOUND
