"""--check: every fault of a file in one run, each where it stands; nothing is started."""

import re

import pytest

from harness.process import run_once

GOOD = """\
listeners:
  - name: mcp
    bind: 127.0.0.1:0
    pool: pods
pools:
  pods:
    endpoints: [ 127.0.0.1:3000 ]
"""


def check(tmp_path, text: str, *flags: str):
    (tmp_path / "c.yaml").write_text(text)
    return run_once(*flags, "--config", "c.yaml", cwd=tmp_path)


def faults(run) -> list[tuple[int, int, str]]:
    """Line, column and text of each fault; every line of the output must be one."""
    lines = (run.stdout + run.stderr).splitlines()
    found = [re.fullmatch(r"c\.yaml:(\d+):(\d+): (.+)", line) for line in lines]
    return [(int(m[1]), int(m[2]), m[3]) for m in found if m]


def test_a_good_file_exits_0(tmp_path):
    assert check(tmp_path, GOOD, "--check").returncode == 0


def test_every_fault_is_told_with_its_line_and_column(tmp_path):
    text = GOOD.replace("bind: 127.0.0.1:0", "bind: 127.0.0.1").replace(
        "    endpoints", "    colour: red\n    endpoints"
    )
    text += "    timeouts: { connect: 5 }\nworkers: 0\n"
    run = check(tmp_path, text, "--check")
    assert run.returncode == 2
    found = faults(run)
    assert [(line, column) for line, column, _ in found] == [
        (3, 11),
        (7, 5),
        (9, 26),
        (10, 10),
    ], found
    for (_, _, said), key in zip(found, ("bind", "colour", "connect", "workers")):
        assert key in said


def test_running_a_faulty_file_says_the_same_and_exits_2(tmp_path):
    text = GOOD + "worker: 2\n"
    checked, run = check(tmp_path, text, "--check"), check(tmp_path, text)
    assert run.returncode == 2
    assert faults(run) == faults(checked) != []


def test_an_unknown_key_suggests_the_nearest(tmp_path):
    run = check(tmp_path, GOOD.replace("endpoints", "endpoint"), "--check")
    assert run.returncode == 2
    assert any(line == 7 and "endpoints" in said for line, _, said in faults(run))


DISCOVERED = "discovery: { file: { path: e.yaml } }"
LATER = {
    "tls": GOOD.replace("pool: pods", "pool: pods\n    tls: { cert_file: c, key_file: k }"),
    "health": GOOD + "    health: { active: { path: / } }\n",
    "drain": GOOD + "    drain: { deadline: 10m }\n",
    "discovery": GOOD.replace("endpoints: [ 127.0.0.1:3000 ]", DISCOVERED),
}


@pytest.mark.parametrize("key", LATER)
def test_a_key_whose_feature_comes_later_is_refused_as_not_yet_supported(tmp_path, key):
    run = check(tmp_path, LATER[key], "--check")
    assert run.returncode == 2
    said = [said for _, _, said in faults(run)]
    assert any(
        key in one and re.search("not (yet supported|supported yet)", one) for one in said
    ), said


SESSIONS = {
    "state file": GOOD + "state_file: state\n",
    "origins": GOOD.replace("pool: pods", "pool: pods\n    allowed_origins: [ 'https://a' ]"),
    "tag": GOOD + "    affinity: { mode: tag, tag: { key_files: [ tag.key ] } }\n",
    "cookie": GOOD + "    affinity: { mode: cookie, tag: { key_env: [ TAG_KEY ] } }\n",
    "handles": GOOD + "    affinity: { handles: [ { query: room }, { tasks: true } ] }\n",
    "revival": GOOD + "    affinity: { on_owner_lost: reinitialize, revive: { unknown: true } }\n",
    "search": GOOD + "    affinity: { search: { share: 5%, unknown_forms: [ gone ] } }\n",
    "keep-alive": GOOD + "    timeouts: { stream_keep_alive: 15s }\n",
}


@pytest.mark.parametrize("text", SESSIONS.values(), ids=SESSIONS.keys())
def test_what_is_said_of_sessions_and_streams_is_taken(tmp_path, text):
    run = check(tmp_path, text, "--check")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "affinity, key",
    [
        ("mode: tag", "mode"),
        ("cookie: { name: pod }", "cookie"),
        ("mode: none, handles: [ { query: room } ]", "handles"),
        ("mode: client, on_owner_lost: reinitialize", "on_owner_lost"),
        ("revive: { unknown: true }", "revive"),
    ],
)
def test_keys_that_exclude_one_another_are_refused(tmp_path, affinity, key):
    run = check(tmp_path, GOOD + f"    affinity: {{ {affinity} }}\n", "--check")
    assert run.returncode == 2
    assert [(line, said.split(": ")[0]) for line, _, said in faults(run)] == [
        (8, f"pools.pods.affinity.{key}")
    ]


@pytest.mark.parametrize(
    "fault, line",
    [
        ("pool: nobody", 4),
        ("    pool: pods\n    pool: pods", 5),
        ("pool: pods\n    trusted_proxies: [ 10.0.0.0/33 ]", 5),
        ("pool: pods\n    timeouts: { request_head: ten }", 5),
        ("pool: pods\n    routes: [ { path: /, pool: pods } ]", 5),
    ],
    ids=["unknown pool", "key twice", "bad range", "bad duration", "pool and routes"],
)
def test_a_fault_is_told_on_its_line(tmp_path, fault, line):
    run = check(
        tmp_path, GOOD.replace(fault.split(":")[0].strip() + ": pods", fault.lstrip(), 1), "--check"
    )
    assert run.returncode == 2
    found = faults(run)
    assert found and any(at == line for at, _, _ in found), run.stdout + run.stderr


def test_yaml_that_cannot_be_read_is_told_where(tmp_path):
    run = check(tmp_path, GOOD + "  bad indent: [\n", "--check")
    assert run.returncode == 2 and faults(run)


def test_a_file_of_binary_garbage_is_refused(tmp_path):
    (tmp_path / "c.yaml").write_bytes(bytes(range(256)))
    run = run_once("--check", "--config", "c.yaml", cwd=tmp_path)
    assert run.returncode == 2 and "c.yaml" in run.stdout + run.stderr


def test_an_empty_file_is_refused(tmp_path):
    assert check(tmp_path, "", "--check").returncode == 2
