"""How long the tests wait for a thing that must happen.

A deadline is never a delay: every wait ends with the event it waits for. Sanitizer builds are
slower, so they get more.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

FLAVOUR = os.environ.get("RINGSIDE_FLAVOUR", "release")
SANITIZED = FLAVOUR in ("asan", "tsan")
DEADLINE = 30.0 if SANITIZED else 10.0

_POLL_SECONDS = 0.01
_never = threading.Event()

T = TypeVar("T")


def eventually(probe: Callable[[], T], what: str, deadline: float = DEADLINE) -> T:
    """Asks again until the probe's answer is true; for facts that can only be asked for."""
    end = time.monotonic() + deadline
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"never happened within {deadline} s: {what}; last: {answer!r}")
        _never.wait(_POLL_SECONDS)
