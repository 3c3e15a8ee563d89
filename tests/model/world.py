"""The processes of a run: pods, proxies, and the ledger of what the pods did."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from harness import yaml  # noqa: E402
from harness.deadlines import DEADLINE, eventually  # noqa: E402
from harness.process import Ringside  # noqa: E402
from harness.upstream import Port  # noqa: E402

import model  # noqa: E402

PROCESSED = ("call", "notification", "stream", "delete")
GAUGE_MAX = 1_000_000  # no run has as much of anything: more is a number that went below zero


@dataclass(frozen=True)
class Entry:
    pod: str
    incarnation: int
    kind: str
    session: str
    count: int


class Ledger:
    """What every pod process wrote, read as it grows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[tuple[str, int], tuple[Path, int]] = {}
        self._by_request: dict[str, list[Entry]] = defaultdict(list)
        self._calls: dict[str, int] = defaultdict(int)

    def path(self, pod: str, incarnation: int) -> Path:
        path = self._folder / f"{pod}-{incarnation}.ledger"
        with self._lock:
            self._files[pod, incarnation] = (path, 0)
        return path

    def of(self, request: str) -> list[Entry]:
        with self._lock:
            self._read()
            return list(self._by_request[request])

    def calls(self, session: str) -> int:
        with self._lock:
            self._read()
            return self._calls[session]

    def retire(self, pod: str, incarnation: int) -> None:
        """The process is gone: what it wrote last is read, and its file no more."""
        with self._lock:
            self._read()
            del self._files[pod, incarnation]

    def all(self) -> dict[str, list[Entry]]:
        with self._lock:
            self._read()
            return dict(self._by_request)

    def _read(self) -> None:
        for key, (path, offset) in self._files.items():
            if not path.exists() or path.stat().st_size == offset:
                continue
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._files[key] = (path, offset + len(whole))
            for line in whole.decode().splitlines():
                kind, request, session, count = line.split(" ")
                self._by_request[request].append(Entry(*key, kind, session, int(count)))
                self._calls[session] += kind == "call"


class PodProcess:
    def __init__(self, state: model.Pod, flavour: str, seed: int, ledger: Ledger) -> None:
        self.state = state
        self.port = Port()
        self._flavour = flavour
        self._seed = seed
        self._ledger = ledger
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        incarnation = self.state.incarnation + 1
        path = self._ledger.path(self.state.name, incarnation)
        arguments = (self.state.name, incarnation, self.port.number, self._flavour, self._seed)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", HERE / "pod.py", *map(str, arguments), path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        said = self._process.stdout.readline()
        assert said == b"ready\n", f"pod {self.state.name} did not start"

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._process = None
        self._ledger.retire(self.state.name, self.state.incarnation)

    def close(self) -> None:
        self.kill()
        self.port.close()


class ProxyProcess:
    """A proxy on a port that stays its own over restarts."""

    def __init__(self, state: model.Proxy, folder: Path, settings: dict) -> None:
        self.state = state
        self.started = 0.0
        self._folder = folder
        self._port = Port()
        self._folder.mkdir()
        listener = {
            "name": "mcp",
            "bind": self._port.address,
            "pool": "pods",
            "trusted_proxies": ["127.0.0.0/8"],
        }
        file = {
            "admin": {"bind": "127.0.0.1:0"},
            "shutdown": {"deadline": "200ms"},
            "listeners": [listener],
            **settings,
        }
        (folder / "ringside.yaml").write_text(yaml.dump(file) + "\n")
        self.start()

    def start(self) -> None:
        self.process = Ringside(self._folder, ["--config", "ringside.yaml"]).wait_ready()
        self.started = time.monotonic()

    def kill(self) -> None:
        self.process.kill()

    def ask_to_stop(self) -> None:
        """SIGTERM, and the end of the process."""
        if self.died():
            raise AssertionError(f"proxy {self.state.name} has died: {self.said()}")
        self.process.signal(signal.SIGTERM)
        self.process.wait_exit()

    def check_stopped(self) -> None:
        """It left with 0, complained of nothing, and said `stopped` last."""
        self.process.stop()
        last = self.process.stderr.all[-1]
        assert last.endswith(" info stopped"), f"the last line is not `stopped`: {last}"

    def close(self) -> None:
        self.process.kill()
        self._port.close()

    def said(self) -> str:
        return "\n".join(self.process.stderr.all[-15:])

    def died(self) -> bool:
        return self.process.process.poll() is not None

    def gauge(self, name: str, **labels: str) -> float:
        samples = self.process.metrics()
        for sample, has, value in samples.samples:
            if samples.types.get(sample) == "gauge" and sample.startswith("ringside_"):
                assert 0 <= value < GAUGE_MAX, f"{self.state.name}: {sample}{has} is {value}"
            assert value >= 0, f"{self.state.name}: {sample}{has} is {value}"
        return samples.sum(name, **labels)

    def wait_gauge(self, name: str, wanted: float, what: str, **labels: str) -> None:
        eventually(
            lambda: self.gauge(name, **labels) == wanted,
            f"{self.state.name}: {name}{labels or ''} is {wanted}, {what}; "
            f"it is {self.gauge(name, **labels)}",
        )


def settings(pods: list[PodProcess], affinity: dict, top: dict) -> dict:
    """The part of the file that two proxies share."""
    endpoints = [{"address": pod.port.address, "name": pod.state.name} for pod in pods]
    search = {"per_client": 100000, "share": "100%"}
    affinity = {"search": search, **affinity}
    pool = {"endpoints": endpoints, "affinity": affinity}
    return {"workers": 2, "log": {"level": "info"}, "pools": {"pods": pool}, **top}


__all__ = ["DEADLINE", "Entry", "Ledger", "PodProcess", "ProxyProcess", "eventually", "settings"]
