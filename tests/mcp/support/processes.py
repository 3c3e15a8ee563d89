"""Child processes: started, watched for a line that says they are up, and always ended."""

import queue
import re
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType


class Process:
    """A child whose one stream is read line by line (`watch`: stdout or stderr); the other goes to
    a log file."""

    def __init__(
        self, command: list[str | Path], log: Path, watch: str = "stdout", feed: bool = False
    ) -> None:
        self.name = Path(command[0]).name + " " + " ".join(Path(str(c)).name for c in command[1:3])
        self.log = log
        with log.open("ab") as rest:
            streams = {"stdout": rest, "stderr": rest} | {watch: subprocess.PIPE}
            stdin = subprocess.PIPE if feed else subprocess.DEVNULL
            self.child = subprocess.Popen(
                [str(part) for part in command], stdin=stdin, text=True, **streams
            )
        self.pid = self.child.pid
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.heard: list[str] = []
        self.reader = threading.Thread(
            target=self._read, args=(getattr(self.child, watch),), daemon=True
        )
        self.reader.start()

    def _read(self, stream) -> None:
        for line in stream:
            self.heard.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def wait_line(self, pattern: str, deadline: float) -> re.Match[str]:
        """The first line from now on that has `pattern`. `deadline`: seconds of silence that are
        too many."""
        while True:
            try:
                line = self.lines.get(timeout=deadline)
            except queue.Empty:
                raise AssertionError(
                    f"{self.name}: no line with {pattern!r} in {deadline} s"
                ) from None
            if line is None:
                raise AssertionError(f"{self.name} ended ({self.child.wait()}):\n{self.output()}")
            if found := re.search(pattern, line):
                return found

    def say(self, line: str) -> None:
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def output(self) -> str:
        return ("".join(self.heard) + self.log.read_text(errors="replace"))[-4000:]

    def end(self, sign: signal.Signals = signal.SIGTERM, deadline: float = 20) -> int:
        """Signals the child, unless it has ended, and returns its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(sign)
        try:
            code = self.child.wait(deadline)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(
                f"{self.name}: still running {deadline} s after {sign.name}"
            ) from None
        finally:
            self.reader.join(5)
        return code

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(signal.SIGKILL)
