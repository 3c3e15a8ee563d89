"""What every pod in Python shares: its arguments, its tools, and the line that says where it
listens."""

import argparse
import json
import socket
from collections.abc import Callable, MutableMapping
from typing import Any

import uvicorn
from pydantic import BaseModel
from starlette.applications import Starlette

arguments = argparse.ArgumentParser()
arguments.add_argument("--name", required=True)
arguments.add_argument("--port", type=int, default=0)
options = arguments.parse_args()


class Answer(BaseModel):
    word: str


def text(**value: object) -> str:
    return json.dumps({"pod": options.name, **value})


def add_tools(
    server: Any,
    Context: type,
    session_of: Callable[[Any], Any],
    counts: MutableMapping[Any, int],
) -> None:
    """`Context` is the SDK's own; `counts` has the calls of each session, in this process alone."""

    @server.tool()
    def whoami() -> str:
        """Names the pod"""
        return text()

    @server.tool()
    def count(context: Context) -> str:
        """Counts the calls of this session"""
        session = session_of(context)
        counts[session] = counts.get(session, 0) + 1
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


def listen(app: Starlette) -> None:
    """Listens on loopback and prints `listening HOST:PORT`."""
    listener = socket.create_server(("127.0.0.1", options.port))
    print(f"listening 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
