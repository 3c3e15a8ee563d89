"""Many clients and upstreams that misbehave at once, by a seed: nobody gets another's bytes.

Each client checks what it gets by the number that it asked for; what it does meanwhile, and what
its upstream does to it, is drawn by lot. Sanitizer builds make this a search for memory faults.
"""

import random
import threading
from collections import Counter

import pytest

from harness.deadlines import SANITIZED, eventually
from harness.wire import LAST_CHUNK, Truncated, chunk, encode

CLIENTS = 8
TURNS = 30 if SANITIZED else 150


def drawn(target: str) -> tuple[int, bytes]:
    """What the pods do to the request of this target: their mood, and the body that they mean."""
    lot = random.Random(target)
    number = target.removeprefix("/").encode()
    body = number * lot.choice([1, 10, 5000])
    return lot.randrange(10), body


def moody(pod):
    """Answers with the number asked for: mostly well, in one of several framings, or not at all."""

    def answer(request) -> bytes:
        mood, body = drawn(request.target)
        if mood == 0:
            raise OSError("closes without a word")
        if mood == 1:
            short = {"Connection": "close", "Content-Length": str(len(body) + 5)}
            return encode("HTTP/1.1 200 OK", short, body)
        if mood == 2:
            return (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) + b"zz\r\n"
            )
        if mood in (3, 4):
            head = (
                b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            return head + chunk(body[:1]) + chunk(body[1:] or b"") * (len(body) > 1) + LAST_CHUNK
        return encode("HTTP/1.1 200 OK", (), body)

    pod.answer = answer


def read_own(wire, target: str) -> str:
    """Reads what its pod's mood allows, or fails: a whole answer, its beginning, or a 502."""
    mood, body = drawn(target)
    head = wire.read_response_head()
    answer = wire.body_of(head)
    if mood > 2:
        assert head.status == 200, head.start
        got = answer.rest()
        assert got == body, f"{got[:40]!r}, {len(got)} bytes for {len(body)}"
        return "whole"
    if head.status == 502:
        answer.rest()
        return "refused"
    assert head.status == 200 and mood != 0, head.start
    got = answer.expect_abort()
    assert body.startswith(got), f"{got[:40]!r}, {len(got)} bytes"
    return "cut"


class Storm:
    def __init__(self, proxy) -> None:
        self.proxy = proxy
        self.faults: list[str] = []
        self.seen: Counter[str] = Counter()  # what the answers were
        self.stop = threading.Event()  # from here on the proxy may leave
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._live, args=(seed,), daemon=True)
            for seed in range(1, CLIENTS + 1)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _live(self, seed: int) -> None:
        lot = random.Random(seed)
        wire = None
        for turn in range(TURNS):
            if self.stop.is_set():
                return
            target = f"/{1_000_000 * seed + turn}"
            body = b"y" * lot.choice([0, 10, 70_000])
            leaves = lot.random() < 0.1
            try:
                wire = wire or self.proxy.connect()
                wire.request("POST", target, {"X-Seed": str(seed)}, body)
                if leaves:
                    wire.reset()
                    how = "left"
                else:
                    how = read_own(wire, target)
            except (AssertionError, OSError) as fault:
                # a proxy that leaves cuts answers short, and no more
                if not (self.stop.is_set() and isinstance(fault, (Truncated, OSError))):
                    with self._lock:
                        self.faults.append(f"{target}: {fault!r}")
                return
            with self._lock:
                self.seen[how] += 1
            if how in ("left", "cut"):
                wire = None


@pytest.mark.parametrize("workers", [1, 4])
def test_in_a_storm_everyone_gets_only_their_own_answers(ringside, pods, workers):
    started = pods("ab")
    for pod in started:
        moody(pod)
    proxy = ringside(*started, workers=workers, pool={"affinity": {"mode": "none"}})
    before = proxy.metrics().sum("process_open_fds")
    storm = Storm(proxy)
    storm.join()
    assert not storm.faults, storm.faults
    assert storm.seen.total() == CLIENTS * TURNS
    assert storm.seen["whole"] > CLIENTS * TURNS * 0.4, storm.seen
    assert storm.seen["refused"] and storm.seen["cut"] and storm.seen["left"], storm.seen
    for wire in proxy.wires:
        wire.close()
    for pod in started:
        pod.stop()
    eventually(lambda: proxy.metrics().sum("process_open_fds") <= before, "nothing is left open")


def test_a_shutdown_in_a_storm_is_clean(ringside, pods):
    started = pods("ab")
    for pod in started:
        moody(pod)
    proxy = ringside(*started, workers=4, pool={"affinity": {"mode": "none"}})
    storm = Storm(proxy)
    proxy.stdout.wait_count(40)
    storm.stop.set()
    proxy.signal()
    storm.join()
    for wire in proxy.wires:
        wire.close()
    proxy.expect_exit(0)
    assert not storm.faults, storm.faults
    assert storm.seen["whole"], storm.seen
