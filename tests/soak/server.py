"""A pod of the soak: the model test's, which can also give large answers.

    server.py NAME INCARNATION PORT FLAVOUR SEED LEDGER
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model"))

from pod import FLAVOURS, Connection, Pod, Request, Session  # noqa: E402


class Server(Pod):
    """A call with the parameter `bytes` has so many bytes more in its result."""

    _wanted = threading.local()

    def _call(
        self, connection: Connection, request: Request, message: dict, session: Session
    ) -> None:
        self._wanted.bytes = message.get("params", {}).get("bytes", 0)
        super()._call(connection, request, message, session)

    def _result(
        self, connection: Connection, id: object, result: dict, session: str | None
    ) -> None:
        size = getattr(self._wanted, "bytes", 0)
        self._wanted.bytes = 0
        super()._result(connection, id, result | {"padding": "x" * size}, session)


def main() -> None:
    name, incarnation, port, flavour, seed, ledger = sys.argv[1:]
    server = Server(name, int(incarnation), FLAVOURS[flavour], seed, ledger)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(512)
    os.write(1, b"ready\n")
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=server.serve, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    main()
