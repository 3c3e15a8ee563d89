"""Mode tag: the id that a client gets names its endpoint, authenticated; no table is needed."""

import os
import random
import re

import pytest

from harness.deadlines import eventually
from harness.mcp import (
    INITIALIZE,
    INITIALIZED,
    LIST_TOOLS,
    expect_proxy_error,
    fields_for,
    initialize,
    modern,
    pod_of,
    post,
    rpc,
)
from harness.process import run_once
from harness.upstream import asked
from harness.wire import encode

OUTWARD = re.compile(r"[A-Za-z0-9._-]{24,127}")
KEY = "3f9a" * 16
OTHER_KEY = "77b0" * 16


@pytest.fixture
def keys(tmp_path):
    """keys("a", "b") writes a file for each and gives the keys of the pool, in that order."""

    def write(*texts: str, **affinity) -> dict:
        names = []
        for text in texts:
            names.append(tmp_path / f"{abs(hash(text))}.key")
            names[-1].write_text(text)
        files = {"key_files": [str(name) for name in names]}
        return {"affinity": {"mode": "tag", "tag": files, **affinity}}

    return write


def contacts(pods) -> int:
    return sum(len(pod.requests) for pod in pods.pods.values())


def searched(*proxies) -> float:
    return sum(proxy.metrics().sum("ringside_recovery_attempts_total") for proxy in proxies)


def untagged(session: str) -> str:
    return session[:-23]


def echo_everywhere(pods) -> None:
    """As Python servers do: the id is on every answer, errors and 202 too."""
    for pod in pods.pods.values():

        def answer(request, pod=pod):
            session = request.get("mcp-session-id")
            if session is None:
                return None
            field = [("mcp-session-id", session)]
            if request.method == "GET":
                return pod.error(409, -32600, "Conflict", field)
            if request.method == "DELETE":
                return pod.reply(405, b"", field)
            if b"notifications" in request.body:
                return pod.reply(202, b"", field)
            if b"bad" in request.body:
                return pod.error(400, -32602, "Invalid params", field)
            return pod.reply(200, {}, field)

        pod.answer = answer


def test_case_81_the_client_gets_the_id_with_a_tag_and_the_pod_the_id_that_it_issued(cluster, keys):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    (issued,) = session.owner.sessions
    assert OUTWARD.fullmatch(session.id)
    assert session.id.startswith(issued + ".") and len(session.id) == len(issued) + 23
    for number in range(5):
        response = pods.post(session=session.id, client=f"10.0.1.{number}")
        assert (pod_of(response), response.get("mcp-session-id")) == (
            session.owner.name,
            session.id,
        )
    assert pods.post(INITIALIZED, session.id).status == 202
    stream = pods.connect()
    stream.request("GET", "/mcp", fields_for(session.id, None))
    assert stream.read_response_head().get("mcp-session-id") == session.id
    assert pods.send("DELETE", session.id).status == 200
    ids = [request.get("mcp-session-id") for request in session.owner.requests]
    assert ids == [None] + [issued] * 8
    assert session.owner.sessions == set()
    expect_proxy_error(pods.post(session=session.id), 404, -32001)


def test_case_81_every_response_that_carries_the_id_carries_it_tagged(cluster, keys):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    echo_everywhere(pods)
    answers = [
        pods.post(session=session.id),
        pods.post(INITIALIZED, session.id),
        pods.post(rpc("bad", 3), session.id),
        pods.send("GET", session.id),
        pods.send("DELETE", session.id),
        pods.send("OPTIONS", session.id),
    ]
    assert [answer.status for answer in answers] == [200, 202, 400, 409, 405, 200]
    assert {answer.get("mcp-session-id") for answer in answers} == {session.id}


def test_case_81_an_id_is_tagged_on_an_event_stream_too(cluster, keys):
    pods = cluster(pool=keys(KEY))
    for pod in pods.pods.values():
        pod.init_as_stream = True
    opening = pods.connect()
    opening.request("POST", "/mcp", fields_for(None, "10.0.0.1"), INITIALIZE)
    head = opening.read_response_head()
    response = pods.post(session=head.get("mcp-session-id"))
    assert pod_of(response) == pod_of(head)
    assert response.get("mcp-session-id") == head.get("mcp-session-id")


