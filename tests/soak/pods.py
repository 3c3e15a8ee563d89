"""The pods as processes, and when each of them lived."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
sys.path.insert(0, str(HERE.parent / "model"))

from harness.upstream import Port  # noqa: E402
from world import Ledger  # noqa: E402

FLAVOURS = {"a": "typescript", "b": "burger", "c": "go", "d": "python"}


class PodProcess:
    """A pod that is killed now and then, and what a client may expect of it meanwhile."""

    def __init__(self, name: str, seed: int, ledger: Ledger) -> None:
        self.name = name
        self.port = Port()
        self.incarnation = 0
        self.died = 0  # incarnations that were killed
        self._seed = seed
        self._ledger = ledger
        self._lock = threading.Lock()
        self._up_since = 0.0  # infinite while it is down
        self._settled_at = 0.0  # infinite from its death until the proxy has seen that
        self._process: subprocess.Popen | None = None

    def __repr__(self) -> str:
        return f"pod {self.name}"

    def start(self) -> None:
        incarnation = self.incarnation + 1
        path = self._ledger.path(self.name, incarnation)
        arguments = (self.name, incarnation, self.port.number, FLAVOURS[self.name], self._seed)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", HERE / "server.py", *map(str, arguments), path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout.readline() == b"ready\n", f"pod {self.name} did not start"
        with self._lock:
            self.incarnation = incarnation
            self._up_since = time.monotonic()

    def kill(self) -> None:
        if self._process is None:
            return
        with self._lock:
            self._up_since = self._settled_at = float("inf")
            self.died = self.incarnation
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._process = None
        self._ledger.retire(self.name, self.incarnation)

    def close(self) -> None:
        self.kill()
        self.port.close()

    def settle(self) -> None:
        """The proxy has seen that the connections of the dead process are gone."""
        with self._lock:
            self._settled_at = time.monotonic()

    def lived(self, incarnation: int, since: float) -> bool:
        """This process has been up from `since` until now."""
        with self._lock:
            return incarnation > self.died and self._up_since <= since

    def up(self, since: float) -> bool:
        return self.lived(self.incarnation, since)

    def settled(self, since: float) -> bool:
        """Its last death, if any, was known to the proxy before that."""
        with self._lock:
            return self._settled_at <= since

    def seconds_since_death(self) -> float:
        """Since the proxy knows of it; negative when it does not yet."""
        return time.monotonic() - self._settled_at
