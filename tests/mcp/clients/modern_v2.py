"""A client on the Python SDK 2.x that prefers the era of 2026-07-28; what it does and prints is as
in modern_v2.mjs."""

import asyncio
import json

import httpx2
from driver import options
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    sessions: list[str] = []

    async def on_response(response: httpx2.Response) -> None:
        sessions.extend(response.headers.get_list("mcp-session-id"))

    async with (
        httpx2.AsyncClient(timeout=30, event_hooks={"response": [on_response]}) as http,
        Client(streamable_http_client(options.url, http_client=http), mode="auto") as client,
    ):
        pods = []
        for _ in range(options.calls):
            result = await client.call_tool("whoami")
            pods.append(json.loads(result.content[0].text)["pod"])
        session = sessions[-1] if sessions else None
        print(json.dumps({"version": client.protocol_version, "session": session, "pods": pods}))


asyncio.run(main())
