"""A load balancer that knows nothing of sessions, to show what becomes of them behind one.

    plain_proxy.py --policy round_robin|hash --upstream HOST:PORT [--upstream ...]

round_robin sends each request to the next upstream. hash sends it by a hash of its session id, or
of the client's address where it has none. In all else it does its best for them: every request has
two connections of its own, events pass as they come, and a client that leaves is taken off its pod
at once.
"""

import argparse
import asyncio
import contextlib
import itertools
import re
import zlib

parser = argparse.ArgumentParser()
parser.add_argument("--policy", choices=["round_robin", "hash"], required=True)
parser.add_argument("--upstream", action="append", required=True)
options = parser.parse_args()
turns = itertools.cycle(options.upstream)


def field(head: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"(?im)^" + name + rb":[ \t]*(\S+)", head)
    return found[1] if found else None


def choose(head: bytes, client: str) -> str:
    if options.policy == "round_robin":
        return next(turns)
    key = field(head, b"mcp-session-id") or client.encode()
    return options.upstream[zlib.crc32(key) % len(options.upstream)]


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """Passes one message on: its head, which ends the connection after it, and its body as it
    comes."""
    writer.write(re.sub(rb"(?im)^connection:.*\r\n", b"", head)[:-2] + b"connection: close\r\n\r\n")
    left = int(field(head, b"content-length") or 0)
    if field(head, b"transfer-encoding"):
        while True:
            line = await reader.readline()
            size = int(line, 16)
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()
            if size == 0:
                break
    while left and (data := await reader.read(min(left, 65536))):
        writer.write(data)
        left -= len(data)
    await writer.drain()


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    upstream = choose(head, writer.get_extra_info("peername")[0])
    up_reader, up_writer = await asyncio.open_connection(*upstream.split(":"))
    with contextlib.closing(up_writer):
        await relay(reader, up_writer, head)
        answer = asyncio.create_task(answer_to(up_reader, writer))
        left = asyncio.create_task(reader.read(1))
        await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        left.cancel()
        answer.cancel()


async def answer_to(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await relay(reader, writer, await reader.readuntil(b"\r\n\r\n"))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
        await exchange(reader, writer)


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"listening 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
