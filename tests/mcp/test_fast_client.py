"""A client that uses its session as soon as the head of `initialize` has come, on another
connection, before the two workers of Ringside: by then every worker knows the session."""

import pytest
from support.http import INITIALIZE, Http, rpc
from support.proxies import ringside_before

SESSIONS = 300


@pytest.mark.parametrize("server", ["typescript_v1"])
def test_an_id_may_be_used_at_once_on_any_connection(server: str, pods_of, log) -> None:
    misses = []
    with ringside_before(pods_of(server), log) as address:
        for number in range(SESSIONS):
            # Both connections are new: the kernel gives each to either worker.
            opener, user = Http(address), Http(address)
            user.connection.connect()
            head = opener.send("POST", rpc("initialize", INITIALIZE))
            session = head.headers["mcp-session-id"]
            answer = user.call("count", session)
            if answer.status != 200 or answer.value()["count"] != 1:
                misses.append((number, answer))
            head.read()
            assert user.request("DELETE", session=session).status == 200
            opener.close()
            user.close()
    assert misses == []
