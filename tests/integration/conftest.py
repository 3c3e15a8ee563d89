"""The fixtures of the integration tests: a proxy, its upstreams and pods, gone at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import yaml  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.pod import Pod  # noqa: E402
from harness.process import BINARY, Ringside  # noqa: E402
from harness.upstream import Silence, Upstream  # noqa: E402


@pytest.fixture
def upstreams() -> Iterator[Callable[..., Upstream]]:
    made: list[Upstream] = []

    def make(listening: bool = True) -> Upstream:
        made.append(Upstream(listening))
        return made[-1]

    yield make
    for upstream in made:
        upstream.close()


@pytest.fixture
def upstream(upstreams: Callable[..., Upstream]) -> Upstream:
    return upstreams()


@pytest.fixture
def silence() -> Iterator[Silence]:
    silent = Silence()
    yield silent
    silent.close()


@pytest.fixture
def pods() -> Iterator[Callable[..., list[Pod]]]:
    """pods("abc") starts three, named a, b and c."""
    made: list[Pod] = []

    def make(names: str, kind: type[Pod] = Pod) -> list[Pod]:
        made.extend(fresh := [kind(name) for name in names])
        return fresh

    yield make
    for pod in made:
        pod.close()
    faults = [fault for pod in made for fault in pod.faults]
    assert not faults, faults


@pytest.fixture
def ringside(tmp_path: Path) -> Iterator[Callable[..., Ringside]]:
    """Starts the binary; see `start` for what a test may say.

    ringside(upstream)                               one endpoint, all else by default
    ringside(a, b, pool={"affinity": {...}})         keys of the pool
    ringside(a, listener={"timeouts": {...}})        keys of the listener
    ringside(a, limits={...}, workers=4)             keys of the file
    ringside(a, open_files=64)                       a limit of descriptors
    ringside(config="...")                           a whole file
    ringside(flags=[...])                            no file
    """
    made: list[Ringside] = []

    def start(
        *endpoints: Upstream | Pod | Silence | dict,
        pool: dict | None = None,
        listener: dict | None = None,
        config: str | dict | None = None,
        flags: list[str] | None = None,
        env: dict[str, str] | None = None,
        ready: bool = True,
        open_files: int | None = None,
        **top: object,
    ) -> Ringside:
        directory = tmp_path / f"proxy-{len(made)}"
        directory.mkdir()
        json_log = False
        if flags is None:
            if config is None:
                config = configuration(endpoints, pool or {}, listener or {}, top)
            if isinstance(config, dict):
                json_log = config.get("log", {}).get("format") == "json"
                config = yaml.dump(config) + "\n"
            (directory / "ringside.yaml").write_text(config)
            flags = ["--config", "ringside.yaml"]
        made.append(Ringside(directory, flags, env, json_log, open_files))
        return made[-1].wait_ready() if ready else made[-1]

    yield start
    faults = []
    for proxy in made:
        try:
            proxy.stop()
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


def configuration(endpoints: tuple, pool: dict, listener: dict, top: dict) -> dict:
    listed = [
        (
            endpoint
            if isinstance(endpoint, dict)
            else (
                {"address": endpoint.address, "name": endpoint.name}
                if isinstance(endpoint, Pod)
                else endpoint.address
            )
        )
        for endpoint in endpoints
    ]
    file = {
        "workers": 1,
        "admin": {"bind": "127.0.0.1:0"},
        "log": {"access": "stdout"},
        "shutdown": {"deadline": "2s"},
        "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "pool": "pods", **listener}],
        "pools": {"pods": {"endpoints": listed, **pool}},
    }
    return {**file, **top}


TRUSTED = {"trusted_proxies": ["127.0.0.0/8"]}


@pytest.fixture
def trusting(ringside: Callable[..., Ringside]) -> Callable[..., Ringside]:
    """As `ringside`, with a listener that believes X-Forwarded-For: tests name the clients."""

    def start(*endpoints, listener: dict | None = None, **more) -> Ringside:
        return ringside(*endpoints, listener={**TRUSTED, **(listener or {})}, **more)

    return start


@pytest.fixture
def cluster(
    trusting: Callable[..., Ringside], pods: Callable[..., list[Pod]]
) -> Callable[..., Cluster]:
    """cluster() is a fresh proxy with pods a, b and c behind it, believing X-Forwarded-For."""

    def start(names: str = "abc", kind: type[Pod] = Pod, **more) -> Cluster:
        started = pods(names, kind)
        return Cluster(trusting(*started, **more), started)

    return start


# The closing line, counted over all workers.


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and not os.access(BINARY, os.X_OK):
        raise pytest.UsageError(f"no binary at {BINARY}: build it, or name it in RINGSIDE")


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return

    def count(*outcomes: str) -> int:
        return sum(len(reporter.stats.get(outcome, [])) for outcome in outcomes)

    passed, failed, skipped = count("passed"), count("failed", "error"), count("skipped")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
