"""A pod on the Python SDK 2.x, of both eras on one port; sessions are the SDK's own session
manager's."""

import argparse
import json
import socket
from collections import Counter

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

arguments = argparse.ArgumentParser()
arguments.add_argument("--name", required=True)
arguments.add_argument("--port", type=int, default=0)
options = arguments.parse_args()

server = MCPServer(options.name, log_level="ERROR")
counts: Counter[str] = Counter()  # session id -> calls: it lives in this process alone


class Answer(BaseModel):
    word: str


def text(**value: object) -> str:
    return json.dumps({"pod": options.name, **value})


@server.tool()
def whoami() -> str:
    """Names the pod"""
    return text()


@server.tool()
def count(context: Context) -> str:
    """Counts the calls of this session"""
    session = context.headers.get("mcp-session-id", "")
    counts[session] += 1
    return text(count=counts[session])


@server.tool()
async def stream(steps: int, context: Context) -> str:
    """Reports progress before it answers"""
    for step in range(1, steps + 1):
        await context.report_progress(step, steps)
    return text(steps=steps)


@server.tool()
async def ask(context: Context) -> str:
    """Asks the user for a word"""
    answer = await context.elicit("Which word?", Answer)
    return text(word=answer.data.word if answer.action == "accept" else None)


@server.tool()
async def announce(context: Context) -> str:
    """Sends a message on the session's GET stream"""
    await context.session.send_log_message("info", f"from {options.name}")
    return text()


listener = socket.create_server(("127.0.0.1", options.port))
print(f"listening 127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="error")).run(
    sockets=[listener]
)
