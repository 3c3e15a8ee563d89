"""Fixtures of the interoperability tests; README.md tells what they show and how to run them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.places import RINGSIDE  # noqa: E402
from support.pods import SERVERS, Pods  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "waits_for_grace: owner_grace is short, for a test that waits for its end"
    )
    if not RINGSIDE.exists():
        pytest.exit(f"no binary at {RINGSIDE}: build it, or name it in RINGSIDE", returncode=2)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture
def log(logs: Path, request: pytest.FixtureRequest) -> Path:
    """A log file of this test's own."""
    return logs / "".join(c if c.isalnum() else "-" for c in f"{request.node.name}.log")


@pytest.fixture(scope="session")
def pods_of(logs: Path) -> Iterator[Callable[[str], Pods]]:
    """Three pods of a server SDK, started on first use and shared by all tests that do not harm
    them."""
    started: dict[str, Pods] = {}

    def pods(server: str) -> Pods:
        if server not in started:
            started[server] = Pods(SERVERS[server], logs)
        return started[server]

    yield pods
    for each in started.values():
        each.stop()


@pytest.fixture
def own_pods(logs: Path) -> Iterator[Callable[[str], Pods]]:
    """Three pods of a server SDK for one test alone, which may kill them."""
    started: list[Pods] = []

    def pods(server: str) -> Pods:
        started.append(Pods(SERVERS[server], logs))
        return started[-1]

    yield pods
    for each in started:
        each.stop()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The closing line, alone on a line, after pytest's own."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    kinds = ("passed", "failed", "error", "skipped")
    passed, failed, errors, skipped = (len(reporter.stats.get(kind, [])) for kind in kinds)
    print(f"{passed} passed, {failed + errors} failed, {skipped} skipped")
