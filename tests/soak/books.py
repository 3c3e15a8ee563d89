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

LARGE = 50_000  # bytes of an answer that is not sent at once
FLOORS = {  # a minute, at the default rate: a tenth of what is usual, for slow machines
    "sessions": 200,
    "calls": 500,
    "notifications": 60,
    "deletes": 100,
    "pipelined calls": 100,
    "streams": 60,
    "tunnels": 40,
    "large answers": 25,
    "made-up ids": 10,
    "aborted requests in the log": 30,
    "refusals of hostile bytes": 20,
    "refusals met by searches": 50,
    "killed pods": 2,
}
ANSWERED = {101, 200, 202, 204}
METHODS = {"stream": "GET", "tunnel": "GET", "delete": "DELETE"}  # by kind; POST of others
OWN = {0, 502, 503}  # statuses that no pod gave
SEARCHED = {"ring", "recovery"}  # how a session is picked that nobody knew


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of the access log says."""

    method: str
    status: int
    sent: int
    received: int
    endpoint: str
    picked_by: str
    error: str

    @property
    def is_of_pod(self) -> bool:
        """The status came from a pod, whatever became of the rest."""
        return self.status > 0 and self.endpoint != "-" and (self.error == "-" or self.status < 300)

    @property
    def is_doubtful(self) -> bool:
        """A search has found the session by an answer that proves little."""
        proves_little = {"GET": (101, 200), "POST": (202,)}
        return self.picked_by in SEARCHED and self.status in proves_little.get(self.method, ())


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
    must_arrive: bool = False  # it left in good order behind a whole head
    line: Line | None = None  # of the log, once it is found


class Books:
    def __init__(self) -> None:
        self.requests: dict[str, Seen] = {}  # by name; each is written by one thread
        self.refused: Counter[int] = Counter()  # hostile bytes, by status
        self.steps: Counter[str] = Counter()
        self.connections = 0
        self.violations: list[str] = []
        self._lock = threading.Lock()

    def count_connection(self) -> None:
        with self._lock:
            self.connections += 1

    def count_step(self, name: str) -> None:
        with self._lock:
            self.steps[name] += 1

    def count_refusal(self, status: int) -> None:
        with self._lock:
            self.refused[status] += 1


class Log:
    """The access log: a line an exchange."""

    def __init__(self, path: Path) -> None:
        self.by_path: dict[str, list[Line]] = defaultdict(list)
        self.strangers: Counter[int] = Counter()  # by status: of bytes that are no request
        self.requests: Counter[tuple[str, str, str]] = Counter()  # by endpoint, picked_by, status
        self.errors: Counter[tuple[str, str]] = Counter()  # by side, word
        self.doubtful = 0
        self.request_bytes = self.response_bytes = self.failed = 0
        with path.open() as file:
            for line in file:
                self._read(parse_access_line(line))

    def _read(self, said: dict[str, str]) -> None:
        line = Line(
            said["method"],
            int(said["status"]),
            int(said["request_bytes"]),
            int(said["response_bytes"]),
            said["endpoint"],
            said["picked_by"],
            said["error"],
        )
        self.requests[line.endpoint, line.picked_by, said["status"]] += 1
        self.request_bytes += line.sent
        self.response_bytes += line.received
        self.doubtful += line.is_doubtful
        if line.error != "-":
            self.failed += 1
            self.errors[said["error_side"], line.error] += 1
        if said["path"].startswith("/mcp/"):
            self.by_path[said["path"]].append(line)
        else:
            self.strangers[line.status] += 1


def by_labels(samples: Samples, family: str, *names: str) -> Counter[tuple[str, ...]]:
    out: Counter[tuple[str, ...]] = Counter()
    for name, labels, value in samples.samples:
        if name == family and value:
            out[tuple(labels[name] for name in names)] += int(value)
    return out


def asked(entries: list[Entry]) -> list[Entry]:
    """Without the notes that a stream has ended."""
    return [entry for entry in entries if entry.kind != "closed"]


def done(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.kind in (*PROCESSED, "initialize", "tunnel")]


def refused(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.kind == "refused"]


# Each yields what does not add up.


def clients_and_log(books: Books, ledger: dict[str, list[Entry]], log: Log) -> Iterator[str]:
    """Each answer is one line that says the same, each line one request.

    So is each request that a pod has seen, whether its client stayed or not.
    """
    paths: dict[str, list[tuple[Seen, list[Entry]]]] = defaultdict(list)
    for name, seen in books.requests.items():
        paths[seen.path].append((seen, ledger.get(name, [])))
    for path, requests in paths.items():
        yield from _matched(path, requests, list(log.by_path.get(path, [])))
    for path in log.by_path.keys() - paths.keys():
        yield f"nobody asked {path}"
    if log.strangers != books.refused:
        yield f"refused, by status: clients saw {books.refused}, the log has {log.strangers}"


def _matched(
    path: str, requests: list[tuple[Seen, list[Entry]]], lines: list[Line]
) -> Iterator[str]:
    """Those of whom most is known choose their line first; what is left is of who left unseen."""

    def unknown(request: tuple[Seen, list[Entry]]) -> tuple:
        seen, entries = request
        left = seen.status is None
        return left, seen.received is None, not entries, not seen.must_arrive, seen.sent

    lines.sort(key=lambda line: line.sent, reverse=True)  # the one that it just may have
    for seen, entries in sorted(requests, key=unknown):
        seen.line = next((line for line in lines if _same(seen, entries, line)), None)
        if seen.line is not None:
            lines.remove(seen.line)
        elif seen.status is not None or entries or seen.must_arrive:
            yield f"{path} {seen}, {entries}: not in the log, which has {lines}"
    if lines:
        yield f"{path}: in the log are {lines}, too"


def _same(seen: Seen, entries: list[Entry], line: Line) -> bool:
    if line.method != METHODS.get(seen.kind, "POST"):
        return False
    by = {entry.pod for entry in done(entries)}
    # a DELETE goes on to the next pod when one breaks off
    if by and seen.kind != "delete" and line.endpoint not in by:
        return False
    if seen.status is None:
        return line.sent == seen.sent if entries else line.sent <= seen.sent
    if line.status != seen.status or line.sent > seen.sent:
        return False
    is_whole = seen.kind != "tunnel" or not seen.cut
    if is_whole and line.sent != seen.sent:
        return False
    if line.is_of_pod != (seen.pod is not None):
        return False
    # of the answers to a DELETE that asked all of them, or of several refusals, one is the best
    is_best = line.picked_by == "recovery" and (seen.kind == "delete" or seen.status == 405)
    if seen.pod is not None and not is_best and line.endpoint != seen.pod:
        return False
    return seen.received in (None, line.received)


def log_and_counters(log: Log, samples: Samples) -> Iterator[str]:
    """Requests by endpoint, choice and status, failures by their side and word."""
    requests = by_labels(samples, "ringside_requests_total", "endpoint", "picked_by", "code")
    for labels in sorted(requests.keys() | log.requests.keys()):
        if (counted := requests[labels]) != (wanted := log.requests[labels]):
            yield f"requests {labels}: metrics {counted}, log {wanted}"
    errors = by_labels(samples, "ringside_request_errors_total", "side", "error")
    for labels in sorted(errors.keys() | log.errors.keys()):
        if (counted := errors[labels]) != (wanted := log.errors[labels]):
            yield f"failures {labels}: metrics {counted}, log {wanted}"
    if (counted := samples.sum("ringside_request_errors_total")) != log.failed:
        yield f"{counted:.0f} failures were counted, {log.failed} lines of the log have one"
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


def clients_and_pods(books: Books, ledger: dict[str, list[Entry]]) -> Iterator[str]:
    """What a pod did for a request it did once, and its client was told so."""
    for name, seen in books.requests.items():
        entries = ledger.get(name, [])
        processes = [(e.pod, e.incarnation) for e in refused(entries)]
        if len(processes) != len(set(processes)):
            yield f"{name} {seen}: one process refused it twice: {entries}"
        if len(done(entries)) > 1:
            yield f"{name} {seen}: done twice: {entries}"
        elif seen.status is None:
            continue
        elif seen.pod is None and seen.status not in (0, 502) and done(entries):
            yield f"{name} {seen}: refused by the proxy, but done: {entries}"
        elif seen.pod is not None and not any(e.pod == seen.pod for e in entries):
            yield f"{name} {seen}: that pod knows nothing of it: {entries}"
        elif seen.pod is not None and seen.status < 300 and not done(entries):
            yield f"{name} {seen}: nothing was done: {entries}"
    for name in ledger.keys() - books.requests.keys():
        yield f"nobody asked {name}: {ledger[name]}"


def endpoints_and_pods(
    books: Books, ledger: dict[str, list[Entry]], samples: Samples
) -> Iterator[str]:
    """Each pod answered as many requests as are counted for it.

    It may have answered one whose client did not stay, too.
    """
    counted: Counter[str] = Counter()
    for (endpoint, code), n in by_labels(
        samples, "ringside_requests_total", "endpoint", "code"
    ).items():
        if int(code) not in OWN:
            counted[endpoint] += n
    answered: Counter[str] = Counter()
    unseen: Counter[str] = Counter()
    for name, seen in books.requests.items():
        line = seen.line
        if line is not None and line.status not in OWN and not line.is_of_pod:
            counted[line.endpoint] -= 1  # the proxy's word, after it had asked there
        if seen.status is None:
            unseen.update({entry.pod for entry in ledger.get(name, [])})
        elif seen.pod is not None and seen.status not in OWN:
            answered[seen.pod] += 1
            if line is not None and line.endpoint != seen.pod:  # which was asked last
                counted[line.endpoint] -= 1
                counted[seen.pod] += 1
    for pod in sorted((answered.keys() | counted.keys()) - {"-"}):
        least, most = answered[pod], answered[pod] + unseen[pod]
        if not least <= counted[pod] <= most:
            yield f"pod {pod} answered {least} to {most} requests, counted are {counted[pod]}"


def searches_and_pods(
    books: Books, ledger: dict[str, list[Entry]], samples: Samples, killed: int
) -> Iterator[str]:
    """A refusal that was not its client's answer was an attempt of a search, and the reverse.

    Not counted are: the second thoughts of who was taken for the owner since it was slow, or by an
    answer that proves little; and what a pod refused to a DELETE when it was killed.
    """
    hidden = of_unseen = of_doubtful = of_deletes = 0
    doubtful = {
        seen.path for seen in books.requests.values() if seen.line and seen.line.is_doubtful
    }
    for name, entries in ledger.items():
        refusals, seen = refused(entries), books.requests.get(name)
        if not refusals or seen is None:
            continue
        if seen.status in (None, 502) or seen.line is None:
            of_unseen += len(refusals)
            continue
        is_answer = seen.pod is not None and seen.line.picked_by not in SEARCHED
        hidden += len(refusals) - is_answer
        of_doubtful += len(refusals) if seen.path in doubtful else 0
        of_deletes += len(refusals) if seen.kind == "delete" else 0
    counted = samples.sum("ringside_recovery_attempts_total", result="unknown")
    uncounted = silent(samples) + of_doubtful + min(killed, of_deletes)
    least, most = hidden - uncounted, hidden + of_unseen
    if not least <= counted <= most:
        yield f"{counted:.0f} attempts met a refusal; pods refused {least} to {most}"


def silent(samples: Samples) -> int:
    """Attempts of searches that took a pod for the owner since it was slow."""
    return int(samples.sum("ringside_recovery_attempts_total", result="silent"))


def session_counters(log: Log, samples: Samples) -> Iterator[str]:
    """With none left, as many bindings have ended as were made.

    What a search found by silence, or by an answer that proves little, is taken back uncounted when
    it proves wrong.
    """
    learned = samples.sum("ringside_sessions_learned_total")
    ended = samples.sum("ringside_sessions_lost_total")
    ended += samples.sum("ringside_sessions_evicted_total")
    doubtful = log.doubtful + silent(samples)
    if not ended <= learned <= ended + doubtful:
        yield f"{learned:.0f} sessions were learned, {ended:.0f} have ended, {doubtful} in doubt"


def too_little(
    books: Books, samples: Samples, killed: int, minutes: float, steps: set[str]
) -> Iterator[str]:
    """The run did enough to mean something: a proxy that refuses everybody breaks no promise."""
    requests = books.requests.values()
    met = int(samples.sum("ringside_recovery_attempts_total", result="unknown"))
    answers = Counter(seen.kind for seen in requests if seen.status in ANSWERED)
    did = {
        "sessions": answers["initialize"],
        "calls": answers["call"],
        "notifications": answers["notification"],
        "deletes": answers["delete"],
        "pipelined calls": answers["pipelined"],
        "streams": answers["stream"],
        "tunnels": answers["tunnel"],
        "large answers": sum((seen.received or 0) > LARGE for seen in requests),
        "made-up ids": sum(seen.kind == "made up" and seen.status == 404 for seen in requests),
        "aborted requests in the log": sum(
            seen.kind == "aborted" and seen.line is not None for seen in requests
        ),
        "refusals of hostile bytes": sum(books.refused.values()),
        "refusals met by searches": met,
        "killed pods": killed,
    }
    for what, n in did.items():
        if n < (floor := int(FLOORS[what] * minutes)):
            yield f"{n} {what}, fewer than {floor}"
    for step in sorted(steps - books.steps.keys()):
        yield f"nobody did this: {step}"