def test_case_81_another_id_in_an_answer_gets_a_tag_of_its_own(cluster, keys):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    owner = session.owner
    owner.sessions.add("renewed")
    owner.answer = lambda request: owner.reply(200, {}, [("mcp-session-id", "renewed")])
    second = pods.post(session=session.id).get("mcp-session-id")
    owner.answer = None
    assert second.startswith("renewed.") and second[7:] != session.id[-23:]
    assert pod_of(pods.post(session=second)) == owner.name


def test_case_81_tags_show_nothing_and_differ_from_session_to_session(cluster, keys):
    pods = cluster("a", pool=keys(KEY))
    tags = [pods.session("10.0.0.1").id[-22:] for _ in range(20)]
    assert len(set(tags)) == 20
    assert len({tag[8:] for tag in tags}) == 20


@pytest.mark.parametrize(
    "forge",
    [
        lambda id, tag: f"{id}.{'A' * 22}",
        lambda id, tag: f"{id[:-1]}{'0' if id[-1] != '0' else '1'}.{tag}",
        lambda id, tag: f"{id}x.{tag}",
        lambda id, tag: f".{tag}",
        lambda id, tag: f"{id}.{tag[:-1]}{'A' if tag[-1] != 'A' else 'Q'}",
        lambda id, tag: f"{id}.{'B' if tag[0] != 'B' else 'C'}{tag[1:]}",
        lambda id, tag: f"{id}.{tag.swapcase()}",
        lambda id, tag: f"{id}.{tag}.{tag}",
        lambda id, tag: f"{id}.{tag[11:]}{tag[:11]}",
    ],
    ids=["made up", "id", "longer id", "no id", "end", "start", "case", "twice", "turned"],
)
def test_case_81_a_tag_that_is_forged_is_a_404_and_no_pod_is_contacted(cluster, keys, forge):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    before = contacts(pods)
    forged = forge(untagged(session.id), session.id[-22:])
    for method in ("GET", "DELETE", "OPTIONS"):
        expect_proxy_error(pods.send(method, forged), 404, -32001)
    expect_proxy_error(pods.post(session=forged), 404, -32001)
    expect_proxy_error(pods.post(INITIALIZE, session=forged), 404, -32001)
    assert contacts(pods) == before
    assert pod_of(pods.post(session=session.id)) == session.owner.name
    assert pods.bound() == 1


def test_case_81_no_bit_of_a_tag_may_change(cluster, keys):
    pods = cluster("a", pool=keys(KEY))
    session = pods.session("10.0.0.1")
    before = contacts(pods)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    tag = session.id[-22:]
    for at, was in enumerate(tag):
        for bit in range(6):
            other = alphabet[alphabet.index(was) ^ 1 << bit]
            changed = f"{untagged(session.id)}.{tag[:at]}{other}{tag[at + 1 :]}"
            expect_proxy_error(pods.post(session=changed), 404, -32001)
    assert contacts(pods) == before


def test_case_81_the_tag_of_one_session_is_no_tag_of_another(cluster, keys):
    pods = cluster(pool=keys(KEY))
    mine, theirs = pods.sessions_apart()
    before = contacts(pods)
    mixed = untagged(mine.id) + theirs.id[-23:]
    expect_proxy_error(pods.post(session=mixed), 404, -32001)
    assert contacts(pods) == before


def test_case_81_a_tag_made_with_a_foreign_key_is_a_404(cluster, keys, trusting):
    pods = cluster(pool=keys(KEY))
    foreign = trusting(*pods.pods.values(), pool=keys(OTHER_KEY))
    session = initialize(foreign.connect())
    before = contacts(pods)
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert contacts(pods) == before


def test_case_81_a_tag_of_an_endpoint_that_is_not_in_the_pool_is_a_lost_session(
    cluster, keys, trusting
):
    pods = cluster(pool=keys(KEY))
    sessions = [pods.session(f"10.0.0.{number}") for number in range(20)]
    others = [pod for name, pod in pods.pods.items() if name != "a"]
    smaller = trusting(*others, pool=keys(KEY))
    wire = smaller.connect()
    before = contacts(pods)
    of_a = [session for session in sessions if session.owner.name == "a"]
    assert of_a and len(of_a) < len(sessions)
    for session in of_a:
        expect_proxy_error(post(wire, session=session.id), 404, -32001)
    assert contacts(pods) == before
    for session in sessions:
        if session not in of_a:
            assert pod_of(post(wire, session=session.id)) == session.owner.name
    assert searched(smaller) == 0


