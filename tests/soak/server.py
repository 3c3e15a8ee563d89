"""A pod of the soak: the model test's, which can also give large answers and open tunnels.

    server.py NAME INCARNATION PORT FLAVOUR SEED LEDGER
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model"))

from pod import Connection, Pod, Request, Session, main  # noqa: E402


class Server(Pod):
    """A call with the parameter `bytes` has so many bytes more in its result.

    A WebSocket of a session gives back every byte.
    """

    _wanted = threading.local()

    def _answer(self, connection: Connection, request: Request) -> None:
        id = request.fields.get("mcp-session-id")
        with self._lock:
            session = self._sessions.get(id)
        if request.fields.get("upgrade") != "websocket" or session is None:
            return super()._answer(connection, request)
        self._note("tunnel", request, session.id)
        head = f"HTTP/1.1 101 Status\r\nx-pod: {self.name}\r\nx-incarnation: {self.incarnation}\r\n"
        head += "connection: upgrade\r\nupgrade: websocket\r\n\r\n"
        connection.socket.sendall(head.encode())
        while True:
            heard, connection._data = connection._data, b""
            connection.socket.sendall(heard)
            connection.wait()

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


if __name__ == "__main__":
    main(Server)
