"""The control for test_sessions_stay_on_their_pods: the same clients and the same pods, with a
balancer between them that knows nothing of sessions. If these sessions survived, the other test
would prove nothing.
"""

import pytest
from support.clients import CLIENTS, run
from support.places import FLAVOUR
from support.pods import SERVERS
from support.proxies import plain_balancer

SESSIONS = 14  # of each client, as there
TIMEOUT = 3.0  # an answer that went to the wrong pod never comes
# The share of sessions that must break. By chance a third of all sessions find their pod by the
# hash of their id; hardly any meets its pod with every one of ten requests by turns.
BROKEN = {"round_robin": 3 / 4, "hash": 1 / 3}


@pytest.mark.skipif(FLAVOUR != "release", reason="Ringside has no part in it: one run is enough")
@pytest.mark.parametrize("policy", BROKEN)
@pytest.mark.parametrize("server", SERVERS)
def test_sessions_break(server: str, policy: str, pods_of, log) -> None:
    with plain_balancer(policy, pods_of(server), log) as address:
        seen = run(list(CLIENTS), f"http://{address}/mcp", log, SESSIONS, TIMEOUT)
    broken = {
        client: sum(s.fault() is not None for s in sessions) for client, sessions in seen.items()
    }
    print(f"{server} behind {policy}: {broken} of {SESSIONS} sessions each broke")
    assert sum(broken.values()) >= len(CLIENTS) * SESSIONS * BROKEN[policy]
    assert min(broken.values()) >= 1, "every client is shown to break"
