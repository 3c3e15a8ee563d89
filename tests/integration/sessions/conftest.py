"""The fixtures of the session tests alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.http_sse import SsePod

KEY = "3f9a" * 16


@pytest.fixture
def legacy(trusting: Callable[..., object]) -> Iterator[Callable[..., Cluster]]:
    """legacy() is a fresh proxy with pods a, b and c behind it that speak HTTP+SSE."""
    made: list[SsePod] = []

    def start(names: str = "abc", **more) -> Cluster:
        made.extend(fresh := [SsePod(name) for name in names])
        return Cluster(trusting(*fresh, **more), fresh)

    yield start
    for pod in made:
        pod.close()
    faults = [fault for pod in made for fault in pod.faults]
    assert not faults, faults


@pytest.fixture
def keyed(tmp_path: Path) -> Callable[..., dict]:
    """keyed("tag") is a pool in that mode, with the key KEY unless others are named."""

    def pool(mode: str, *keys: str, **affinity: object) -> dict:
        files = []
        for key in keys or (KEY,):
            files.append(tmp_path / f"{key[:8]}.key")
            files[-1].write_text(key)
        tag = {"key_files": [str(file) for file in files]}
        return {"affinity": {"mode": mode, "tag": tag, **affinity}}

    return pool
