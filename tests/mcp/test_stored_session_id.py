"""An application that keeps session ids in a database: one process opens a session, another one
uses it later without a handshake, so that no `initialize` and no `MCP-Protocol-Version` comes with
it."""

import pytest
from support.clients import CALLS, run
from support.proxies import ringside_before

SESSIONS = 9


@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("typescript_v1", "typescript_v1"),
        ("typescript_v2", "typescript_v2"),
        ("python_v1", "typescript_v1"),
        ("python_v2", "typescript_v2"),
    ],
)
def test_a_second_process_goes_on_where_the_first_stopped(
    server: str, client: str, pods_of, log
) -> None:
    with ringside_before(pods_of(server), log) as address:
        url = f"http://{address}/mcp"
        first = run([client], url, log, SESSIONS, more=("--keep",))[client]
        assert [fault for session in first if (fault := session.fault())] == []

        stored = [part for session in first for part in ("--stored", session.id)]
        second = run([client], url, log, more=("--keep", *stored))[client]

    assert [session.error for session in second] == [None] * SESSIONS
    for before, after in zip(first, second, strict=True):
        assert set(after.pods) == set(before.pods)
        last = before.counts[-1]
        assert after.counts == list(range(last + 1, last + 1 + CALLS))
