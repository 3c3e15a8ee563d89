"""A client on the Python SDK 2.x, in the era of sessions; driver.py tells what it does."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
from driver import Session, drive, options, timeout
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def connect(session: Session):
    async def answer(context, params):
        return types.ElicitResult(action="accept", content={"word": session.word})

    # As the SDK makes its own, without certificates: loading them for each session takes longer
    # than all else.
    http = httpx2.AsyncClient(
        timeout=httpx2.Timeout(30, read=300),
        verify=False,
        event_hooks={"response": [session.on_response]},
    )
    client = Client(
        streamable_http_client(options.url, http_client=http),
        mode="legacy",
        read_timeout_seconds=timeout,
        elicitation_callback=answer,
        logging_callback=session.on_log,
    )
    async with http, client:

        async def call(tool, arguments=None, **more) -> str:
            result = await client.call_tool(tool, arguments, **more)
            if result.is_error:
                raise RuntimeError(result.content[0].text)
            return result.content[0].text

        yield call


asyncio.run(drive(connect))
