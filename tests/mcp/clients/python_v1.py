"""A client on the Python SDK 1.x; driver.py tells what it does."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
from driver import Session, drive, options, timeout
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def connect(session: Session):
    async def answer(context, params):
        return types.ElicitResult(action="accept", content={"word": session.word})

    # As the SDK makes its own, without certificates: loading them for each session takes longer
    # than all else.
    http = httpx.AsyncClient(
        timeout=httpx.Timeout(30, read=300),
        verify=False,
        event_hooks={"response": [session.on_response]},
    )
    async with (
        http,
        streamable_http_client(options.url, http_client=http) as (read, write, _),
        ClientSession(
            read,
            write,
            read_timeout_seconds=timedelta(seconds=timeout),
            elicitation_callback=answer,
            logging_callback=session.on_log,
        ) as client,
    ):
        await client.initialize()

        async def call(tool, arguments=None, **more) -> str:
            result = await client.call_tool(tool, arguments, **more)
            if result.isError:
                raise RuntimeError(result.content[0].text)
            return result.content[0].text

        yield call


asyncio.run(drive(connect))
