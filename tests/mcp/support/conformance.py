"""Runs of the official conformance suite, and their results in a form that two runs can be compared
by."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.places import DEADLINE, INSTALLED

# Name of a run -> what the command line needs: the released suite, and the pre-release with both
# eras.
RUNS = {
    "release": ["@modelcontextprotocol/conformance", "--suite", "all"],
    "2025-11-25": ["conformance-next", "--requirements", "2025-11-25"],
    "2026-07-28": ["conformance-next", "--requirements", "2026-07-28"],
}


@dataclass
class Results:
    summary: dict[str, str]  # scenario -> "✓ 3 passed, 0 failed"
    checks: dict[str, list[str]]  # scenario -> every check of it with its status, sorted

    def failed(self) -> set[str]:
        return {scenario for scenario, line in self.summary.items() if line.startswith("✗")}


class Suite:
    """A run in the background."""

    def __init__(self, run: str, address: str, folder: Path) -> None:
        package, *arguments = RUNS[run]
        program = INSTALLED / "node_modules" / package / "dist" / "index.js"
        command = [
            INSTALLED / "node",
            program,
            "server",
            "--url",
            f"http://{address}/mcp",
            *arguments,
        ]
        self.folder = folder
        self.child = subprocess.Popen(
            [*command, "-o", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def results(self) -> Results:
        try:
            output, _ = self.child.communicate(timeout=4 * DEADLINE)
        finally:
            self.child.kill()
        lines = re.findall(r"^([✓✗]) (\S+): (\d+ passed, \d+ failed)$", output, re.MULTILINE)
        assert lines, output[-2000:]
        return Results(
            {name: f"{mark} {rest}" for mark, name, rest in lines},
            dict(map(self._checks, self._files())),
        )

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*/checks.json"))

    @staticmethod
    def _checks(file: Path) -> tuple[str, list[str]]:
        """The folder's name is the scenario's and a time; "INFO" is what was said, not a check."""
        scenario = re.sub(r"-\d{4}-\d\d-\d\dT[-\dZ]+$", "", file.parent.name)
        checks = [f"{check['id']}: {check['status']}" for check in json.loads(file.read_text())]
        return scenario, sorted(check for check in checks if not check.endswith(": INFO"))
