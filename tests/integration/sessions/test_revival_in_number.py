"""Revival where it is needed most: a server held many sessions, and all of them come at once."""

import random
import threading

import pytest

from harness.deadlines import DEADLINE
from harness.mcp import fields_for, pod_of, post, rpc
from harness.revival import CALL, forget, handshakes, open_session, revived, reviving

MANY = {"per_second": 100_000}


def test_all_sessions_of_one_client_are_revived_when_their_server_is_gone(cluster):
    pods = cluster(pool=reviving(revive=MANY), workers=2)
    sessions = [open_session(pods, "10.0.0.1") for _ in range(300)]
    forget(pods)
    for session in sessions:
        response = pods.post(CALL, session.id, "10.0.0.1")
        assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert (handshakes(pods), revived(pods), pods.bound()) == (600, 300, 300)


def test_all_sessions_that_one_client_stored_are_revived_by_a_proxy_that_never_saw_them(cluster):
    pods = cluster(pool=reviving(revive={**MANY, "unknown": True}), workers=2)
    for number in range(300):
        response = pods.post(CALL, f"stored-{number}", "10.0.0.1")
        assert (response.status, response.get("mcp-session-id")) == (200, f"stored-{number}")
    assert (revived(pods), pods.bound()) == (300, 300)


def test_made_up_ids_are_not_revived_however_many(cluster):
    pods = cluster(pool=reviving(), workers=2)
    for number in range(300):
        assert pods.post(CALL, f"made-up-{number}", "10.0.0.1").status in (404, 429, 503)
    assert (handshakes(pods), revived(pods), pods.bound()) == (0, 0, 0)


def test_a_hundred_sessions_at_once_over_as_many_connections(cluster):
    pods = cluster(pool=reviving(revive=MANY), workers=4)
    sessions = [open_session(pods, f"10.0.0.{number}") for number in range(100)]
    forget(pods)
    wires = [(pods.connect(), session) for session in sessions for _ in range(2)]
    for number, (wire, session) in enumerate(wires):
        wire.request("POST", "/mcp", fields_for(session.id, None), rpc("tools/call", number))
    homes = {}
    for wire, session in wires:
        response = wire.read_response()
        assert (response.status, response.get("mcp-session-id")) == (200, session.id)
        assert homes.setdefault(session.id, pod_of(response)) == pod_of(response)
    assert (revived(pods), pods.bound()) == (100, 100)


@pytest.mark.parametrize("seed", [1, 2])
def test_servers_that_forget_at_random_while_clients_call(cluster, seed):
    pods = cluster(pool=reviving(revive=MANY), workers=4)
    sessions = [open_session(pods, f"10.0.0.{number}") for number in range(8)]
    faults: list[str] = []
    calls = threading.Semaphore(0)

    def call(session, number: int) -> None:
        wire = pods.connect()
        for count in range(60):
            response = post(wire, rpc("tools/call", count), session.id, f"10.1.0.{number}")
            calls.release()
            # a session that is lost twice within one call is not revived twice for it
            if response.status != 200 and response.status != 404:
                faults.append(f"{response.start} {response.body!r}")
            if response.status == 200 and response.get("mcp-session-id") != session.id:
                faults.append(f"{session.id} came back as {response.get('mcp-session-id')}")

    threads = [
        threading.Thread(target=call, args=(session, number))
        for number, session in enumerate(sessions * 2)
    ]
    for thread in threads:
        thread.start()
    dice = random.Random(seed)
    for _ in range(40):  # in the rhythm of the calls
        for _ in range(dice.randrange(4, 24)):
            assert calls.acquire(timeout=DEADLINE)
        dice.choice(list(pods.pods.values())).sessions.clear()
    for thread in threads:
        thread.join(3 * DEADLINE)
        assert not thread.is_alive()
    assert not faults, faults[:5]
    for session in sessions:
        response = pods.post(CALL, session.id)
        assert (response.status, response.get("mcp-session-id")) == (200, session.id)
    assert revived(pods) > 0 and pods.bound() == len(sessions)
