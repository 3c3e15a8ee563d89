"""The fixtures of the session tests alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.http_sse import SsePod

KEY = "3f9a" * 16


@pytest.fixture
def legacy(cluster: Callable[..., Cluster]) -> Callable[..., Cluster]:
    """legacy() is a fresh proxy with pods a, b and c behind it that speak HTTP+SSE."""
    return partial(cluster, kind=SsePod)


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
