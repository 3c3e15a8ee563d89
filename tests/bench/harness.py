"""What the benchmarks share: building the tools, starting processes, reading what they cost.

Load goes to 127.0.0.1 only, ports are free ones, and only processes started here are ended.
"""
from __future__ import annotations

import collections
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Iterable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SKIPPED = 77  # exit status: this machine lacks something the measurement needs
DEADLINE_S = 20.0


class Unavailable(Exception):
    """The measurement cannot be made here; the text says what is missing."""


class Failed(Exception):
    """The measurement was made and something is wrong; the text says what."""


# --- tools ------------------------------------------------------------------
def tools(names: Iterable[str] = ("pods", "floor", "load")) -> Path:
    """Compiles what is missing or older than its source; says where the programs are."""
    where = Path(os.environ.get("RINGSIDE_BENCH_TOOLS", ROOT / "build" / "bench-tools"))
    where.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CXX") or next(
        (c for c in ("g++", "c++", "clang++", "clang++-19") if shutil.which(c)), None)
    running = []
    for name in names:
        source = HERE / f"{name}.cpp"
        target = where / (f"{name}.so" if name.startswith("count_") else name)
        newest = max(f.stat().st_mtime for f in (source, HERE / "loopback.h"))
        if target.exists() and target.stat().st_mtime > newest:
            continue
        if compiler is None:
            raise Unavailable("no C++ compiler (deploy/deps installs one)")
        extra = ["-shared", "-fPIC", "-fno-builtin"] if target.suffix == ".so" else []
        fresh = target.with_suffix(f".{os.getpid()}")
        command = [compiler, "-std=c++20", "-O2", "-Wall", "-Wextra", *extra, "-o", str(fresh),
                   str(source)]
        running.append((subprocess.Popen(command), fresh, target))
    for process, fresh, target in running:
        if process.wait() != 0:
            raise Failed(f"{target.name} does not compile")
        fresh.replace(target)
    return where


def ringside_binary() -> Path:
    path = Path(os.environ.get("RINGSIDE", ROOT / "build" / "ringside"))
    if not os.access(path, os.X_OK):
        raise Unavailable(f"{path} is not there: build it first (cmake --preset release, "
                          "cmake --build --preset release), or set RINGSIDE")
    return path.resolve()


def raise_descriptor_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


# --- processes --------------------------------------------------------------
class Process:
    """A program in the foreground, on given cores, whose output is kept for when it fails."""

    def __init__(self, command: list[str], cores: set[int] | None = None,
                 env: dict[str, str] | None = None, stdin: bool = False) -> None:
        self.command = command
        pinned = ["taskset", "-c", ",".join(map(str, cores))] if cores else []
        self.popen = subprocess.Popen(
            pinned + command, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **(env or {})})
        self.pid = self.popen.pid
        self.lines: collections.deque[str] = collections.deque(maxlen=200)
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        for line in self.popen.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for_line(self, pattern: str, deadline_s: float = DEADLINE_S) -> re.Match[str]:
        """The first line that matches; lines up to it are dropped."""
        end = time.monotonic() + deadline_s
        passed: list[str] = []
        with self._news:
            while True:
                while self.lines:
                    passed.append(self.lines.popleft())
                    if found := re.search(pattern, passed[-1]):
                        return found
                if self._ended or not self._news.wait(max(0.0, end - time.monotonic())):
                    why = "it ended" if self._ended else f"nothing of the kind in {deadline_s:g} s"
                    said = "".join(f"\n    {line}" for line in passed[-10:])
                    raise Failed(f"{' '.join(self.command)}: waited for '{pattern}': {why}{said}")

    def wait_for_port(self, port: int) -> None:
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.popen.poll() is not None or time.monotonic() > end:
                    said = "\n".join(self.lines)
                    raise Failed(f"{self.command[0]} does not listen on {port}:\n{said}") from None
                time.sleep(0.005)

    def stop(self) -> int:
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()
        finally:
            self._reader.join(2)


class Pods(Process):
    """The stand-in MCP servers (pods.cpp)."""

    def __init__(self, where: Path, cores: set[int] | None = None, *flags: str) -> None:
        super().__init__([str(where / "pods"), *flags], cores)
        self.ports = [int(p) for p in self.wait_for_line(r"^ready (.*)")[1].split()]

    def counts(self) -> dict[str, int]:
        with socket.create_connection(("127.0.0.1", self.ports[0]), 5) as peer:
            peer.sendall(b"GET /counts HTTP/1.1\r\nhost: pods\r\n\r\n")
            text = b""
            while not text.endswith(b"}"):
                got = peer.recv(4096)
                if not got:
                    raise Failed("the pods closed the connection")
                text += got
        return json.loads(text[text.index(b"{"):])

    def wait_until_streams(self, wanted: int, deadline_s: float) -> int:
        """Waits for so many open streams, at most; returns how many there are."""
        end = time.monotonic() + deadline_s
        while (now := self.counts()["streams"]) > wanted and time.monotonic() < end:
            time.sleep(0.02)
        return now


class Load(Process):
    """The load generator (load.cpp): a command in, a line of JSON out."""

    def __init__(self, where: Path, port: int, cores: set[int] | None = None, *,
                 connections: int = 64, pin: bool = False) -> None:
        command = [str(where / "load"), "--target", f"127.0.0.1:{port}",
                   "--connections", str(connections)]
        super().__init__(command + (["--pin"] if pin else []), cores, stdin=True)
        self.totals: collections.Counter[str] = collections.Counter()

    def do(self, command: str, deadline_s: float = 120.0) -> dict:
        self.popen.stdin.write(command + "\n")
        self.popen.stdin.flush()
        answer = json.loads(self.wait_for_line(r"^\{.*\}$", deadline_s)[0])
        for key in ("done", "status", "wrong_pod", "wrong_id", "broken", "reconnects"):
            self.totals[key] += answer[key]
        if answer["stalled"]:
            raise Failed(f"'{command}' stalled: {answer}")
        return answer

    def faults(self) -> dict[str, int]:
        return {k: self.totals[k] for k in ("status", "wrong_pod", "wrong_id", "broken")
                if self.totals[k]}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- what a process costs ---------------------------------------------------
def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process, user and system."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise Failed(f"no Rss of {pid}")


def machine_s() -> tuple[float, float]:
    """CPU time since the machine started: at work, and stolen by the host of a virtual machine."""
    user, nice, system, _, _, irq, softirq, steal, *_ = (
        int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


# --- tables -----------------------------------------------------------------
def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns line up in a terminal too."""
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    line = lambda cells: "| " + " | ".join(  # noqa: E731
        c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":"
                          for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *(line(r) for r in rows)])


def machine() -> str:
    model = next((l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines()
                  if l.startswith("model name")), "unknown processor")
    return f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}"


def main(run: Callable[[], int]) -> None:
    """Runs a script's main function and turns its exceptions into a line and an exit status."""
    raise_descriptor_limit()
    try:
        status = run()
    except Unavailable as why:
        print(f"skipped: {why}")
        status = SKIPPED
    except Failed as why:
        print(f"failed: {why}")
        status = 1
    sys.exit(status)
