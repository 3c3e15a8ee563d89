"""Sessions outlive the process: with a state file it knows them at once, without one it asks."""

import hashlib
import os
import random
import signal
import stat
from pathlib import Path

import pytest

from harness.deadlines import DEADLINE, eventually
from harness.mcp import (
    INITIALIZE,
    INITIALIZED,
    expect_proxy_error,
    fields_for,
    initialize,
    pod_of,
    post,
)
from harness.revival import CALL, forget, open_session, reviving
from harness.upstream import Silence, accept_first

SAVED = 3 * DEADLINE  # a running proxy saves every five seconds
IGNORED = "the state file is ignored"


@pytest.fixture
def state(tmp_path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder / "sessions"


@pytest.fixture
def saving(cluster, state):
    """saving() is a cluster whose proxy has the state file."""
    return lambda *names, **more: cluster(*names, state_file=str(state), **more)


@pytest.fixture
def restarted(trusting, state):
    """restarted(pods) is a proxy that has that state file too, in front of the same pods."""

    def start(pods, *endpoints, **more):
        listed = endpoints or pods.pods.values()
        return trusting(*listed, state_file=str(state), **more)

    return start


def killed(proxy) -> None:
    proxy.signal(signal.SIGKILL)
    proxy.expect_exit(-signal.SIGKILL)


def wait_saved(state: Path, session: str) -> None:
    """Until the session is in the file, which has the first half of its digest as a number."""
    digest = hashlib.sha256(session.encode()).digest()[7::-1]
    eventually(
        lambda: state.exists() and digest in state.read_bytes(), "the session is saved", SAVED
    )


def searched(proxy) -> float:
    return proxy.metrics().sum("ringside_recovery_attempts_total")


def expect_at_home(proxy, sessions) -> None:
    wire = proxy.connect()
    for number, session in enumerate(sessions):
        response = post(wire, session=session.id, client=f"10.9.0.{number % 250}")
        assert pod_of(response) == session.owner.name


def test_case_80_a_restarted_proxy_knows_every_session_without_a_search(saving, restarted, state):
    pods = saving()
    sessions = [pods.session(f"10.0.0.{number}") for number in range(30)]
    assert {session.owner.name for session in sessions} == {"a", "b", "c"}
    pods.proxy.stop()
    proxy = restarted(pods)
    metrics = proxy.metrics()
    assert metrics.sum("ringside_sessions", pool="pods") == 30
    assert metrics.sum("ringside_state_loaded_sessions") == 30
    expect_at_home(proxy, sessions)
    assert searched(proxy) == 0
    assert {line["picked_by"] for line in proxy.access_log(30)} == {"binding"}


def test_case_80_workers_and_the_order_of_endpoints_may_change_over_a_restart(
    saving, restarted, state
):
    pods = saving(workers=4)
    sessions = [pods.session(f"10.0.0.{number}") for number in range(12)]
    pods.proxy.stop()
    turned = restarted(pods, *reversed(pods.pods.values()), workers=2)
    expect_at_home(turned, sessions)
    assert searched(turned) == 0
    turned.stop()
    again = restarted(pods)
    expect_at_home(again, sessions)
    assert searched(again) == 0


def test_case_80_a_killed_proxy_knows_what_was_saved_before(saving, restarted, state):
    pods = saving()
    sessions = [pods.session(f"10.0.0.{number}") for number in range(12)]
    wait_saved(state, sessions[-1].id)
    killed(pods.proxy)
    proxy = restarted(pods)
    expect_at_home(proxy, sessions)
    assert searched(proxy) == 0


def test_case_80_a_killed_proxy_searches_for_what_was_not_saved(saving, restarted, state):
    pods = saving()
    sessions = [pods.session(f"10.0.0.{number}") for number in range(12)]
    killed(pods.proxy)
    expect_at_home(restarted(pods), sessions)


def test_case_80_without_a_state_file_a_killed_proxy_finds_every_session_again(cluster, trusting):
    pods = cluster()
    sessions = [pods.session(f"10.0.0.{number}") for number in range(12)]
    killed(pods.proxy)
    proxy = trusting(*pods.pods.values())
    expect_at_home(proxy, sessions)
    assert searched(proxy) > 0
    before = searched(proxy)
    expect_at_home(proxy, sessions)
    assert searched(proxy) == before


def test_case_80_killed_over_and_over_with_a_session_more_each_time(saving, restarted, state):
    pods = saving()
    proxy, sessions = pods.proxy, []
    for number in range(5):
        sessions.append(pods.session(f"10.0.0.{number}"))
        expect_at_home(proxy, sessions)
        killed(proxy) if number % 2 else proxy.stop()
        proxy = restarted(pods)
        pods.wire = proxy.connect()
    expect_at_home(proxy, sessions)


def test_case_80_a_session_whose_endpoint_is_not_in_the_pool_any_more_is_searched_for(
    saving, restarted, state
):
    pods = saving()
    sessions = [pods.session(f"10.0.0.{number}") for number in range(12)]
    pods.proxy.stop()
    renamed = [
        {"address": pod.address, "name": f"{name}-2"} for name, pod in pods.pods.items()
    ]
    proxy = restarted(pods, *renamed)
    assert proxy.metrics().sum("ringside_sessions") == 0
    expect_at_home(proxy, sessions)


def test_case_80_what_the_owner_forgot_meanwhile_is_its_own_404(saving, restarted, state):
    pods = saving()
    session = pods.session()
    pods.proxy.stop()
    forget(pods)
    proxy = restarted(pods)
    response = post(proxy.connect(), session=session.id)
    assert (response.status, pod_of(response)) == (404, session.owner.name)


def test_case_80_idle_sessions_lapse_while_the_proxy_is_down(saving, restarted, state):
    pods = saving(pool={"affinity": {"idle_ttl": "1h"}})
    session = pods.session()
    pods.proxy.stop()
    proxy = restarted(pods, pool={"affinity": {"idle_ttl": "1ms"}})
    eventually(lambda: proxy.metrics().sum("ringside_sessions") == 0, "it lapses")
    proxy.stop()
    later = restarted(pods)
    assert later.metrics().sum("ringside_state_loaded_sessions") == 0
    assert pod_of(post(later.connect(), session=session.id)) == session.owner.name


# What is in the file


def test_the_file_is_its_owners_alone_and_has_no_id(saving, state):
    old = os.umask(0)
    try:
        pods = saving()
    finally:
        os.umask(old)
    sessions = [pods.session(f"10.0.0.{number}") for number in range(5)]
    wait_saved(state, sessions[-1].id)
    pods.proxy.stop()
    assert {path.name for path in state.parent.iterdir()} == {"sessions", "sessions.lock"}
    for path in state.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for session in sessions:
            for form in (session.id, session.id.upper(), session.id.replace("-", "")):
                assert form.encode() not in path.read_bytes()


def test_the_file_of_mode_tag_has_neither_ids_nor_tags_nor_keys(saving, restarted, state):
    tag = {"affinity": {"mode": "tag", "tag": {"key_env": ["RING_KEY"]}}}
    env = {"RING_KEY": "a-key-of-enough-bytes"}
    pods = saving(pool=tag, env=env)
    session = pods.session()
    pods.proxy.stop()
    saved = state.read_bytes()
    for secret in (session.id[:-23], session.id[-22:], env["RING_KEY"]):
        assert secret.encode() not in saved
    proxy = restarted(pods, pool=tag, env=env)
    assert proxy.metrics().sum("ringside_sessions") == 1
    assert pod_of(post(proxy.connect(), session=session.id)) == session.owner.name


def test_a_quiet_proxy_writes_nothing(saving, state):
    pods = saving()
    session = pods.session()
    wait_saved(state, session.id)
    saves = "ringside_state_saves_total"
    eventually(lambda: pods.proxy.metrics().sum(saves, result="ok") == 1, "the save is counted")
    before = state.stat()
    pods.proxy.stop()
    after = state.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


# A file that cannot be used


def one_bit_wrong(good: bytes) -> bytes:
    middle = len(good) // 2
    return good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]


