"""What stands between clients and pods: Ringside, or a plain balancer to compare with."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from support.places import DEADLINE, RINGSIDE, command
from support.pods import Pods
from support.processes import Process

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")


@contextlib.contextmanager
def ringside(arguments: list[str | Path], log: Path) -> Iterator[dict[str, str]]:
    """A running Ringside, by the addresses it says it listens on. Leaving stops it as an operator
    would, and expects that it exits 0 and that no sanitizer said anything."""
    with Process([RINGSIDE, *arguments], log, watch="stderr") as process:
        ready = process.wait_line(r"\bready\b.*", DEADLINE)[0]
        yield dict(re.findall(r"(\w+)=(\S+)", ready))
        code = process.end(deadline=DEADLINE)
        said = "".join(process.heard)
        assert code == 0, f"exit code {code}:\n{process.output()}"
        assert not any(word in said for word in SANITIZER_WORDS), process.output()


@contextlib.contextmanager
def ringside_before(pods: Pods, log: Path) -> Iterator[str]:
    """Ringside with two workers before these pods, by its address."""
    with ringside(["--listen", "127.0.0.1:0", *pods.upstreams, "--workers", "2"], log) as addresses:
        yield addresses["mcp"]


@contextlib.contextmanager
def plain_balancer(policy: str, pods: Pods, log: Path, first: int = 0) -> Iterator[str]:
    """policy: round_robin, hash or client_ip. first: the pod whose turn is the first, by number."""
    upstreams = pods.upstreams[2 * first :] + pods.upstreams[: 2 * first]
    with Process([*command("plain_proxy.py"), "--policy", policy, *upstreams], log) as process:
        yield process.wait_line(r"^listening (\S+)$", DEADLINE)[1]


@contextlib.contextmanager
def splitter(addresses: list[str], log: Path, *more: str) -> Iterator[tuple[str, Process]]:
    """Sends each request to one of these addresses at random; its own address, and its process."""
    upstreams = [part for address in addresses for part in ("--upstream", address)]
    arguments = ["--policy", "random", *upstreams, *more]
    with Process([*command("plain_proxy.py"), *arguments], log, feed=True) as process:
        yield process.wait_line(r"^listening (\S+)$", DEADLINE)[1], process
