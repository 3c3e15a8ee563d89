"""Drives MCP sessions with the official SDK's client, and shows which pod answered each call.

    drive.py NAME=URL...      the same sessions through each URL in turn, a table for each

A session calls the server's `count` tool several times. A cell is the pod that answered and the
number that it counted: a session that stays on its pod counts 1, 2, 3, 4.
"""

from __future__ import annotations

import argparse
import logging
import sys

import anyio
import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError

SESSIONS = 9
CALLS = 4
DEADLINE = 20  # seconds for one session
WIDTH = 12
LOST = "lost"


class Session:
    """What one session saw: a cell for each call, and why it ended early, if it did."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.fault = ""

    def whole(self) -> bool:
        """Whether one pod answered every call, and counted them all."""
        pods = {cell.split()[0] for cell in self.cells}
        counts = [cell.split()[-1] for cell in self.cells]
        return len(pods) == 1 and counts == [str(n + 1) for n in range(CALLS)]


def innermost(fault: BaseException) -> BaseException:
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault


async def drive(url: str, session: Session) -> None:
    last_answer = ""

    async def remember(response: httpx.Response) -> None:
        nonlocal last_answer
        if response.status_code >= 400:
            last_answer = f"HTTP {response.status_code}"

    try:
        with anyio.fail_after(DEADLINE):
            async with (
                httpx.AsyncClient(event_hooks={"response": [remember]}, timeout=DEADLINE) as http,
                streamable_http_client(url, http_client=http) as (reading, writing, _),
                ClientSession(reading, writing) as client,
            ):
                await client.initialize()
                for _ in range(CALLS):
                    answer = await client.call_tool("count")
                    session.cells.append(answer.content[0].text)
    except (McpError, httpx.HTTPError, OSError, TimeoutError, ExceptionGroup) as fault:
        session.fault = last_answer or str(innermost(fault)) or type(fault).__name__
        session.cells.append(LOST)


async def run(url: str) -> list[Session]:
    sessions = [Session() for _ in range(SESSIONS)]
    async with anyio.create_task_group() as tasks:
        for session in sessions:
            tasks.start_soon(drive, url, session)
    return sessions


def show(name: str, sessions: list[Session]) -> bool:
    """Prints the table; tells whether every session was whole."""
    calls = "".join(f"call {n + 1}".ljust(WIDTH) for n in range(CALLS))
    print(f"\n  {name}\n  {'':{WIDTH}}{calls.rstrip()}")
    for number, session in enumerate(sessions, 1):
        cells = "".join(cell.ljust(WIDTH) for cell in session.cells)
        why = f"({session.fault})" if session.fault else ""
        print(f"  {f'session {number}':{WIDTH}}{cells}{why}".rstrip())
    whole = sum(session.whole() for session in sessions)
    pods = {cell.split()[0] for session in sessions for cell in session.cells} - {LOST}
    spread = f", spread over {len(pods)} pods" if whole else ""
    print(f"  {whole} of {len(sessions)} sessions kept their pod{spread}")
    return whole == len(sessions)


def main() -> int:
    parser = argparse.ArgumentParser(description="Drives MCP sessions and shows who answered.")
    parser.add_argument("target", nargs="+", metavar="NAME=URL")
    logging.disable(logging.CRITICAL)  # the SDK logs every lost session with its stack
    first_is_whole = True
    for index, target in enumerate(parser.parse_args().target):
        name, _, url = target.partition("=")
        whole = show(name, anyio.run(run, url))
        if index == 0:
            first_is_whole = whole
    return 0 if first_is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
