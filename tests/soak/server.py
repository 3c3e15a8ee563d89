"""A pod of the soak: the model test's, which can also give large answers.

    server.py NAME INCARNATION PORT FLAVOUR SEED LEDGER
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model"))

from pod import Connection, Pod, Request, Session, main  # noqa: E402


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


if __name__ == "__main__":
    main(Server)
