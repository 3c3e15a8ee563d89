"""A Ringside that may be killed and started again at the same address."""

import json
import re
import signal
from pathlib import Path
from typing import Any

from support.places import DEADLINE, RINGSIDE
from support.pods import Pods
from support.processes import Process
from support.proxies import SANITIZER_WORDS


class Sidecar:
    def __init__(self, pods: Pods, affinity: dict[str, Any], log: Path) -> None:
        self.pods = pods
        self.affinity = affinity
        self.log = log
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        """At a free port the first time, and at the same one from then on."""
        file = self.log.with_suffix(".yaml")
        file.write_text(self._configuration())
        command = [RINGSIDE, "--config", file]
        self.process = Process(command, self.log, watch="stderr")
        ready = self.process.wait_line(r"\bready\b.*", DEADLINE)[0]
        self.address = re.search(r"\bmcp=(\S+)", ready)[1]

    def _configuration(self) -> str:
        """JSON is YAML, too."""
        endpoints = [{"address": at, "name": name} for name, at in self.pods.addresses.items()]
        return json.dumps(
            {
                "workers": 2,
                "listeners": [{"name": "mcp", "bind": self.address, "pool": "pods"}],
                "pools": {"pods": {"endpoints": endpoints, "affinity": self.affinity}},
            }
        )

    @property
    def url(self) -> str:
        return f"http://{self.address}/mcp"

    def kill(self) -> None:
        """Without a chance to save anything or to say goodbye."""
        self.process.end(signal.SIGKILL)
        self._expect_no_fault()

    def stop(self) -> None:
        """As an operator would."""
        assert self.process.end(deadline=DEADLINE) == 0, self.process.output()
        self._expect_no_fault()

    def _expect_no_fault(self) -> None:
        said = "".join(self.process.heard)
        assert not any(word in said for word in SANITIZER_WORDS), self.process.output()

    def __enter__(self) -> "Sidecar":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind:
            self.process.end(signal.SIGKILL)
        else:
            self.stop()