def test_case_81_a_name_is_what_a_tag_names_and_not_an_address(cluster, keys, trusting):
    """The same pods under other names: no tag fits. Another order, other ports: every tag fits."""
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    listed = [{"address": pod.address, "name": pod.name} for pod in pods.pods.values()]
    turned = trusting(*reversed(listed), pool=keys(KEY))
    assert pod_of(post(turned.connect(), session=session.id)) == session.owner.name
    renamed = trusting(
        *({**endpoint, "name": f"{endpoint['name']}-2"} for endpoint in listed), pool=keys(KEY)
    )
    expect_proxy_error(post(renamed.connect(), session=session.id), 404, -32001)


def test_case_81_an_owner_that_refuses_is_a_503_and_one_that_is_gone_a_404(cluster, keys):
    pods = cluster(pool=keys(KEY, owner_grace="300ms"))
    session = pods.session("10.0.0.1")
    before = {pod.name: len(pod.requests) for pod in pods.others(session.owner)}
    session.owner.stop()
    expect_proxy_error(pods.post(session=session.id), 503)
    eventually(lambda: pods.post(session=session.id).status == 404, "the session is lost")
    assert {pod.name: len(pod.requests) for pod in pods.others(session.owner)} == before


def test_case_81_the_owners_own_404_is_passed_on(cluster, keys):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    before = {pod.name: len(pod.requests) for pod in pods.others(session.owner)}
    session.owner.sessions.clear()
    response = pods.post(session=session.id)
    assert (response.status, pod_of(response)) == (404, session.owner.name)
    assert {pod.name: len(pod.requests) for pod in pods.others(session.owner)} == before


def test_case_81_two_pods_that_issue_the_same_id_are_told_apart_by_their_tags(cluster, keys):
    pods = cluster(pool=keys(KEY))
    for pod in pods.pods.values():
        pod.mint = lambda: "1"
    mine, theirs = pods.sessions_apart()
    assert untagged(mine.id) == untagged(theirs.id) == "1"
    for session in (mine, theirs, mine, theirs):
        response = pods.post(session=session.id)
        assert (pod_of(response), response.get("mcp-session-id")) == (
            session.owner.name,
            session.id,
        )


def test_case_81_nobody_moves_a_tagged_session_by_naming_its_id_without_the_tag(cluster, keys):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    for pod in pods.pods.values():  # servers that take any id
        pod.answer = lambda request, pod=pod: pod.reply(200, {})
    for other in range(3):
        proxy_wire = pods.connect()
        post(proxy_wire, session=untagged(session.id), client=f"10.6.6.{other}")
    assert pod_of(pods.post(session=session.id)) == session.owner.name


def test_case_81_an_untagged_claim_before_the_tag_is_seen_moves_nothing(cluster, keys, trusting):
    first = cluster(pool=keys(KEY))
    sessions = [first.session(f"10.0.0.{number}") for number in range(12)]
    for pod in first.pods.values():  # servers that take any id
        pod.answer = lambda request, pod=pod: pod.reply(200, {})
    other = trusting(*first.pods.values(), pool=keys(KEY)).connect()
    for session in sessions:
        post(other, session=untagged(session.id))
        assert pod_of(post(other, session=session.id)) == session.owner.name


def test_case_82_an_id_from_before_the_mode_was_on_is_found_and_stays_as_it_is(
    cluster, keys, trusting
):
    before = cluster()
    sessions = [before.session(f"10.0.0.{number}") for number in range(12)]
    tagging = trusting(*before.pods.values(), pool=keys(KEY))
    wire = tagging.connect()
    for session in sessions:
        for _ in range(2):
            response = post(wire, LIST_TOOLS, session.id)
            assert pod_of(response) == session.owner.name
            assert response.get("mcp-session-id") == session.id
    expect_proxy_error(post(wire, session="nobody"), 404, -32001)


def test_case_82_an_id_of_a_server_that_happens_to_have_dots_is_tagged_behind_them(cluster, keys):
    pods = cluster(pool=keys(KEY))
    for pod in pods.pods.values():
        pod.mint = lambda name=pod.name: f"v2.local.{'A' * 22}.{name}"
    session = pods.session("10.0.0.1")
    assert untagged(session.id) == f"v2.local.{'A' * 22}.{session.owner.name}"
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name


def test_case_13_a_long_id_is_tagged_as_any_other(cluster, keys):
    pods = cluster(pool=keys(KEY))
    visible = "".join(chr(33 + n % 94) for n in range(4096))
    for pod in pods.pods.values():
        pod.mint = lambda: visible
    session = pods.session("10.0.0.1")
    assert untagged(session.id) == visible
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name


