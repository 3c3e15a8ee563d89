"""Three processes of one MCP server, as three pods of one service."""

import signal
from pathlib import Path

from support.places import DEADLINE, command
from support.processes import Process

# Every server SDK, by the module that uses it.
SERVERS = {
    "typescript_v1": "pods/typescript_v1.mjs",
    "typescript_v2": "pods/typescript_v2.mjs",
    "python_v1": "pods/python_v1.py",
    "python_v2": "pods/python_v2.py",
}
NAMES = ["a", "b", "c"]


class Pods:
    def __init__(self, module: str, logs: Path, names: list[str] = NAMES) -> None:
        self.module = module
        self.logs = logs
        self.processes = {name: self._spawn(name) for name in names}
        self.addresses = {name: self._address(name) for name in names}

    def _spawn(self, name: str, port: int = 0) -> Process:
        log = self.logs / f"{Path(self.module).stem}-{name}.log"
        return Process([*command(self.module), "--name", name, "--port", str(port)], log)

    def _address(self, name: str) -> str:
        return self.processes[name].wait_line(r"^listening (\S+)$", DEADLINE)[1]

    @property
    def upstreams(self) -> list[str]:
        return [part for address in self.addresses.values() for part in ("--upstream", address)]

    def kill(self, name: str) -> None:
        self.processes[name].end(signal.SIGKILL)

    def restart(self, name: str) -> None:
        """Starts a killed pod again at the same address, as a container that restarts inside its
        pod."""
        self.processes[name] = self._spawn(name, port=int(self.addresses[name].rsplit(":", 1)[1]))
        assert self._address(name) == self.addresses[name]

    def replace_all(self) -> None:
        """Every process is replaced by a new one at the same address, all at once."""
        for name in self.processes:
            self.kill(name)
        for name, address in self.addresses.items():
            self.processes[name] = self._spawn(name, port=int(address.rsplit(":", 1)[1]))
        assert {name: self._address(name) for name in self.processes} == self.addresses

    def stop(self) -> None:
        for process in self.processes.values():
            process.end(signal.SIGKILL)
