"""The event streams that clients hold, and what must come of each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from client import EventStream
from judge import require
from world import Ledger, ProxyProcess, eventually

from model import Inner, Session


@dataclass
class Open:
    session: Session
    proxy: ProxyProcess
    inner: Inner | None  # None: of a server that knows no such session
    request: str
    stream: EventStream
    pod: str


class Streams:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._open: list[Open] = []

    def all(self) -> list[Open]:
        with self._lock:
            return list(self._open)

    def of(self, inner: Inner) -> list[Open]:
        return [each for each in self.all() if each.inner is inner]

    def at(self, proxy: ProxyProcess) -> list[Open]:
        return [each for each in self.all() if each.proxy is proxy]

    def opened(self, each: Open) -> None:
        with self._lock:
            self._open.append(each)
            if each.inner is not None:
                each.inner.streams += 1

    def _forget(self, each: Open) -> None:
        with self._lock:
            self._open.remove(each)
            if each.inner is not None:
                each.inner.streams -= 1

    def expect_events(self, inner: Inner, count: int) -> None:
        """Each call is told on each stream of its session, and on no other."""
        for each in self.of(inner):
            event = each.stream.event()
            while inner.was_cut and event["count"] < count:  # of a call whose client was cut off
                event = each.stream.event()
            require(
                event == {"session": inner.id, "count": count},
                f"stream {each.request} brings {event}, not {count} of {inner}",
            )

    def expect_ends(self, streams: list[Open]) -> None:
        """As the server, or a proxy that leaves, ends them: between two events."""
        for each in streams:
            each.stream.expect_end()
            self._forget(each)

    def expect_cuts(self, streams: list[Open]) -> None:
        """As when a process dies."""
        for each in streams:
            each.stream.expect_cut()
            self._forget(each)

    def wait_closed(self, each: Open) -> None:
        """The pod has seen the end of a stream."""
        eventually(
            lambda: any(entry.kind == "closed" for entry in self._ledger.of(each.request)),
            f"pod {each.pod} sees the end of stream {each.request}",
        )

    def close(self, each: Open) -> None:
        """By its client; its pod hears of it."""
        each.stream.close()
        self.wait_closed(each)
        each.proxy.state.view(each.session).used = time.monotonic()
        self._forget(each)

    def close_all(self) -> None:
        for each in self.all():
            self.close(each)

    def abandon(self) -> None:
        for each in self.all():
            each.stream.close()
