"""What every request came to, as its client saw it; and whether log, counters and pods agree."""

from __future__ import annotations

import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model"))

from harness.metrics import Samples  # noqa: E402
from harness.process import parse_access_line  # noqa: E402
from world import PROCESSED, Entry  # noqa: E402

SHOWN = 5  # of the faults of one kind

Line = tuple[int, int, int]  # of the log: status, bytes of the request's body and of the response's


@dataclass(slots=True)
class Seen:
    """A request, as its client saw it."""

    kind: str
    path: str
    sent: int = 0  # bytes of the body
    status: int | None = None  # None: it did not stay for the answer
    received: int | None = None  # bytes of the body; None: it did not stay for the end
    pod: str | None = None  # who answered; None: the proxy, or nobody
    cut: bool = False  # the proxy, or the pod, has ended the connection


class Books:
    def __init__(self) -> None:
        self.requests: dict[str, Seen] = {}  # by name; each is written by one thread
        self.refused: Counter[int] = Counter()  # hostile bytes, by status
        self.connections = 0
        self.violations: list[str] = []
        self._lock = threading.Lock()

    def count_connection(self) -> None:
        with self._lock:
            self.connections += 1

    def count_refusal(self, status: int) -> None:
        with self._lock:
            self.refused[status] += 1


class Log:
    """The access log: a line an exchange."""

    def __init__(self, path: Path) -> None:
        self.by_path: dict[str, list[Line]] = defaultdict(list)
        self.strangers: Counter[int] = Counter()  # by status: of bytes that are no request
        self.codes: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.request_bytes = self.response_bytes = self.lines = 0
        with path.open() as file:
            for line in file:
                self._read(parse_access_line(line))

    def _read(self, line: dict[str, str]) -> None:
        status, sent = int(line["status"]), int(line["request_bytes"])
        received = int(line["response_bytes"])
        self.lines += 1
        self.codes[status] += 1
        self.request_bytes += sent
        self.response_bytes += received
        if line["error"] != "-":
            self.errors[line["error"]] += 1
        if line["path"].startswith("/mcp/"):
            self.by_path[line["path"]].append((status, sent, received))
        else:
            self.strangers[status] += 1


def by_label(samples: Samples, family: str, label: str) -> Counter:
    out: Counter = Counter()
    for name, labels, value in samples.samples:
        if name == family and value:
            out[labels[label]] += int(value)
    return out


# Each yields what does not add up.


def clients_and_log(books: Books, log: Log) -> Iterator[str]:
    """Each answer is one line that says the same, each line one request."""
    paths: dict[str, list[Seen]] = defaultdict(list)
    for seen in books.requests.values():
        paths[seen.path].append(seen)
    for path, requests in paths.items():
        yield from _compared(path, requests, list(log.by_path.get(path, [])))
    for path in log.by_path.keys() - paths.keys():
        yield f"nobody asked {path}"
    if log.strangers != books.refused:
        yield f"refused, by status: clients saw {books.refused}, the log has {log.strangers}"


def _compared(path: str, requests: list[Seen], lines: list[Line]) -> Iterator[str]:
    """Those who know most of their answer choose their line first."""
    aborted = sum(seen.status is None for seen in requests)
    for seen in sorted(requests, key=lambda seen: seen.received is None):
        if seen.status is None:
            continue
        line = next((line for line in lines if _same(seen, line)), None)
        if line is None:
            yield f"{path} {seen}: not in the log, which has {lines}"
        else:
            lines.remove(line)
    if len(lines) > aborted:
        yield f"{path}: {aborted} requests were aborted, but in the log are {lines}, too"


def _same(seen: Seen, line: Line) -> bool:
    status, sent, received = line
    return (status, sent) == (seen.status, seen.sent) and seen.received in (None, received)


def log_and_counters(log: Log, samples: Samples) -> Iterator[str]:
    """Requests by status, failures by their word."""
    codes = by_label(samples, "ringside_requests_total", "code")
    if codes != (wanted := Counter({str(code): n for code, n in log.codes.items()})):
        yield f"requests by code: metrics {codes}, log {wanted}"
    errors = by_label(samples, "ringside_request_errors_total", "error")
    if errors != log.errors:
        yield f"failures: metrics {errors}, log {log.errors}"
    if lost := samples.sum("ringside_access_log_dropped_total"):
        yield f"{lost:.0f} lines of the log were dropped"


