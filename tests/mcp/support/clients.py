"""Client processes on the official SDKs: many sessions at once, and what each of them saw."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.places import DEADLINE, command
from support.processes import Process

# Every client SDK, by the module that uses it.
CLIENTS = {
    "typescript_v1": "clients/typescript_v1.mjs",
    "typescript_v2": "clients/typescript_v2.mjs",
    "python_v1": "clients/python_v1.py",
    "python_v2": "clients/python_v2.py",
}
CALLS = 4


@dataclass
class Seen:
    """What one session saw; the fields are those of clients/driver.mjs."""

    id: str | None
    pods: list[str]
    counts: list[int]
    progress: list[float]
    word: bool | None
    announced: str | None
    error: str | None
    stored: bool

    def fault(self) -> str | None:
        """What is wrong with this session, or nothing: one pod, its own counter in order, nothing
        lost."""
        if self.error:
            return self.error
        if len(set(self.pods)) != 1:
            return f"saw pods {self.pods}"
        if self.counts != list(range(1, CALLS + 2)):
            return f"counted {self.counts}"
        if self.progress != [1, 2, 3] or not self.word or self.announced != f"from {self.pods[0]}":
            return f"progress {self.progress}, word {self.word}, announced {self.announced}"
        return None


def run(
    clients: list[str],
    url: str,
    log: Path,
    sessions: int = 1,
    timeout: float = DEADLINE,
    more: tuple = (),
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, list[Seen]]:
    """Runs the named clients at once: all open their sessions, and only then do all use and end
    them. `meanwhile` is done in between."""
    arguments = ["--url", url, "--sessions", str(sessions), "--calls", str(CALLS)]
    arguments += ["--timeout", str(int(timeout * 1000)), *more]
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(
                Process([*command(CLIENTS[name]), *arguments], log, feed=True)
            )
            for name in clients
        }
        for process in running.values():
            process.wait_line('"event": ?"opened"', 2 * DEADLINE)
        meanwhile()
        for process in running.values():
            process.say("go")
        results = {}
        for name, process in running.items():
            line = process.wait_line('^.*"event": ?"finished".*$', 4 * DEADLINE)[0]
            results[name] = [Seen(**session) for session in json.loads(line)["sessions"]]
    return results
