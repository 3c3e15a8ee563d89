"""What a run did, for whoever has to understand why it failed."""

from __future__ import annotations

import threading
import time
from collections import deque

from model import Session

SHOWN = 30  # of the last steps, and of the earlier ones that concern the session in question
PROCESS_STEPS = ("kill", "start", "stop")


class Diary:
    def __init__(self) -> None:
        self.count = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._last: deque[str] = deque(maxlen=SHOWN)
        self._sessions: dict[int, list[str]] = {}
        self._processes: list[str] = []
        self._suspect: int | None = None

    def say(self, what: str, session: Session | None = None) -> None:
        with self._lock:
            self.count += 1
            line = f"  {self.count:5} {time.monotonic() - self._began:8.3f} s  {what}"
            self._last.append(line)
            if session is not None:
                self._sessions.setdefault(session.number, []).append(line)
            elif what.startswith(PROCESS_STEPS):
                self._processes.append(line)

    def suspect(self, session: Session) -> None:
        """An answer to this session was the first to break a rule."""
        if self._suspect is None:
            self._suspect = session.number

    def text(self) -> str:
        lines = list(self._last)
        if self._suspect is not None:
            earlier = set(self._sessions[self._suspect] + self._processes) - set(lines)
            shown = sorted(earlier)[-SHOWN:]
            lines = [f"Of session #{self._suspect} and the processes, then all:", *shown, *lines]
        return "\n".join(lines)