BAD = {
    "empty": lambda good: b"",
    "truncated": lambda good: good[: len(good) // 2],
    "one byte short": lambda good: good[:-1],
    "one byte more": lambda good: good + b"\0",
    "one bit wrong": one_bit_wrong,
    "another version": lambda good: good[:8] + b"\xff\0\0\0" + good[12:],
    "foreign": lambda good: b"{}\n",
    "random": lambda good: random.Random(7).randbytes(5000),
}


@pytest.mark.parametrize("bad", BAD)
def test_case_80_a_corrupt_or_foreign_file_is_reported_and_ignored(saving, restarted, state, bad):
    pods = saving()
    sessions = [pods.session(f"10.0.0.{number}") for number in range(6)]
    pods.proxy.stop()
    spoiled = BAD[bad](state.read_bytes())
    state.write_bytes(spoiled)
    proxy = restarted(pods)
    line = proxy.stderr.wait(lambda line: IGNORED in line, "report")
    assert " warn " in line and str(state) in line and "reason=" in line
    assert proxy.metrics().sum("ringside_sessions") == 0
    expect_at_home(proxy, sessions)
    proxy.stop()
    assert state.with_name("sessions.ignored").read_bytes() == spoiled
    fresh = restarted(pods)
    expect_at_home(fresh, sessions)
    assert searched(fresh) == 0
    assert not any(IGNORED in line for line in fresh.stderr.all)


def test_a_file_that_never_was_is_no_fault(saving, state):
    pods = saving()
    assert not any("state file" in line for line in pods.proxy.stderr.all)
    pods.proxy.stop()
    assert state.exists()


def test_what_a_killed_process_left_half_written_is_replaced(saving, restarted, state):
    state.with_name("sessions.new").write_bytes(b"half a file")
    pods = saving()
    session = pods.session()
    pods.proxy.stop()
    assert not state.with_name("sessions.new").exists()
    expect_at_home(restarted(pods), [session])


def test_a_folder_that_is_not_there_is_an_error_at_the_start(ringside, pods, tmp_path):
    path = tmp_path / "missing" / "state"
    proxy = ringside(*pods("a"), state_file=str(path), ready=False)
    said = proxy.expect_exit(1)
    assert str(path) in said and "No such file" in said


def test_a_second_process_with_the_same_file_is_refused(saving, restarted, state):
    pods = saving()
    session = pods.session()
    second = restarted(pods, ready=False)
    said = second.expect_exit(1)
    assert str(state) in said and "another process" in said
    assert pods.post(session=session.id).status == 200
    pods.proxy.stop()
    expect_at_home(restarted(pods), [session])


# Endings


def test_a_deleted_session_stays_deleted_over_a_restart(saving, restarted, state):
    pods = saving()
    ended, kept = pods.session("10.0.0.1"), pods.session("10.0.0.1")
    assert pods.send("DELETE", ended.id).status == 200
    pods.proxy.stop()
    for pod in pods.pods.values():  # servers that take any id
        pod.answer = lambda request, pod=pod: pod.reply(200, {})
    proxy = restarted(pods)
    seen = sum(len(pod.requests) for pod in pods.pods.values())
    wire = proxy.connect()
    expect_proxy_error(post(wire, session=ended.id), 404, -32001)
    assert sum(len(pod.requests) for pod in pods.pods.values()) == seen
    assert pod_of(post(wire, session=kept.id)) == kept.owner.name
    proxy.stop()
    again = restarted(pods)
    expect_proxy_error(post(again.connect(), session=ended.id), 404, -32001)


def test_a_deleted_session_is_not_revived_after_a_restart(saving, restarted, state):
    pool = reviving(revive={"unknown": True})
    pods = saving(pool=pool)
    session = open_session(pods)
    assert pods.send("DELETE", session.id).status == 200
    pods.proxy.stop()
    proxy = restarted(pods, pool=pool)
    expect_proxy_error(post(proxy.connect(), CALL, session.id), 404, -32001)
    assert proxy.metrics().sum("ringside_sessions_revived_total") == 0


def test_a_revived_session_is_revived_anew(saving, restarted, state):
    pool = reviving(revive={"unknown": True})
    pods = saving(pool=pool)
    revived, kept = open_session(pods), pods.session("10.0.0.7")
    pods.pods[revived.owner.name].sessions.discard(revived.id)
    assert pods.post(CALL, revived.id).get("mcp-session-id") == revived.id
    (new,) = revived.owner.sessions - {kept.id}
    pods.proxy.stop()
    assert new.encode() not in state.read_bytes()
    proxy = restarted(pods, pool=pool)
    assert proxy.metrics().sum("ringside_sessions") == 1
    wire = proxy.connect()
    response = post(wire, CALL, revived.id)
    assert (response.status, response.get("mcp-session-id")) == (200, revived.id)
    assert proxy.metrics().sum("ringside_sessions_revived_total") == 1
    expect_at_home(proxy, [kept])


# Shutting down


def test_case_83_a_session_opened_while_the_proxy_shuts_down_is_saved(
    trusting, upstream, restarted, state, upstreams
):
    other = upstreams()
    proxy = trusting(upstream, other, state_file=str(state), shutdown={"deadline": "5s"})
    client = proxy.connect()
    client.request("POST", "/mcp", body=INITIALIZE)
    owner, served = accept_first(upstream, other)
    served.read_request()
    proxy.signal()
    proxy.stderr.wait(lambda line: "shutting down" in line, "line of the end")
    served.respond(200, {"Mcp-Session-Id": "late"}, b"{}")
    assert client.read_response().get("mcp-session-id") == "late"
    assert proxy.wait_exit() == 0
    after = trusting(upstream, other, state_file=str(state))
    assert after.metrics().sum("ringside_sessions") == 1
    wire = after.connect()
    wire.request("POST", "/mcp", {"Mcp-Session-Id": "late"}, CALL)
    served = owner.accept()
    served.read_request()
    served.respond(200)
    assert wire.read_response().status == 200


def test_case_83_open_streams_drain_and_their_sessions_are_saved(saving, restarted, state):
    pods = saving(shutdown={"deadline": "2s"})
    session = pods.session()
    stream = pods.connect()
    stream.request("GET", "/mcp", fields_for(session.id, None))
    head = stream.read_response_head()
    pods.proxy.signal()
    session.owner.wait_stream().send("data: still here\n\n")
    assert stream.body_of(head).event() == b"data: still here\n\n"
    assert pods.proxy.wait_exit() == 0
    proxy = restarted(pods)
    expect_at_home(proxy, [session])
    assert searched(proxy) == 0


def test_case_83_an_owner_that_is_silent_after_the_restart_keeps_its_session(
    saving, restarted, state
):
    pods = saving(pool={"timeouts": {"connect": "200ms"}})
    session = pods.session()
    pods.proxy.stop()
    session.owner.stop()
    silent = Silence(session.owner.port)
    try:
        proxy = restarted(pods, pool={"timeouts": {"connect": "200ms"}})
        expect_proxy_error(post(proxy.connect(), session=session.id), 503)
        assert proxy.metrics().sum("ringside_sessions") == 1
    finally:
        silent.close()


def test_sessions_of_two_pools_come_back_to_their_own(ringside, pods, state):
    left, right = pods("lr")
    config = {
        "workers": 1,
        "state_file": str(state),
        "admin": {"bind": "127.0.0.1:0"},
        "listeners": [
            {"name": name, "bind": "127.0.0.1:0", "pool": name} for name in ("left", "right")
        ],
        "pools": {
            name: {"endpoints": [{"address": pod.address, "name": "one"}]}
            for name, pod in (("left", left), ("right", right))
        },
    }
    proxy = ringside(config=config)
    sessions = {name: initialize(proxy.connect(name)) for name in ("left", "right")}
    assert post(proxy.connect("left"), INITIALIZED, sessions["left"]).status == 202
    proxy.stop()
    again = ringside(config=config)
    for name, pod in (("left", left), ("right", right)):
        assert again.metrics().sum("ringside_sessions", pool=name) == 1
        assert pod_of(post(again.connect(name), CALL, sessions[name])) == pod.name
    assert again.metrics().sum("ringside_recovery_attempts_total") == 0
