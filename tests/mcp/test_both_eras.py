"""Clients that ask first which era a server is of (`server/discover`), through Ringside before
three pods of one era or of both: they find out as they would from one pod, and get sessions only
where there are sessions to have.
"""

import json
from collections import Counter

import pytest
from support.places import DEADLINE, command
from support.processes import Process
from support.proxies import ringside_before

CLIENTS = {"typescript_v2": "clients/modern_v2.mjs", "python_v2": "clients/modern_v2.py"}
CALLS = 40


def ask(client: str, pods, log) -> dict:
    with ringside_before(pods, log) as address:
        arguments = ["--url", f"http://{address}/mcp", "--calls", str(CALLS)]
        with Process([*command(CLIENTS[client]), *arguments], log) as process:
            answer = json.loads(process.wait_line(r"^\{.*\}$", DEADLINE)[0])
            assert process.child.wait(DEADLINE) == 0, process.output()
            return answer


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", ["typescript_v2", "python_v2"])
def test_stateless_requests_have_no_session_and_are_spread(
    server: str, client: str, pods_of, log
) -> None:
    answer = ask(client, pods_of(server), log)
    assert answer["version"] == "2026-07-28" and answer["session"] is None
    assert len(answer["pods"]) == CALLS
    assert len(Counter(answer["pods"])) == 3, answer["pods"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", ["typescript_v1", "python_v1"])
def test_servers_of_the_older_era_get_a_session_on_one_pod(
    server: str, client: str, pods_of, log
) -> None:
    answer = ask(client, pods_of(server), log)
    assert answer["version"] == "2025-11-25" and answer["session"]
    assert len(answer["pods"]) == CALLS
    assert len(set(answer["pods"])) == 1, answer["pods"]
