"""The binary under test, as a process: started, watched, asked, and stopped.

Every log line is read as it is written, so that a test waits for a line and never for a time. At
the end the process must leave by SIGTERM with exit code 0, and must have said nothing that it
should not: no sanitizer report, no line that is not a log line, no error that was not expected.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness import metrics
from harness.deadlines import DEADLINE, SANITIZED, eventually
from harness.wire import Wire

_REPOSITORY = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("RINGSIDE", str(_REPOSITORY / "build" / "ringside"))

_LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|warning|error|critical) (.*)"
)
_READY = re.compile(r"ready( [a-z0-9_-]+=\S+)+")
_SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=99",
}


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The caller's own, and what makes a sanitizer heard, added to what it was told already."""
    result = {**os.environ, **(extra or {})}
    for name, value in _SANITIZER_OPTIONS.items():
        result[name] = ":".join(filter(None, (os.environ.get(name), value)))
    return result


def limit_open_files(most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def enough_open_files(wanted: int) -> Iterator[None]:
    """So many descriptors are there for the test, and as many for the proxy, which inherits the
    limit; a machine that grants fewer fails the test, for it would show nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        assert hard == resource.RLIM_INFINITY or hard >= wanted, (
            f"this test needs {wanted} descriptors, and the hard limit is {hard}: raise it, by "
            f"`ulimit -Hn {wanted}` as root, LimitNOFILE= or --ulimit nofile={wanted}"
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Lines:
    """The lines of one output of the process, in order, with waiting."""

    def __init__(self, pipe) -> None:
        self.all: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe) -> None:
        for line in pipe:
            with self._changed:
                self.all.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, wanted: Callable[[str], bool], what: str) -> str:
        def found() -> str | None:
            return next((line for line in self.all if wanted(line)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None or self._ended, DEADLINE)
            line = found()
        assert line is not None, f"no {what} in:\n" + "\n".join(self.all)
        return line

    def wait_count(self, count: int) -> list[str]:
        with self._changed:
            self._changed.wait_for(lambda: len(self.all) >= count or self._ended, DEADLINE)
            assert len(self.all) >= count, f"{len(self.all)} lines, wanted {count}: {self.all}"
            return list(self.all)

    def join(self) -> None:
        self._thread.join(DEADLINE)


class Ringside:
    def __init__(
        self,
        directory: Path,
        flags: Sequence[str],
        env: dict[str, str] | None = None,
        json_log: bool = False,
        open_files: int | None = None,
    ) -> None:
        self.directory = directory
        self.json_log = json_log
        self.expected_errors: list[str] = []  # patterns of error lines that the test provokes
        self.addresses: dict[str, tuple[str, int]] = {}
        self.wires: list[Wire] = []
        self._checked = False
        self.process = subprocess.Popen(
            [BINARY, *flags],
            cwd=directory,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=limit_open_files(open_files) if open_files else None,
        )
        self.stderr = Lines(self.process.stderr)
        self.stdout = Lines(self.process.stdout)

    def wait_ready(self) -> Ringside:
        if self.json_log:
            line = self.stderr.wait(lambda said: '"message":"ready"' in said, "ready line")
            record = json.loads(line)
            named = {k: v for k, v in record.items() if k not in ("time", "level", "message")}
        else:
            line = self.stderr.wait(
                lambda said: bool((m := _LOG_LINE.fullmatch(said)) and _READY.fullmatch(m[2])),
                "ready line",
            )
            named = dict(word.split("=", 1) for word in line.split(" ready ", 1)[1].split(" "))
        for name, address in named.items():
            if name != "workers":
                host, port = address.rsplit(":", 1)
                self.addresses[name] = (host.strip("[]"), int(port))
        return self

    # Talking to it

    def connect(self, listener: str = "mcp", receive_buffer: int | None = None) -> Wire:
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE)
        sock.connect(self.addresses[listener])
        self.wires.append(Wire(sock))
        return self.wires[-1]

    def admin(self, path: str, method: str = "GET"):
        wire = self.connect("admin")
        response = wire.exchange(method, path, {"Connection": "close"})
        wire.close()
        return response

    def metrics(self) -> metrics.Samples:
        response = self.admin("/metrics")
        assert response.status == 200
        return metrics.parse(response.body.decode())

    def clients(self) -> tuple[int, int]:
        """How many were accepted, and are there. One that has left may still be in the backlog, so
        that none is there says nothing before all were accepted."""
        samples = self.metrics()
        came = samples.sum("ringside_connections_total")
        return int(came), int(samples.sum("ringside_connections"))

    def expect_one_error(self, status: int, side: str, word: str) -> None:
        """One exchange has ended, so: log and counter say it."""
        (line,) = self.access_log(1)
        assert (line["status"], line["error_side"], line["error"]) == (str(status), side, word)
        name = "ringside_request_errors_total"
        eventually(lambda: self.metrics().sum(name) == 1, "one error is counted")
        assert self.metrics().sum(name, side=side, error=word) == 1

    def access_log(self, count: int) -> list[dict[str, str]]:
        """The first `count` exchanges of the access log (which the tests send to stdout)."""
        lines = self.stdout.wait_count(count)
        assert len(lines) == count, f"one line an exchange, {count} exchanges:\n" + "\n".join(lines)
        return [parse_access_line(line) for line in lines]

    def fence(self) -> None:
        """With one worker: returns when it has read what other connections sent before."""
        wire = self.connect()
        response = wire.exchange("OPTIONS", "*", {"Max-Forwards": "0"})  # its own to answer
        assert response.status == 204, response.start
        wire.close()

    def rss_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def cpu_seconds(self) -> float:
        """Spent so far, in user and system mode."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    # Ending it

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait_exit(self) -> int:
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError("still running:\n" + "\n".join(self.stderr.all)) from None
        self.stderr.join()
        self.stdout.join()
        return code

    def stop(self) -> None:
        """SIGTERM, exit 0, nothing unexpected said. Safe to call again."""
        for wire in self.wires:
            wire.close()
        if self._checked:
            self.kill()
            return
        self._checked = True
        try:
            if self.process.poll() is None:
                self.signal()
            code = self.wait_exit()
        finally:
            self.kill()
        self.check_said()
        assert code == 0, f"exit code {code}:\n" + "\n".join(self.stderr.all)

    def expect_exit(self, code: int) -> str:
        """The process ends, or was ended by the test, with this code; what it said on stderr."""
        self._checked = True
        seen = self.wait_exit()
        said = "\n".join(self.stderr.all)
        expect_no_report(said)
        assert seen == code, f"exit code {seen}:\n{said}"
        return said

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def check_said(self) -> None:
        for line in self.stderr.all:
            if self.json_log:
                record = json.loads(line)
                level, text = record["level"], line
            else:
                match = _LOG_LINE.fullmatch(line)
                assert match, "not a log line on stderr:\n" + "\n".join(self.stderr.all)
                level, text = match[1], match[2]
            expected = any(re.search(pattern, text) for pattern in self.expected_errors)
            assert level not in ("error", "critical") or expected, f"unexpected: {line}"


@contextmanager
def stopped(process: subprocess.Popen) -> Iterator[None]:
    """No thread of it runs in here; what comes meanwhile is all there when it goes on."""

    def state(task: Path) -> str:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]

    process.send_signal(signal.SIGSTOP)
    try:
        tasks = Path(f"/proc/{process.pid}/task")
        eventually(lambda: all(state(task) == "T" for task in tasks.iterdir()), "it has stopped")
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def expect_no_report(said: str) -> None:
    for sign in ("Sanitizer", "runtime error:"):
        assert sign not in said, said


def parse_access_line(line: str) -> dict[str, str]:
    if line.startswith("{"):
        return {key: str(value) for key, value in json.loads(line).items()}
    pairs = re.findall(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {key: value.strip('"') for key, value in pairs}


def run_once(
    *flags: str, cwd: Path, deadline: float = DEADLINE
) -> subprocess.CompletedProcess[str]:
    """Runs the binary to its end: for --check, --version, and starts that must fail."""
    return subprocess.run(
        [BINARY, *flags],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=deadline,
        check=False,
    )


def within(seconds: float) -> Callable[[], None]:
    """Starts a stopwatch; calling it asserts that no more than `seconds` have passed."""
    seconds *= 4 if SANITIZED else 1
    start = time.monotonic()

    def check() -> None:
        took = time.monotonic() - start
        assert took <= seconds, f"took {took:.3f} s, more than {seconds} s"

    return check
