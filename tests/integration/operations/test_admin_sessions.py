"""Sessions on the admin listener: listed, shown, forgotten, moved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from harness.cluster import Cluster, digest
from harness.deadlines import eventually
from harness.mcp import expect_proxy_error, pod_of, post


def ask(pods: Cluster, path: str, method: str = "GET", body: object = None, **fields: str):
    wire = pods.proxy.connect("admin")
    sent = b"" if body is None else json.dumps(body).encode()
    response = wire.exchange(method, path, {"Connection": "close", **fields}, sent)
    wire.close()
    return response


def got(pods: Cluster, path: str) -> dict:
    response = ask(pods, path)
    assert response.status == 200, (response.start, response.body)
    assert response.get("content-type") == "application/json"
    return json.loads(response.body)


def expect_problem(response, status: int, words: str = "") -> None:
    assert response.status == status, (response.start, response.body)
    assert response.get("content-type") == "application/problem+json"
    problem = json.loads(response.body)
    assert problem["type"] == "about:blank" and problem["status"] == status and problem["title"]
    assert words in problem["detail"], problem


def test_a_session_is_listed_with_its_digest_owner_client_and_times(cluster):
    pods = cluster()
    session = pods.session("10.1.2.3")
    listed = got(pods, "/sessions")
    assert listed["next"] is None
    (shown,) = listed["sessions"]
    assert shown["digest"] == digest(session.id)
    assert (shown["pool"], shown["endpoint"]) == ("pods", session.owner.name)
    assert (shown["client"], shown["streams"]) == ("10.1.2.3", 0)
    for key in ("created", "last_used"):
        time = datetime.strptime(shown[key], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - time) < timedelta(minutes=1)
    assert got(pods, f"/sessions/{shown['digest']}") == shown
    assert session.id not in json.dumps(listed)


def test_open_streams_are_counted(cluster):
    pods = cluster()
    session = pods.session()
    wire = pods.connect()
    wire.request("GET", "/mcp", {"Mcp-Session-Id": session.id, "Accept": "text/event-stream"})
    session.owner.wait_stream()
    path = f"/sessions/{digest(session.id)}"
    eventually(lambda: got(pods, path)["streams"] == 1, "the stream is counted")


def test_a_session_that_only_a_get_has_shown_is_provisional(cluster):
    pods = cluster()
    id = pods.stored(pods.pods["b"])
    wire = pods.connect()
    wire.request("GET", "/mcp", {"Mcp-Session-Id": id, "Accept": "text/event-stream"})
    pods.pods["b"].wait_stream()
    path = f"/sessions/{digest(id)}"
    eventually(lambda: ask(pods, path).status == 200, "the session is bound")
    assert got(pods, path)["provisional"] is True


def test_the_list_comes_in_pages_and_each_session_once(cluster):
    pods = cluster()
    ids = [pods.session(f"10.0.0.{n}").id for n in range(9)]
    seen: list[str] = []
    after = ""
    while True:
        page = got(pods, f"/sessions?limit=4{after}")
        seen += [session["digest"] for session in page["sessions"]]
        if page["next"] is None:
            break
        assert len(page["sessions"]) == 4 and page["next"] == seen[-1]
        after = f"&after={page['next']}"
    assert seen == sorted(digest(id) for id in ids)


def test_the_list_is_narrowed_down_to_an_endpoint_or_a_pool(cluster):
    pods = cluster()
    sessions = [pods.session(f"10.0.0.{n}") for n in range(9)]
    for name, pod in pods.pods.items():
        listed = got(pods, f"/sessions?endpoint={name}&pool=pods")["sessions"]
        owned = {digest(session.id) for session in sessions if session.owner is pod}
        assert {session["digest"] for session in listed} == owned


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/sessions?pool=nope", 'no pool "nope"; there are pods'),
        ("/sessions?endpoint=nope", 'no endpoint "nope"; there are a, b, c'),
        ("/sessions?limit=1001", "limit"),
        ("/sessions?after=1", "16 hex digits"),
        ("/sessions?page=2", "there are pool, endpoint, limit, after"),
        ("/sessions/1", "16 hex digits"),
    ],
)
def test_what_makes_no_sense_is_a_problem_that_says_what_would(cluster, path, words):
    expect_problem(ask(cluster(), path), 400, words)


def test_a_forgotten_session_is_a_404_as_after_a_delete_and_nobody_is_asked(cluster):
    pods = cluster()
    session = pods.session()
    seen = pods.asked(session.id)
    path = f"/sessions/{digest(session.id)}"
    response = ask(pods, path, "DELETE")
    assert (response.status, response.body) == (204, b"")
    expect_proxy_error(pods.post(session=session.id), 404, -32001)
    assert pods.asked(session.id) == seen
    assert pods.bound() == 0
    expect_problem(ask(pods, path), 404, digest(session.id))
    expect_problem(ask(pods, path, "DELETE"), 404)
    pods.proxy.stderr.wait(lambda line: "forgotten by an operator" in line, "log line")


def test_a_moved_session_goes_to_its_new_endpoint(cluster):
    pods = cluster()
    session = pods.session()
    to = pods.others(session.owner)[0]
    to.sessions.add(session.id)
    path = f"/sessions/{digest(session.id)}"
    response = ask(pods, f"{path}/move", "POST", {"endpoint": to.name})
    assert response.status == 200
    assert json.loads(response.body)["endpoint"] == to.name
    assert pod_of(pods.post(session=session.id)) == to.name
    assert got(pods, path)["endpoint"] == to.name
    metrics = pods.proxy.metrics()
    assert metrics.sum("ringside_sessions", endpoint=to.name) == 1
    assert metrics.sum("ringside_sessions", endpoint=session.owner.name) == 0


def test_a_move_to_nowhere_or_of_nothing_changes_nothing(cluster):
    pods = cluster()
    session = pods.session()
    path = f"/sessions/{digest(session.id)}/move"
    expect_problem(ask(pods, path, "POST", {"endpoint": "d"}), 400, "there are a, b, c")
    expect_problem(ask(pods, path, "POST", {"to": "a"}), 400, '{"endpoint": NAME}')
    expect_problem(ask(pods, path, "POST"), 400)
    expect_problem(ask(pods, f"/sessions/{'0' * 16}/move", "POST", {"endpoint": "a"}), 404)
    expect_problem(ask(pods, path), 405)
    assert got(pods, path.removesuffix("/move"))["endpoint"] == session.owner.name


def test_a_page_of_another_site_cannot_command(cluster):
    pods = cluster()
    session = pods.session()
    path = f"/sessions/{digest(session.id)}"
    expect_problem(ask(pods, path, "DELETE", Origin="http://evil.example"), 403)
    assert got(pods, path)["endpoint"] == session.owner.name


def test_looking_does_not_count_as_a_use(cluster):
    pods = cluster(pool={"affinity": {"idle_ttl": "1s"}})
    session = pods.session()
    path = f"/sessions/{digest(session.id)}"

    def lapsed() -> bool:
        got(pods, "/sessions")
        return ask(pods, path).status == 404

    eventually(lapsed, "the session lapses while it is looked at")


@pytest.fixture
def two_pools(ringside, pods):
    """A proxy with /a for pool pa and /b for pool pb, a pod each."""
    a, b = pods("ab")
    proxy = ringside(
        config={
            "workers": 1,
            "admin": {"bind": "127.0.0.1:0"},
            "listeners": [
                {
                    "name": "mcp",
                    "bind": "127.0.0.1:0",
                    "routes": [{"path": "/a", "pool": "pa"}, {"path": "/b", "pool": "pb"}],
                }
            ],
            "pools": {
                "pa": {"endpoints": [{"address": a.address, "name": "a"}]},
                "pb": {"endpoints": [{"address": b.address, "name": "b"}]},
            },
        }
    )
    return Cluster(proxy, [a, b])


def test_an_id_in_two_pools_is_two_sessions_of_one_digest(two_pools):
    for name, pod in two_pools.pods.items():
        pod.sessions |= {"shared", f"only-{name}"}
        for id in ("shared", f"only-{name}"):
            assert post(two_pools.wire, session=id, target=f"/{name}").status == 200
    seen, after = [], ""
    while after is not None:
        page = got(two_pools, f"/sessions?limit=1{after}")
        seen.append([(each["digest"], each["pool"]) for each in page["sessions"]])
        after = f"&after={page['next']}" if page["next"] else None
    shared, only_a, only_b = digest("shared"), digest("only-a"), digest("only-b")
    assert seen == sorted(
        [[(shared, "pa"), (shared, "pb")], [(only_a, "pa")], [(only_b, "pb")]]
    )
    assert len(got(two_pools, "/sessions?pool=pb")["sessions"]) == 2
    expect_problem(ask(two_pools, "/sessions?pool=pb&endpoint=a"), 400, "there are b")
    assert ask(two_pools, f"/sessions/{shared}", "DELETE").status == 204
    assert len(got(two_pools, "/sessions")["sessions"]) == 2
