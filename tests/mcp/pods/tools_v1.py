"""What the pods on the Python SDK 1.x share: their arguments, their tools, and how they listen."""

import argparse
import json
import socket
from weakref import WeakKeyDictionary

import uvicorn
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.session import ServerSession
from pydantic import BaseModel
from starlette.applications import Starlette

arguments = argparse.ArgumentParser()
arguments.add_argument("--name", required=True)
arguments.add_argument("--port", type=int, default=0)
options = arguments.parse_args()

server = FastMCP(options.name, log_level="ERROR")
# Calls of each session: they live in this process alone.
counts: WeakKeyDictionary[ServerSession, int] = WeakKeyDictionary()


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
    counts[context.session] = counts.get(context.session, 0) + 1
    return text(count=counts[context.session])


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


def listen(app: Starlette) -> None:
    """Listens on loopback and prints `listening HOST:PORT`."""
    listener = socket.create_server(("127.0.0.1", options.port))
    print(f"listening 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
