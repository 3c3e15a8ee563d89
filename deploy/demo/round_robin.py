"""A plain round-robin load balancer, for comparison: each request goes to the next pod in turn.

It asks both sides to close the connection after each exchange, so that a connection is a request.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re

CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
PIECE = 65536


def closing(head: bytes) -> bytes:
    """The head of a message, with `connection: close`."""
    return CONNECTION.sub(b"", head[:-4]) + b"\r\nconnection: close\r\n\r\n"


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while piece := await source.read(PIECE):
        target.write(piece)
        await target.drain()


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """One message from source to target: its head with `connection: close`, then the rest."""
    target.write(closing(await source.readuntil(b"\r\n\r\n")))
    await copy(source, target)


async def exchange(client: asyncio.StreamReader, answer: asyncio.StreamWriter, port: int) -> None:
    try:
        pod, request = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        answer.close()
        return
    upload = asyncio.create_task(pass_on(client, request))
    try:
        await pass_on(pod, answer)
    except (OSError, asyncio.IncompleteReadError):
        pass  # one side has gone, and so goes the other
    finally:
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
        request.close()
        answer.close()


async def serve(ports: list[int]) -> None:
    turn = itertools.cycle(ports)
    server = await asyncio.start_server(
        lambda client, answer: exchange(client, answer, next(turn)), "127.0.0.1", 0)
    print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, nargs="+", help="the ports of the pods")
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
