"""One pod of the demo: a small stateful MCP server on the official SDK.

Each session has a counter in this process's memory, as real servers keep a browser, a shell or a
transaction. A request that reaches another pod finds no such session there.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from weakref import WeakKeyDictionary

import uvicorn
from mcp.server.fastmcp import Context, FastMCP


def make_server(pod: str) -> FastMCP:
    server = FastMCP("ringside-demo", log_level="WARNING")
    counts: WeakKeyDictionary[object, int] = WeakKeyDictionary()

    @server.tool()
    def whoami() -> str:
        """The name of the pod that answers."""
        return pod

    @server.tool()
    def count(context: Context) -> str:
        """Counts the calls of this session; answers "POD N"."""
        counts[context.session] = counts.get(context.session, 0) + 1
        return f"{pod} {counts[context.session]}"

    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pod", required=True, help="the name that whoami tells")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    arguments = parser.parse_args()

    listener = socket.create_server(("127.0.0.1", arguments.port))
    print(f"ready {listener.getsockname()[1]}", flush=True)
    app = make_server(arguments.pod).streamable_http_app()
    settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    asyncio.run(uvicorn.Server(settings).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