def test_case_58_modern_requests_are_left_alone(cluster, keys):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    response = pods.post(session=session.id, fields=modern())
    assert response.status == 200
    assert pods.pods[pod_of(response)].requests[-1].get("mcp-session-id") == session.id


def test_a_throwaway_id_on_an_error_teaches_nothing(cluster, keys):
    pods = cluster(pool=keys(KEY))
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.error(
            400, -32600, "Missing session ID", [("mcp-session-id", "throwaway")]
        )
    assert pods.post().status == 400
    assert pods.bound() == 0


def test_the_log_says_that_a_tag_decided_and_shows_no_id(cluster, keys, trusting):
    first = cluster(pool=keys(KEY))
    session = first.session("10.0.0.1")
    other = trusting(
        *first.pods.values(), pool=keys(KEY), log={"level": "debug", "access": "stdout"}
    )
    wire = other.connect()
    assert pod_of(post(wire, session=session.id)) == session.owner.name
    forged = session.id[:-1] + ("A" if session.id[-1] != "A" else "Q")
    expect_proxy_error(post(wire, session=forged), 404, -32001)
    first_line, second_line = other.access_log(2)
    assert first_line["picked_by"] == "tag"
    assert second_line["error"].endswith("forged_session_id")
    said = "\n".join(other.stdout.all + other.stderr.all) + other.admin("/metrics").body.decode()
    assert untagged(session.id) not in said and session.id[-22:] not in said


# Keys


def test_rotation_new_key_second_then_first_then_alone(cluster, keys, trusting):
    old = cluster(pool=keys(KEY))
    endpoints = list(old.pods.values())
    early = old.session("10.0.0.1")
    both = trusting(*endpoints, pool=keys(KEY, OTHER_KEY)).connect()
    assert pod_of(post(both, session=early.id)) == early.owner.name
    assert pod_of(old.post(session=initialize(both))) in old.pods  # still signed with the old one

    turned = trusting(*endpoints, pool=keys(OTHER_KEY, KEY)).connect()
    response = post(turned, session=early.id)
    assert (pod_of(response), response.get("mcp-session-id")) == (early.owner.name, early.id)
    late = initialize(turned)
    owner = pod_of(post(both, session=late))
    expect_proxy_error(old.post(session=late), 404, -32001)

    alone = trusting(*endpoints, pool=keys(OTHER_KEY)).connect()
    assert pod_of(post(alone, session=late)) == owner
    expect_proxy_error(post(alone, session=early.id), 404, -32001)


def test_rotation_over_a_restart_in_place(cluster, keys, trusting):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    pods.proxy.stop()
    after = trusting(*pods.pods.values(), pool=keys(OTHER_KEY, KEY))
    assert pod_of(post(after.connect(), session=session.id)) == session.owner.name
    assert searched(after) == 0


def test_keys_from_the_environment_come_after_the_files(cluster, keys, trusting):
    pods = cluster(pool=keys(KEY))
    endpoints = list(pods.pods.values())
    session = pods.session("10.0.0.1")
    from_env = {"affinity": {"mode": "tag", "tag": {"key_env": ["RING_KEY"]}}}
    alone = trusting(*endpoints, pool=from_env, env={"RING_KEY": KEY}).connect()
    assert pod_of(post(alone, session=session.id)) == session.owner.name

    mixed = keys(OTHER_KEY)
    mixed["affinity"]["tag"]["key_env"] = ["RING_KEY"]
    with_both = trusting(*endpoints, pool=mixed, env={"RING_KEY": KEY}).connect()
    assert pod_of(post(with_both, session=session.id)) == session.owner.name
    expect_proxy_error(pods.post(session=initialize(with_both)), 404, -32001)  # the file signs


def test_white_space_around_a_key_is_no_part_of_it(cluster, keys, trusting):
    pods = cluster(pool=keys(KEY))
    session = pods.session("10.0.0.1")
    padded = trusting(*pods.pods.values(), pool=keys(f"\n  {KEY}\r\n")).connect()
    assert pod_of(post(padded, session=session.id)) == session.owner.name


def start_that_fails(ringside, pods, affinity: dict, **more) -> str:
    proxy = ringside(
        *pods("a"), pool={"affinity": {"mode": "tag", **affinity}}, ready=False, **more
    )
    return proxy.expect_exit(1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"too-short", "at least 16"),
        (b"x" * 5000, "at most 4096"),
    ],
)
def test_a_bad_key_file_is_refused_at_the_start_and_named(ringside, pods, tmp_path, text, why):
    path = tmp_path / "tag.key"
    path.write_bytes(text)
    said = start_that_fails(ringside, pods, {"tag": {"key_files": [str(path)]}})
    assert str(path) in said and why in said
    assert "too-short" not in said and "xxxx" not in said


