"""Many clients and upstreams that misbehave at once, by a seed: nobody gets another's bytes.

Each client checks what it gets by the number that it asked for; what it does meanwhile, and what
its upstream does to it, is drawn by lot. Sanitizer builds make this a search for memory faults.
"""

import random
import threading

import pytest

from harness.deadlines import SANITIZED, eventually
from harness.wire import LAST_CHUNK, TooLate, chunk, encode

CLIENTS = 8
TURNS = 30 if SANITIZED else 150


def moody(pod):
    """Answers with the number asked for: mostly well, in one of several framings, or not at all."""

    def answer(request) -> bytes:
        lot = random.Random(request.target)
        number = request.path[1:].encode()
        body = number * lot.choice([1, 10, 5000])
        mood = lot.randrange(10)
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


def live(proxy, seed: int, faults: list[str], stop: threading.Event) -> None:
    lot = random.Random(seed)
    wire = proxy.connect()
    for turn in range(TURNS):
        if stop.is_set():
            return
        number = str(1_000_000 * seed + turn)
        body = b"y" * lot.choice([0, 10, 70_000])
        try:
            wire.request("POST", f"/{number}", {"X-Seed": str(seed)}, body)
            if lot.random() < 0.1:
                wire.reset()
                wire = proxy.connect()
                continue
            response = wire.read_response("POST")
            if response.status == 200 and response.body.replace(number.encode(), b""):
                faults.append(f"{number} got {response.body[:40]!r}")
            if response.get("connection") == "close":
                wire = proxy.connect()
        except TooLate as late:
            faults.append(f"{number}: {late}")
            return
        except (AssertionError, OSError):  # cut short, as its upstream was
            if stop.is_set():
                return
            wire = proxy.connect()


def storm(proxy, faults: list[str], stop: threading.Event) -> list[threading.Thread]:
    threads = [
        threading.Thread(target=live, args=(proxy, seed, faults, stop), daemon=True)
        for seed in range(1, CLIENTS + 1)
    ]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize("workers", [1, 4])
def test_in_a_storm_everyone_gets_only_their_own_answers(ringside, pods, workers):
    started = pods("ab")
    for pod in started:
        moody(pod)
    proxy = ringside(*started, workers=workers, pool={"affinity": {"mode": "none"}})
    before = proxy.metrics().sum("process_open_fds")
    faults: list[str] = []
    for thread in storm(proxy, faults, threading.Event()):
        thread.join()
    assert not faults, faults
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
    stop = threading.Event()
    threads = storm(proxy, [], stop)
    proxy.stdout.wait_count(40)
    stop.set()
    proxy.signal()
    for thread in threads:
        thread.join()
    for wire in proxy.wires:
        wire.close()
    proxy.expect_exit(0)
