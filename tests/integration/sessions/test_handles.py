"""Handles: requests without a session that carry the same configured value meet one pod."""

import base64

import pytest

from harness.deadlines import eventually
from harness.mcp import fields_for, modern, pod_of, post, rpc


def handles(*items: dict, **affinity) -> dict:
    return {"affinity": {"handles": list(items), **affinity}}


def serving(pods):
    """Every pod answers every request."""
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    return pods


KINDS = {
    "header": ({"header": "x-room"}, lambda room: ("/mcp", {"X-Room": room})),
    "param": (
        {"header": "mcp-param-room"},
        lambda room: ("/mcp", modern("tools/call", **{"Mcp-Param-Room": room})),
    ),
    "query": ({"query": "room"}, lambda room: (f"/mcp?a=1&room={room}&b=2", {})),
    "cookie": ({"cookie": "room"}, lambda room: ("/mcp", {"Cookie": f"x=1; room={room}; y=2"})),
}


def ask(wire, kind, room, client="10.0.0.1"):
    target, fields = KINDS[kind][1](room)
    return post(wire, rpc("tools/call"), None, client, fields, target)


@pytest.mark.parametrize("kind", KINDS)
def test_one_value_meets_one_pod_from_any_client_and_through_any_proxy(cluster, trusting, kind):
    pool = handles(KINDS[kind][0])
    pods = serving(cluster(pool=pool))
    second = trusting(*pods.pods.values(), pool=pool).connect()
    homes = {}
    for room in range(12):
        first = pod_of(ask(pods.wire, kind, f"room-{room}"))
        for number in range(4):
            client = f"10.{room}.{number}.1"
            assert pod_of(ask(pods.wire, kind, f"room-{room}", client)) == first
            assert pod_of(ask(second, kind, f"room-{room}", client)) == first
        homes[room] = first
    assert set(homes.values()) == {"a", "b", "c"}, "values are spread"
    assert pods.all_picked_by(60) == {"handle"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_carries_a_handle_reaches_the_pod_as_sent(cluster, kind):
    pods = serving(cluster("a", pool=handles(KINDS[kind][0])))
    target, fields = KINDS[kind][1]("kitchen")
    ask(pods.wire, kind, "kitchen")
    (request,) = pods.pods["a"].requests
    assert request.target == target
    assert set(fields.items()) <= set(request.fields)


def test_a_value_counts_with_its_case_and_the_name_of_a_field_without(cluster):
    pods = serving(cluster(pool=handles({"header": "X-Room"})))
    homes = {
        room: {pod_of(pods.post(fields={name: room})) for name in ("x-room", "X-ROOM", "X-Room")}
        for room in ("kitchen", "Kitchen", "KITCHEN", "hall", "Hall", "HALL", "attic", "Attic")
    }
    assert all(len(home) == 1 for home in homes.values())
    assert len({tuple(home) for home in homes.values()}) > 1


def encoded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize("name", ["mcp-param-room", "mcp-name"])
def test_a_mirrored_value_in_base64_is_the_same_as_plain(cluster, name):
    pods = serving(cluster(pool=handles({"header": name})))
    for room in range(12):
        plain = pod_of(pods.post(fields=modern("tools/call", **{name: f"room-{room}"})))
        coded = pod_of(pods.post(fields=modern("tools/call", **{name: encoded(f"room-{room}")})))
        assert plain == coded


def test_a_field_that_is_not_mirrored_is_not_decoded(cluster):
    pods = serving(cluster(pool=handles({"header": "x-room"})))
    same = [
        pod_of(pods.post(fields={"x-room": f"room-{n}"}))
        == pod_of(pods.post(fields={"x-room": encoded(f"room-{n}")}))
        for n in range(40)
    ]
    assert not all(same)


def test_a_query_value_is_the_same_however_it_is_escaped(cluster):
    pods = serving(cluster(pool=handles({"query": "room"})))
    for number in range(8):
        spellings = (f"a%20{number}", f"a+{number}", f"%61%20{number}")
        answers = {pod_of(post(pods.wire, target=f"/mcp?room={value}")) for value in spellings}
        assert len(answers) == 1


@pytest.mark.parametrize(
    "fields",
    [[("x-room", "a"), ("X-Room", "b")], [("x-room", "")], [("x-other", "kitchen")]],
    ids=["twice", "empty", "another field"],
)
def test_what_is_no_handle_is_placed_as_ever(cluster, fields):
    pods = serving(cluster(pool=handles({"header": "x-room"})))
    assert pods.picked_by(client="10.0.0.1", fields=fields) == "ring"
    assert pods.picked_by(client="10.0.0.1", fields=[*fields, *modern().items()]) == "balanced"


def test_the_first_of_several_handles_decides(cluster):
    pods = serving(cluster(pool=handles({"header": "x-room"}, {"query": "room"})))
    for number in range(10):
        by_field = pod_of(pods.post(fields={"x-room": f"r{number}"}))
        both = post(pods.wire, fields={"x-room": f"r{number}"}, target=f"/mcp?room=q{number}")
        assert pod_of(both) == by_field


def test_a_session_counts_before_a_handle(cluster):
    pods = cluster(pool=handles({"header": "x-room"}))
    first, second = pods.sessions_apart()
    for session in (first, second):
        for number in range(8):
            response = pods.post(session=session.id, fields={"x-room": f"room-{number}"})
            assert pod_of(response) == session.owner.name
    assert pods.picked_by(first.id, fields={"x-room": "r"}) == "binding"


def test_an_initialize_with_a_handle_opens_a_session_like_any_other(cluster):
    pods = cluster(pool=handles({"header": "x-room"}))
    for number in range(6):
        session = pods.session("10.0.0.1", {"x-room": f"room-{number}"})
        assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name


@pytest.fixture
def moved(cluster):
    """moved(grace) is a cluster, a room, its first pod, which has died, and who has it then."""

    def make(grace: str):
        pods = serving(cluster(pool=handles({"header": "x-room"}, owner_grace=grace)))
        ask_room = lambda: pods.post(fields={"x-room": "kitchen"})  # noqa: E731
        first = pods.pods[pod_of(ask_room())]
        first.stop()
        return pods, first, ask_room

    return make


def test_another_pod_takes_what_a_dead_one_held_and_keeps_it(moved):
    pods, first, ask_room = moved("100ms")
    answer = eventually(lambda: (r := ask_room()).status == 200 and r, "another pod takes it")
    second = pod_of(answer)
    assert second != first.name
    for _ in range(5):
        assert pod_of(ask_room()) == second
    first.start()
    assert {pod_of(ask_room()) for _ in range(5)} == {second}, "a binding, and not the ring alone"


def test_while_its_pod_refuses_another_takes_a_handle(moved):
    _, first, ask_room = moved("1h")
    for _ in range(5):
        answer = ask_room()
        assert answer.status == 200
        assert pod_of(answer) != first.name


def test_a_binding_outlives_the_proxy_where_there_is_a_state_file(cluster, trusting, tmp_path):
    pool = handles({"header": "x-room"})
    state = {"pool": pool, "state_file": str(tmp_path / "state")}
    pods = serving(cluster(**state))
    rooms = {}
    for pod in pods.pods.values():
        for other in pods.others(pod):
            other.stop()
        room = f"only-{pod.name}"
        rooms[room] = pod_of(pods.post(fields={"x-room": room}))
        assert rooms[room] == pod.name
        for other in pods.others(pod):
            other.start()
    pods.proxy.stop()
    second = trusting(*pods.pods.values(), **state).connect()
    for room, home in rooms.items():
        assert pod_of(post(second, fields={"x-room": room})) == home


def test_a_refusal_binds_nothing(cluster):
    pods = cluster(pool=handles({"header": "x-room"}))
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(404)
    for _ in range(3):
        assert pods.post(fields={"x-room": "kitchen"}).status == 404
    assert pods.bound() == 0
    assert sum(len(pod.requests) for pod in pods.pods.values()) == 3, "no handle is searched for"


def test_a_404_does_not_end_what_a_handle_names(cluster):
    pods = serving(cluster(pool=handles({"header": "x-room"})))
    home = pods.pods[pod_of(pods.post(fields={"x-room": "kitchen"}))]
    home.answer = lambda request: home.reply(404)
    assert pods.post(fields={"x-room": "kitchen"}).status == 404
    assert pods.bound() == 1
    assert pod_of(pods.post(fields={"x-room": "kitchen"})) == home.name


def test_a_get_and_a_delete_go_where_the_handle_is(cluster):
    pods = serving(cluster(pool=handles({"query": "room"})))
    for number in range(6):
        home = pod_of(post(pods.wire, target=f"/mcp?room={number}"))
        for method in ("GET", "DELETE", "PUT", "OPTIONS"):
            fields = fields_for(None, f"10.0.0.{number}")
            assert pod_of(pods.wire.exchange(method, f"/x?room={number}", fields)) == home
