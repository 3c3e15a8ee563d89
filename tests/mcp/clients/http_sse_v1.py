"""A client of HTTP+SSE on the Python SDK 1.x; driver.py tells what it does. The first pod that it
reports is the one that answered its handshake. When the event stream of a session breaks, it prints
{"event": "ended"}."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
from driver import Session, drive, options, report, timeout
from mcp import ClientSession, types
from mcp.client.sse import sse_client


def http_client(**settings):
    """Without certificates: loading them for each session takes longer than all else."""
    return httpx.AsyncClient(verify=False, **settings)


@asynccontextmanager
async def connect(session: Session):
    broken: list[Exception] = []

    async def answer(context, params):
        return types.ElicitResult(action="accept", content={"word": session.word})

    async def on_message(message):
        if isinstance(message, Exception):
            broken.append(message)
            report(event="ended")

    async with (
        sse_client(
            options.url,
            timeout=timeout,
            httpx_client_factory=http_client,
            on_session_created=lambda id: session.seen.update(id=id),
        ) as (read, write),
        ClientSession(
            read,
            write,
            read_timeout_seconds=timedelta(seconds=timeout),
            elicitation_callback=answer,
            logging_callback=session.on_log,
            message_handler=on_message,
        ) as client,
    ):
        server = (await client.initialize()).serverInfo
        session.seen["pods"].append(server.name)
        session.get_stream.set()
        await client.list_tools()

        async def call(tool, arguments=None, **more) -> str:
            if broken:  # the SDK would wait for an answer all the same
                raise broken[0]
            result = await client.call_tool(tool, arguments, **more)
            if result.isError:
                raise RuntimeError(result.content[0].text)
            return result.content[0].text

        yield call


asyncio.run(drive(connect))
