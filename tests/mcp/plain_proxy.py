"""A load balancer that knows nothing of sessions, to show what becomes of them behind one, or to
spread requests over proxies that do.

    plain_proxy.py --policy POLICY --upstream HOST:PORT ... [--seed N] [--pause-every N]

round_robin sends each request to the next upstream, random to one that it draws. hash sends it by a
hash of its session id, or of the client's address where it has none. client_ip keeps each client's
address on the upstream of its first request, as a Service with ClientIP affinity does. In all else
it does its best for them: every request has two connections of its own, events pass as they come, a
client that leaves is taken off its pod at once, and an upstream that refuses is asked again until
it is back.

After each change it prints `streams N accepted M`: the GETs that are being answered with 200, and
all answers so far that were 202. With --pause-every, about every so many requests, but only while
none other than a GET is under way, it prints `pause` and holds all new requests until a line comes
on standard input.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import re
import sys
import zlib

parser = argparse.ArgumentParser()
parser.add_argument(
    "--policy", choices=["round_robin", "random", "hash", "client_ip"], required=True
)
parser.add_argument("--upstream", action="append", required=True)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--pause-every", type=int)
options = parser.parse_args()
turns = itertools.cycle(options.upstream)
draw = random.Random(options.seed)
clients: dict[str, str] = {}  # address -> upstream, for client_ip


class Traffic:
    """What is under way, and the pauses in it."""

    def __init__(self) -> None:
        self.streams = 0  # GETs that are being answered with 200
        self.accepted = 0  # answers so far that were 202
        self.busy = 0  # requests under way, other than GETs
        self.since_pause = 0
        self.open = asyncio.Event()
        self.open.set()

    @contextlib.asynccontextmanager
    async def request(self, is_get: bool):
        await self.open.wait()
        if not is_get and options.pause_every:
            await self._pause_if_due()
        self.busy += not is_get
        try:
            yield
        finally:
            self.busy -= not is_get

    async def _pause_if_due(self) -> None:
        self.since_pause += 1
        if self.since_pause < options.pause_every or self.busy:
            return
        self.since_pause = 0
        self.open.clear()
        print("pause", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        self.open.set()

    @contextlib.contextmanager
    def answer(self, is_get: bool, status: bytes):
        self._count(streams=is_get and status == b"200")
        try:
            yield
        finally:
            self._count(streams=-(is_get and status == b"200"), accepted=status == b"202")

    def _count(self, streams: int, accepted: int = 0) -> None:
        self.streams += streams
        self.accepted += accepted
        if streams or accepted:
            print(f"streams {self.streams} accepted {self.accepted}", flush=True)


traffic = Traffic()


def field(head: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"(?im)^" + name + rb":[ \t]*(\S+)", head)
    return found[1] if found else None


def choose(head: bytes, client: str) -> str:
    if options.policy == "round_robin":
        return next(turns)
    if options.policy == "random":
        return draw.choice(options.upstream)
    if options.policy == "client_ip":
        if client not in clients:
            clients[client] = next(turns)
        return clients[client]
    key = field(head, b"mcp-session-id") or client.encode()
    return options.upstream[zlib.crc32(key) % len(options.upstream)]


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """Passes one message on: its head, which ends the connection after it, and its body as it
    comes."""
    writer.write(re.sub(rb"(?im)^connection:.*\r\n", b"", head)[:-2] + b"connection: close\r\n\r\n")
    left = int(field(head, b"content-length") or 0)
    if field(head, b"transfer-encoding"):
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line, 16)
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()
            if size == 0:
                break
    while left and (data := await reader.read(min(left, 65536))):
        writer.write(data)
        left -= len(data)
    await writer.drain()


async def connect(upstream: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection(*upstream.split(":"))
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    is_get = head.startswith(b"GET ")
    async with traffic.request(is_get):
        upstream = choose(head, writer.get_extra_info("peername")[0])
        up_reader, up_writer = await connect(upstream)
        with contextlib.closing(up_writer):
            await relay(reader, up_writer, head)
            answer = asyncio.create_task(answer_to(is_get, up_reader, writer))
            left = asyncio.create_task(reader.read(1))
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
            answer.cancel()
            await asyncio.gather(answer, left, return_exceptions=True)


async def answer_to(
    is_get: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    with traffic.answer(is_get, status=head[9:12]):
        await relay(reader, writer, head)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
        await exchange(reader, writer)


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"listening 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