def body_counters(log: Log, samples: Samples) -> Iterator[str]:
    for family, wanted in (
        ("ringside_request_body_bytes_total", log.request_bytes),
        ("ringside_response_body_bytes_total", log.response_bytes),
    ):
        if (counted := int(samples.sum(family))) != wanted:
            yield f"{family} is {counted}, the log has {wanted}"


def connection_counters(books: Books, samples: Samples) -> Iterator[str]:
    counted = samples.sum("ringside_connections_total", listener="mcp")
    if counted != books.connections:
        yield f"ringside_connections_total is {counted:.0f}, clients made {books.connections}"
    if refused := samples.sum("ringside_connections_refused_total"):
        yield f"{refused:.0f} connections were refused"


def silent(samples: Samples) -> int:
    """Attempts of searches that took a pod for the owner since it was slow.

    When it refuses after all, the session is searched for anew: other pods may be asked once more.
    """
    return int(samples.sum("ringside_recovery_attempts_total", result="silent"))


def clients_and_pods(
    books: Books, ledger: dict[str, list[Entry]], samples: Samples
) -> Iterator[str]:
    """What a pod did for a request it did once, and its client was told so."""
    asked_twice: list[str] = []
    for name, seen in books.requests.items():
        entries = ledger.get(name, [])
        done = [e for e in entries if e.kind in (*PROCESSED, "initialize")]
        processes = [(e.pod, e.incarnation) for e in entries if e.kind == "refused"]
        if len(processes) != len(set(processes)):
            asked_twice.append(f"{name} {seen}: one process refused it twice: {entries}")
        if len(done) > 1:
            yield f"{name} {seen}: done twice: {entries}"
        elif seen.status is None:
            continue
        elif seen.pod is None and seen.status not in (0, 502) and done:
            yield f"{name} {seen}: refused by the proxy, but done: {entries}"
        elif seen.pod is not None and not any(e.pod == seen.pod for e in entries):
            yield f"{name} {seen}: that pod knows nothing of it: {entries}"
        elif seen.pod is not None and seen.status < 300 and not done:
            yield f"{name} {seen}: nothing was done: {entries}"
    for name in ledger.keys() - books.requests.keys():
        yield f"nobody asked {name}: {ledger[name]}"
    if len(asked_twice) > silent(samples):
        yield from asked_twice


def searches_and_pods(
    books: Books, ledger: dict[str, list[Entry]], samples: Samples
) -> Iterator[str]:
    """A refusal that no client was shown was an attempt of a search, and the other way round."""
    hidden = of_aborted = 0
    for name, entries in ledger.items():
        refused = [entry for entry in entries if entry.kind == "refused"]
        seen = books.requests.get(name)
        if seen is None or seen.status is None:
            of_aborted += len(refused)
        else:
            shown = seen.status >= 400 and any(entry.pod == seen.pod for entry in refused)
            hidden += len(refused) - shown
    counted = samples.sum("ringside_recovery_attempts_total", result="unknown")
    least, most = hidden - silent(samples), hidden + of_aborted
    if not least <= counted <= most:
        yield f"{counted:.0f} attempts met a refusal; pods refused {least} to {most}"


def session_counters(samples: Samples) -> Iterator[str]:
    """With none left, as many bindings have ended as were made.

    What a search found by a GET, or by silence, is taken back uncounted when it proves wrong.
    """
    learned = samples.sum("ringside_sessions_learned_total")
    ended = samples.sum("ringside_sessions_lost_total")
    ended += samples.sum("ringside_sessions_evicted_total")
    found = samples.sum("ringside_recovery_attempts_total", result="found")
    if not ended <= learned <= ended + found + silent(samples):
        yield f"{learned:.0f} sessions were learned, {ended:.0f} have ended, {found:.0f} were found"
