"""Churns for some minutes, and then asks whether anything was lost, left behind or miscounted."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
sys.path.insert(0, str(HERE.parent / "model"))

import books  # noqa: E402
from actor import WEIGHTS, Actor, Shared  # noqa: E402
from books import Books, Log  # noqa: E402
from pods import FLAVOURS, PodProcess  # noqa: E402
from world import Ledger  # noqa: E402

from harness import yaml  # noqa: E402
from harness.deadlines import DEADLINE, FLAVOUR, SANITIZED, eventually  # noqa: E402
from harness.metrics import Samples  # noqa: E402
from harness.process import BINARY, Ringside  # noqa: E402

ACTORS = 8
IDLE_TTL = 5  # seconds
SETTLES = 60.0  # seconds at most
GROWTH = 8 << 20  # of memory, from the first quarter to the end
LONG = 5  # minutes, from which on it is a matter of the number of requests, too
GROWTH_LONG, GROWTH_OF_REQUEST = 1 << 20, 8  # bytes
SLOW = {"connect": "30s"}  # a machine with other work, not a fault
RATE = 240  # steps a second
GAUGES = (
    "connections",
    "upstream_connections",
    "upstream_waiting",
    "streams",
    "tunnels",
    "sessions",
    "accept_paused",
)


class Soak:
    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.random = random.Random(f"{options.seed} pods")
        self.ledger = Ledger(folder)
        self.books = Books()
        self.log = folder / "access.log"
        self.killed = 0
        self.pods = {name: PodProcess(name, options.seed, self.ledger) for name in FLAVOURS}
        for pod in self.pods.values():
            pod.start()
        (folder / "ringside.yaml").write_text(yaml.dump(self._configuration()) + "\n")
        self.proxy = Ringside(folder, ["--config", "ringside.yaml"]).wait_ready()
        self.shared = Shared(self.proxy, self.pods, self.books, options.rate / ACTORS)
        self.actors = [Actor(n, options.seed, self.shared) for n in range(ACTORS)]

    def _configuration(self) -> dict:
        endpoints = [{"address": p.port.address, "name": p.name} for p in self.pods.values()]
        affinity = {
            "idle_ttl": f"{IDLE_TTL}s",
            "search": {"per_client": 100000, "share": "100%"},  # limits have tests of their own
        }
        return {
            "workers": 2,
            "admin": {"bind": "127.0.0.1:0"},
            "log": {"access": str(self.log)},
            "shutdown": {"deadline": "2s"},
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "pool": "pods"}],
            "pools": {"pods": {"endpoints": endpoints, "affinity": affinity, "timeouts": SLOW}},
        }

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.proxy.process.pid}/fd"))

    def work(self, seconds: float) -> None:
        """Everybody works, and now and then a pod dies and comes back."""
        end = time.monotonic() + seconds
        self.shared.working.set()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self.random.uniform(1, 5)))
            if end - time.monotonic() > 3:
                self._kill_one()
        self.shared.working.clear()
        for actor in self.actors:
            assert actor.resting.wait(SETTLES), f"a client hangs: {actor.name}"

    def _kill_one(self) -> None:
        pod = self.random.choice(list(self.pods.values()))
        pod.kill()
        self.killed += 1
        gone = lambda: self._gauge("upstream_connections", endpoint=pod.name) == 0  # noqa: E731
        eventually(gone, f"the proxy sees that pod {pod.name} is dead", SETTLES)
        pod.settle()
        time.sleep(self.random.uniform(0.1, 2))
        pod.start()

    def _gauge(self, name: str, **labels: str) -> float:
        if name == "connections":
            labels["listener"] = "mcp"
        samples = self.proxy.metrics()
        assert f"ringside_{name}" in samples.names(), f"there is no ringside_{name}"
        return samples.sum(f"ringside_{name}", **labels)

    def settle(self, descriptors: int) -> list[str]:
        """Waits until nothing is open; what remains, if something does."""

        def left() -> list[str]:
            counts = {name: self._gauge(name) for name in GAUGES}
            open_now = [f"ringside_{name} is {n:.0f}" for name, n in counts.items() if n]
            if (now := self.descriptors()) != descriptors:
                open_now.append(f"{now} descriptors, {descriptors} at the start")
            return open_now

        try:
            eventually(lambda: not left(), "nothing is open", SETTLES)
        except AssertionError:
            return left()
        return []

    def wait_log(self, lines: int) -> None:
        """The last lines are written a moment after their exchanges end."""
        try:
            eventually(lambda: self.log.read_bytes().count(b"\n") >= lines, "the log is written")
        except AssertionError:
            pass  # the books will tell

    def close(self) -> None:
        self.shared.over = True
        self.shared.working.set()
        for actor in self.actors:
            if actor.is_alive():
                actor.join(DEADLINE)
        self.proxy.kill()
        for pod in self.pods.values():
            pod.close()


class Verdict:
    def __init__(self) -> None:
        self.passed = self.failed = 0

    def check(self, name: str, faults: Iterable[str]) -> None:
        found = list(faults)
        self.failed += bool(found)
        self.passed += not found
        print(f"{'FAILED' if found else 'ok'}: {name}", flush=True)
        for fault in found[: books.SHOWN]:
            print(f"    {fault}")
        if len(found) > books.SHOWN:
            print(f"    and {len(found) - books.SHOWN} more")


def soak(options: argparse.Namespace, run: Soak, verdict: Verdict) -> None:
    for actor in run.actors:
        actor.start()
    idle = run.descriptors()
    seconds = options.minutes * 60
    run.work(seconds / 4)
    left = run.settle(idle)
    before, requests_before = run.proxy.rss_bytes(), len(run.books.requests)
    run.work(seconds * 3 / 4)
    left += run.settle(idle)
    after = run.proxy.rss_bytes()
    requests = len(run.books.requests) - requests_before
    samples = run.proxy.metrics()
    run.wait_log(int(samples.sum("ringside_requests_total")))
    log, ledger = Log(run.log), run.ledger.all()
    summary(run, log, samples)
    memory = f"memory: {before >> 10} KiB after a quarter, {after >> 10} KiB at the end"
    print(f"{memory}, {(after - before) / requests:.1f} bytes a request")
    verdict.check("every answer was right, no session changed its pod", run.books.violations)
    verdict.check("nothing is open when all have left", left)
    is_too_much = after - before > growth(options.minutes, requests) and not SANITIZED
    verdict.check("memory does not grow", [memory] if is_too_much else [])
    for name, faults in {
        "clients and log agree on every request": books.clients_and_log(run.books, ledger, log),
        "log and counters agree": books.log_and_counters(log, samples),
        "the bytes of bodies add up": books.body_counters(log, samples),
        "connections add up": books.connection_counters(run.books, samples),
        "clients and pods agree": books.clients_and_pods(run.books, ledger),
        "endpoints and pods agree": books.endpoints_and_pods(run.books, ledger, samples),
        "searches and pods agree": books.searches_and_pods(
            run.books, ledger, samples, run.killed
        ),
        "sessions add up": books.session_counters(log, samples),
        "enough was done": books.too_little(
            run.books, samples, run.killed, full_minutes(options), set(WEIGHTS)
        ),
        "the proxy leaves as it should": leaves(run),
    }.items():
        verdict.check(name, faults)


def full_minutes(options: argparse.Namespace) -> float:
    """As many as would do as much at the default rate."""
    return options.minutes * min(1, options.rate / RATE)


def growth(minutes: float, requests: int) -> int:
    """Bytes that the memory may grow by; what is left of a leak in the noise of a short run."""
    return GROWTH if minutes < LONG else GROWTH_LONG + GROWTH_OF_REQUEST * requests


def leaves(run: Soak) -> Iterator[str]:
    try:
        run.proxy.stop()
    except AssertionError as fault:
        yield str(fault)
        return
    last = run.proxy.stderr.all[-1]
    if not last.endswith(" info stopped"):
        yield f"the last line is not `stopped`: {last}"


def summary(run: Soak, log: Log, samples: Samples) -> None:
    requests = run.books.requests.values()
    kinds = sorted({seen.kind for seen in requests})
    counts = ", ".join(f"{sum(s.kind == kind for s in requests)} {kind}" for kind in kinds)
    codes: Counter[int] = Counter()
    for (_, _, code), n in log.requests.items():
        codes[int(code)] += n
    errors = {word: n for (_, word), n in sorted(log.errors.items())}
    attempts = books.by_labels(samples, "ringside_recovery_attempts_total", "result")
    searches = {result: n for (result,), n in sorted(attempts.items())}
    print(f"{run.books.steps.total()} steps, {run.killed} pods killed")
    print(f"requests: {counts}")
    print(f"answers: {dict(sorted(codes.items()))}, failures: {errors}")
    print(f"attempts of searches: {searches}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1, help="of work (1; 20 on demand)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--rate", type=float, default=RATE, help="steps a second at most (240)")
    options = parser.parse_args()
    command = f"tests/soak/run --minutes {options.minutes:g} --seed {options.seed}"
    print(f"{command}, {FLAVOUR}, {BINARY}", flush=True)
    verdict = Verdict()
    with tempfile.TemporaryDirectory(prefix="ringside-soak-") as folder:
        run = Soak(options, Path(folder))
        try:
            soak(options, run, verdict)
        except AssertionError as fault:
            verdict.check("it runs to its end", [str(fault)])
        finally:
            run.close()
    print(f"{verdict.passed} passed, {verdict.failed} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
