"""Waiting for what a server will do by itself, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

from support.places import DEADLINE

T = TypeVar("T")


def until(attempt: Callable[[], T], done: Callable[[T], bool], every: float = 0.1) -> T:
    """Repeats `attempt` until `done` says so of what it returned."""
    deadline = time.monotonic() + DEADLINE
    while not done(result := attempt()):
        assert time.monotonic() < deadline, f"still {result} after {DEADLINE} s"
        time.sleep(every)
    return result