def test_a_key_file_that_is_not_there_or_not_readable_is_named(ringside, pods, tmp_path):
    missing = tmp_path / "missing.key"
    said = start_that_fails(ringside, pods, {"tag": {"key_files": [str(missing)]}})
    assert f"{missing}: No such file" in said
    folder = tmp_path / "folder"
    folder.mkdir()
    said = start_that_fails(ringside, pods, {"tag": {"key_files": [str(folder)]}})
    assert f"{folder}: Is a directory" in said


def test_a_variable_that_is_not_set_or_has_a_bad_key_is_named(ringside, pods):
    assert "RING_KEY" not in os.environ
    tag = {"tag": {"key_env": ["RING_KEY"]}}
    assert "RING_KEY is not set" in start_that_fails(ringside, pods, tag)
    said = start_that_fails(ringside, pods, tag, env={"RING_KEY": "too-short"})
    assert "RING_KEY" in said and "at least 16" in said and "too-short" not in said


def test_mode_tag_without_a_key_is_a_fault_of_the_configuration(tmp_path):
    (tmp_path / "ringside.yaml").write_text(
        "listeners: [{ name: mcp, bind: 127.0.0.1:0, pool: p }]\n"
        "pools: { p: { endpoints: [127.0.0.1:9], affinity: { mode: tag } } }\n"
    )
    checked = run_once("--check", "--config", "ringside.yaml", cwd=tmp_path)
    assert checked.returncode == 2
    assert "affinity" in checked.stdout + checked.stderr
    assert "key_files" in checked.stdout + checked.stderr


def test_tag_mode_does_not_revive(tmp_path):
    (tmp_path / "ringside.yaml").write_text(
        "listeners: [{ name: mcp, bind: 127.0.0.1:0, pool: p }]\n"
        "pools: { p: { endpoints: [127.0.0.1:9], affinity: { mode: tag,\n"
        "  tag: { key_env: [K] }, on_owner_lost: reinitialize } } }\n"
    )
    checked = run_once("--check", "--config", "ringside.yaml", cwd=tmp_path)
    assert checked.returncode == 2
    assert "on_owner_lost" in checked.stdout + checked.stderr


# Proxies that share nothing but the key


def test_a_thousand_sessions_over_three_proxies_that_share_nothing_but_the_key(
    cluster, keys, trusting
):
    seed = 20261123
    dice = random.Random(seed)
    first = cluster(pool=keys(KEY))
    endpoints = list(first.pods.values())
    proxies = [first.proxy, *(trusting(*endpoints, pool=keys(KEY), workers=2) for _ in range(2))]
    wires = [proxy.connect() for proxy in proxies]
    sessions = {}
    for number in range(1000):
        client = f"10.{number // 250}.{number % 250}.1"
        response = post(dice.choice(wires), INITIALIZE, client=client)
        sessions[response.get("mcp-session-id")] = pod_of(response)
    assert len(sessions) == 1000 and set(sessions.values()) == {"a", "b", "c"}

    def all_at_home(wires) -> None:
        for session, owner in dice.sample(list(sessions.items()), len(sessions)):
            assert pod_of(post(dice.choice(wires), LIST_TOOLS, session)) == owner, seed

    all_at_home(wires)
    assert searched(*proxies) == 0
    for proxy in proxies:
        proxy.stop()
    restarted = [trusting(*endpoints, pool=keys(KEY), workers=2) for _ in range(3)]
    all_at_home([proxy.connect() for proxy in restarted])
    assert searched(*restarted) == 0


def test_a_response_field_of_a_similar_name_is_left_alone(trusting, upstream, keys):
    proxy = trusting(upstream, pool=keys(KEY))
    client, served = asked(proxy, upstream, "POST", "/mcp", body=INITIALIZE)
    fields = [("X-Mcp-Session-Id", "s"), ("MCP-Session-ID", "s"), ("x-last", "s")]
    served.send(encode("HTTP/1.1 200 OK", fields, b"{}"))
    response = client.read_response()
    assert response.get("x-mcp-session-id") == "s" and response.get("x-last") == "s"
    assert response.get("mcp-session-id").startswith("s.")
