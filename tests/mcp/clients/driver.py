"""What both clients in Python share; options and reports are those of driver.mjs, without --stored
and --keep, since this SDK has no way to use a session without its handshake."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--sessions", type=int, default=1)
parser.add_argument("--calls", type=int, default=4)
parser.add_argument("--timeout", type=float, default=20000)
options = parser.parse_args()
timeout = options.timeout / 1000


class Session:
    """One session and what its client saw: the fields of `seen` are those of driver.mjs."""

    def __init__(self, number: int, connect: "Connect") -> None:
        self.seen: dict[str, Any] = {
            "id": None,
            "pods": [],
            "counts": [],
            "progress": [],
            "word": None,
        }
        self.seen |= {"announced": None, "error": None, "stored": False}
        self.word = f"word-{number}"
        self.connect = connect
        self.get_stream = asyncio.Event()
        self.message: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def on_response(self, response: Any) -> None:
        """A hook of the HTTP client: learns the session's id, and when its GET stream is open."""
        self.seen["id"] = self.seen["id"] or response.headers.get("mcp-session-id")
        if response.request.method == "GET" and response.status_code == 200:
            self.get_stream.set()

    async def on_log(self, params: Any) -> None:
        if not self.message.done():
            self.message.set_result(params.data)

    async def on_progress(self, progress: float, total: float | None, message: str | None) -> None:
        self.seen["progress"].append(progress)

    async def call(
        self, tool: str, arguments: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        text = await asyncio.wait_for(self.call_tool(tool, arguments, **more), timeout)
        value = json.loads(text)
        self.seen["pods"].append(value["pod"])
        return value

    async def count(self) -> None:
        self.seen["counts"].append((await self.call("count"))["count"])

    async def use(self) -> None:
        for _ in range(options.calls):
            await self.count()
        await asyncio.gather(self.stream(), self.ask(), self.announce())
        await self.count()

    async def stream(self) -> None:
        await self.call("stream", {"steps": 3}, progress_callback=self.on_progress)

    async def ask(self) -> None:
        self.seen["word"] = (await self.call("ask"))["word"] == self.word

    async def announce(self) -> None:
        await asyncio.wait_for(self.get_stream.wait(), timeout)
        await self.call("announce")
        self.seen["announced"] = await asyncio.wait_for(self.message, timeout)

    async def run(self, opened: Callable[[], None], go: asyncio.Event) -> None:
        """Opens, reports, waits for the others, uses the session; leaving the context sends
        DELETE."""
        try:
            async with self.connect(self) as self.call_tool:
                opened()
                await go.wait()
                await self.use()
        except* Exception as group:
            self.seen["error"] = repr(first_cause(group))[:300]
            opened()


# Makes a connected session of the SDK, and gives its call: (tool, arguments, **options) -> text of
# the result.
Connect = Callable[[Session], AbstractAsyncContextManager[Callable[..., Awaitable[str]]]]


def first_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def report(**line: Any) -> None:
    print(json.dumps(line), flush=True)


async def drive(connect: Connect) -> None:
    sessions = [Session(number, connect) for number in range(options.sessions)]
    settled = [asyncio.Event() for _ in sessions]
    go = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for session, done in zip(sessions, settled):
            tasks.create_task(session.run(done.set, go))
        for done in settled:
            await done.wait()
        report(event="opened", ids=[s.seen["id"] for s in sessions if not s.seen["error"]])
        await asyncio.to_thread(sys.stdin.readline)
        go.set()
    report(event="finished", sessions=[session.seen for session in sessions])
