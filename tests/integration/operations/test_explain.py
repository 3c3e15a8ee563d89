"""Where a request would go: the admin page, and the command that asks it. Nothing is sent."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from harness import yaml
from harness.cluster import Cluster, digest
from harness.deadlines import eventually
from harness.mcp import INITIALIZE, modern, pod_of
from harness.process import run_once


def ask(pods: Cluster, session: str | None = None, *fields: str, **query: str):
    pairs = list(query.items()) + [("header", field) for field in fields]
    if session is not None:
        pairs.append(("header", f"Mcp-Session-Id: {session}"))
    return pods.proxy.admin(f"/explain?{urlencode(pairs)}")


def explained(pods: Cluster, session: str | None = None, *fields: str, **query: str) -> dict:
    response = ask(pods, session, *fields, **query)
    assert response.status == 200, (response.start, response.body)
    assert response.get("content-type") == "application/json"
    return json.loads(response.body)


def requests_seen(pods: Cluster) -> int:
    return sum(len(pod.requests) for pod in pods.pods.values())


def names(told: dict) -> list[str]:
    return [told["endpoint"], *told["then"]]


def test_a_bound_session_goes_to_its_owner_and_nobody_else(cluster):
    pods = cluster()
    session = pods.session("10.1.2.3")
    told = explained(pods, session.id, client="10.1.2.3")
    assert (told["row"], told["picked_by"]) == (1, "binding")
    assert (told["listener"], told["pool"], told["client"]) == ("mcp", "pods", "10.1.2.3")
    assert (told["session"], told["bound"]) == (digest(session.id), True)
    assert told["owner"] == told["endpoint"] == session.owner.name
    assert told["then"] == [] and told["refused"] is None
    assert "bound" in told["why"]


def test_an_unknown_session_is_looked_for_along_the_ring_of_its_id(cluster):
    pods = cluster()
    for _ in range(5):
        id = pods.unknown()
        seen = requests_seen(pods)
        told = explained(pods, id)
        assert (told["row"], told["picked_by"], told["bound"]) == (3, "ring", False)
        assert (told["owner"], told["session"]) == (None, digest(id))
        assert sorted(names(told)) == ["a", "b", "c"]
        assert requests_seen(pods) == seen
        # and so it is
        pods.pods[told["then"][-1]].sessions.add(id)
        assert pods.post(session=id).status == 200
        order = [pod for pod in names(told) if pods.asked(id)[pod]]
        assert order == names(told)
        assert pods.asked(id).total() == 3


def test_a_session_that_only_a_stream_has_shown_may_move_on(cluster):
    pods = cluster()
    id = pods.stored(pods.pods["b"])
    wire = pods.connect()
    wire.request("GET", "/mcp", {"Mcp-Session-Id": id, "Accept": "text/event-stream"})
    pods.pods["b"].wait_stream()
    told = eventually(lambda: (e := explained(pods, id))["bound"] and e, "it is bound")
    assert told["provisional"] is True and told["endpoint"] == "b"
    assert sorted(names(told)) == ["a", "b", "c"]
    assert explained(pods, id, method="GET")["then"] == []


def test_a_new_client_goes_where_its_identity_says(cluster):
    pods = cluster()
    for number in range(12):
        client = f"10.0.{number}.1"
        told = explained(pods, client=client)
        assert (told["row"], told["picked_by"], told["session"]) == (6, "ring", None)
        assert sorted(names(told)) == ["a", "b", "c"]
        assert pod_of(pods.post(INITIALIZE, client=client)) == told["endpoint"]


def test_a_forwarded_address_counts_where_the_peer_is_trusted(cluster):
    pods = cluster()
    assert explained(pods, None, "X-Forwarded-For: 10.0.0.7")["client"] == "10.0.0.7"
    untrusted = explained(pods, None, "X-Forwarded-For: 10.0.0.7", client="192.0.2.1")
    assert untrusted["client"] == "192.0.2.1"


def test_the_era_without_sessions_is_drawn_at_random(cluster):
    pods = cluster()
    told = explained(pods, None, *(f"{name}: {value}" for name, value in modern().items()))
    assert (told["row"], told["picked_by"]) == (4, "balanced")
    assert told["endpoint"] is None and told["then"] == []


def test_a_refused_request_is_told_with_its_answer(cluster):
    pods = cluster()
    twice = explained(pods, "a", "Mcp-Session-Id: b")["refused"]
    assert (twice["status"], twice["error"]) == (400, "duplicate_session_id")
    assert explained(pods, path="/a b")["refused"]["status"] == 400
    assert explained(pods, method="CONNECT")["refused"]["status"] in (400, 501)
    nowhere = explained(pods, None, "Content-Length: 1", "Content-Length: 2")
    assert nowhere["refused"]["error"] == "bad_length"


def test_an_ended_session_is_a_404(cluster):
    pods = cluster()
    session = pods.session()
    assert pods.send("DELETE", session.id).status in (200, 204)
    told = explained(pods, session.id)
    assert (told["refused"]["status"], told["refused"]["error"]) == (404, "session_ended")
    assert told["endpoint"] is None and told["bound"] is False
    assert "ended" in told["why"]


def test_a_session_that_nobody_knew_a_moment_ago_is_a_404(cluster):
    pods = cluster()
    id = pods.unknown()
    assert pods.post(session=id).status == 404
    told = explained(pods, id)
    assert told["refused"]["status"] == 404
    assert "none knows it" in told["why"]
    elsewhere = explained(pods, id, path="/other")
    assert elsewhere["row"] == 3 and elsewhere["refused"] is None


def test_an_owner_that_refuses_is_told(cluster):
    pods = cluster(pool={"affinity": {"owner_grace": "60s"}})
    session = pods.session()
    session.owner.stop()
    assert pods.post(session=session.id).status == 503
    told = explained(pods, session.id)
    assert told["owner"] == session.owner.name and told["refused"] is None
    assert "refuses" in told["why"] and "503" in told["why"]


@pytest.mark.parametrize("policy", ["not_found", "reinitialize"])
def test_a_session_whose_owner_is_lost_is_told_by_the_loss_policy(cluster, policy):
    pods = cluster(pool={"affinity": {"owner_grace": "300ms", "on_owner_lost": policy}})
    session = pods.session()
    session.owner.stop()

    def lost() -> dict | None:
        told = explained(pods, session.id)
        return told if "loss policy" in (told["rule"] or "") else None

    # an explanation is no request: something must ask before the owner counts as refusing
    assert pods.send("GET", session.id).status == 503
    told = eventually(lost, "the owner is lost")
    if policy == "not_found":
        assert told["refused"]["status"] == 404
    else:
        assert told["refused"] is None and told["picked_by"] == "revival"
        assert told["endpoint"] in {pod.name for pod in pods.others(session.owner)}


def test_a_tag_is_read(cluster, tmp_path):
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    tag = {"mode": "tag", "tag": {"key_files": [str(tmp_path / "key")]}}
    pods = cluster(pool={"affinity": tag})
    session = pods.session()
    told = explained(pods, session.id)
    assert (told["row"], told["picked_by"]) == (2, "tag")
    assert told["owner"] == told["endpoint"] == session.owner.name
    last = "A" if session.id[-2] != "A" else "B"
    forged = explained(pods, session.id[:-2] + last + session.id[-1])["refused"]
    assert (forged["status"], forged["error"]) == (404, "forged_session_id")


def test_a_handle_is_followed(cluster):
    pods = cluster(pool={"affinity": {"handles": [{"header": "mcp-param-room"}]}})
    fields = {"Mcp-Param-Room": "lobby", **modern("tools/call")}
    lines = [f"{name}: {value}" for name, value in fields.items()]
    told = explained(pods, None, *lines)
    assert (told["row"], told["picked_by"]) == (5, "handle")
    assert pod_of(pods.post(fields=fields)) == told["endpoint"]


@pytest.mark.parametrize("mode", ["client", "none"])
def test_the_modes_without_sessions_say_so(cluster, mode):
    pods = cluster(pool={"affinity": {"mode": mode}})
    told = explained(pods, "any", client="10.0.0.1")
    assert f"mode {mode}" in told["rule"] and told["row"] is None
    if mode == "client":
        assert pod_of(pods.post(client="10.0.0.1")) == told["endpoint"]
    else:
        assert told["endpoint"] is None


def test_an_explanation_is_no_use_of_a_session(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "1s"}})
    session = pods.session()
    eventually(lambda: explained(pods, session.id)["row"] == 3, "the session lapses meanwhile")
    eventually(lambda: pods.bound() == 0, "housekeeping drops it")


def test_a_session_in_the_url_of_a_post_is_one(cluster):
    pods = cluster()
    told = explained(pods, path="/messages/?session_id=0123abcd")
    assert (told["row"], told["session"]) == (3, digest("0123abcd"))
    assert explained(pods, path="/messages/?session_id=0123abcd", method="GET")["row"] == 6


def test_a_cookie_of_the_proxy_is_read(cluster, tmp_path):
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    cookie = {"mode": "cookie", "tag": {"key_files": [str(tmp_path / "key")]}}
    pods = cluster(pool={"affinity": cookie})
    response = pods.post(b"{}", client="10.0.0.1")
    line = f"Cookie: {response.get('set-cookie').split(';')[0]}"
    told = explained(pods, None, line, client="10.0.0.99")
    assert (told["picked_by"], told["row"]) == ("cookie", None)
    assert told["endpoint"] == pod_of(response)
    assert sorted(names(told)) == ["a", "b", "c"]
    assert explained(pods, None, line[:-1])["picked_by"] == "ring"


def test_a_page_whose_origin_is_not_allowed_is_refused(cluster):
    pods = cluster(listener={"allowed_origins": ["https://a.example"]})
    assert explained(pods, None, "Origin: https://a.example")["refused"] is None
    assert explained(pods, None, "Origin: https://b.example")["refused"]["status"] == 403


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"client": "example.com"}, "not an IP address"),
        ({"pool": "nope"}, 'no pool "nope"; there are pods'),
        ({"listener": "nope"}, 'no listener "nope"; there are mcp'),
        ({"header": "no colon"}, "name: value"),
        ({"header": "a: b\r\nhost: c"}, "line break"),
        ({"path": "/ HTTP/1.1\r\nx: y"}, "line break"),
        ({"headers": "a: b"}, "there is no parameter"),
    ],
)
def test_what_makes_no_sense_is_a_problem(cluster, query, words):
    response = ask(cluster(), **query)
    assert response.status == 400 and response.get("content-type") == "application/problem+json"
    assert words in json.loads(response.body)["detail"]


def test_the_route_decides_about_the_pool_unless_one_is_named(ringside, pods):
    a, b = pods("ab")
    routes = [{"path": "/a", "pool": "pa"}, {"path": "/b", "pool": "pb"}]
    proxy = ringside(
        config={
            "admin": {"bind": "127.0.0.1:0"},
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "routes": routes}],
            "pools": {"pa": {"endpoints": [a.address]}, "pb": {"endpoints": [b.address]}},
        }
    )
    both = Cluster(proxy, [a, b])
    assert explained(both, path="/b/mcp")["endpoint"] == b.address
    assert explained(both, path="/c", pool="pb")["pool"] == "pb"
    nowhere = explained(both, path="/c")
    assert nowhere["pool"] is None and nowhere["refused"]["error"] == "no_route"


# The command


@pytest.fixture
def file(tmp_path):
    """A configuration with this admin section; the rest only has to be valid."""

    def write(admin: str | None) -> str:
        config = {
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "pool": "pods"}],
            "pools": {"pods": {"endpoints": ["127.0.0.1:9"]}},
        }
        if admin is not None:
            config["admin"] = {"bind": admin}
        (tmp_path / "c.yaml").write_text(yaml.dump(config) + "\n")
        return str(tmp_path / "c.yaml")

    return write


def admin_of(pods: Cluster) -> str:
    host, port = pods.proxy.addresses["admin"]
    return f"{host}:{port}"


def test_the_command_prints_a_line_for_each_part_and_sends_nothing(cluster, file, tmp_path):
    pods = cluster()
    session = pods.session()
    seen = requests_seen(pods)
    header = f"mcp-session-id: {session.id}"
    run = run_once(
        "explain", "--config", file(admin_of(pods)), "--header", header, "--client", "10.1.2.3",
        cwd=tmp_path,
    )
    assert run.returncode == 0, run
    lines = {line[:11].strip(): line[11:] for line in run.stdout.splitlines()}
    assert lines["session"] == f"{digest(session.id)}, bound"
    assert lines["endpoint"] == lines["owner"] == session.owner.name
    assert lines["rule"].startswith("1: ") and lines["client"] == "10.1.2.3" and lines["why"]
    assert session.id not in run.stdout and run.stderr == ""
    assert requests_seen(pods) == seen


def test_the_command_prints_json_and_refusals(cluster, file, tmp_path):
    pods = cluster()
    config = file(admin_of(pods).replace("127.0.0.1", "0.0.0.0"))
    run = run_once("explain", "--json", "--config", config, "--pool", "pods", cwd=tmp_path)
    assert run.returncode == 0 and json.loads(run.stdout)["row"] == 6
    flags = ["--header", "mcp-session-id: a", "--header", "mcp-session-id: b"]
    run = run_once("explain", "--config", config, *flags, cwd=tmp_path)
    assert run.returncode == 0 and "400 duplicate_session_id" in run.stdout


@pytest.mark.parametrize(
    ("admin", "words"),
    [
        (None, "has no admin.bind"),
        ("127.0.0.1:0", "any free port"),
        ("127.0.0.1:1", "is the proxy running?"),
    ],
)
def test_the_command_says_why_nobody_can_be_asked(file, tmp_path, admin, words):
    run = run_once("explain", "--config", file(admin), cwd=tmp_path)
    assert run.returncode == 1 and words in run.stderr and run.stdout == ""


def test_the_command_passes_on_what_the_proxy_refuses(cluster, file, tmp_path):
    config = file(admin_of(cluster()))
    run = run_once("explain", "--config", config, "--pool", "nope", cwd=tmp_path)
    assert run.returncode == 1 and "there are pods" in run.stderr


def test_the_command_names_faults_of_its_line_and_its_file(file, tmp_path):
    help = run_once("explain", "--help", cwd=tmp_path)
    assert help.returncode == 0 and "--header" in help.stdout
    for flags, words in (
        ([], "--config is missing"),
        (["--confg", "x"], "did you mean --config?"),
        (["--config", "none.yaml"], "none.yaml"),
    ):
        run = run_once("explain", *flags, cwd=tmp_path)
        assert run.returncode == 2 and words in run.stderr, (flags, run)
