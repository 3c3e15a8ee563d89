"""Streams of sessions: each on its owner, apart from each other, ended by whoever ends them."""

from harness.deadlines import eventually
from harness.mcp import fields_for, pod_of, rpc


def open_stream(pods, session, method="GET", client=None):
    wire = pods.connect()
    number = len(session.owner.streams)
    body = rpc("stream", number) if method == "POST" else None
    wire.request(method, "/mcp", fields_for(session.id, client), body)
    head = wire.read_response_head()
    assert pod_of(head) == session.owner.name
    return wire, wire.body_of(head), session.owner.wait_stream(number)


def test_case_34_three_streams_of_one_session_stay_on_the_owner_and_apart(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    opened = [
        open_stream(pods, session, method, f"10.0.1.{n}")
        for n, method in enumerate(["POST", "POST", "GET"])
    ]
    for number, (_, _, stream) in enumerate(opened):
        stream.send(f"data: {number}\n\n")
    for number, (_, body, _) in enumerate(opened):
        assert body.event() == f"data: {number}\n\n".encode()
    (_, first, ended), *others = opened
    ended.end()
    assert first.rest() == b""
    for number, (_, body, stream) in enumerate(others):
        stream.send(f"data: again {number}\n\n")
        assert body.event() == f"data: again {number}\n\n".encode()


def test_case_38_a_client_that_leaves_its_stream_is_seen_by_the_owner_and_keeps_its_session(
    cluster,
):
    pods = cluster()
    session = pods.session("10.0.0.1")
    wire, _, stream = open_stream(pods, session)
    wire.close()
    stream.expect_left(2.5)
    assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == session.owner.name
    assert pods.bound() == 1


def test_case_39_a_client_that_drops_its_stream_and_opens_another_meets_no_conflict(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    wire, _, first = open_stream(pods, session)
    wire.close()
    first.expect_left(2.5)
    _, body, second = open_stream(pods, session)
    second.send("data: 2\n\n")
    assert body.event() == b"data: 2\n\n"


def test_case_40_a_pod_that_crashes_cuts_its_own_streams_and_no_others(cluster):
    pods = cluster()
    doomed, safe = pods.sessions_apart()
    _, cut, _ = open_stream(pods, doomed)
    _, whole, stream = open_stream(pods, safe)
    doomed.owner.crash()
    assert cut.expect_abort() == b""
    stream.send("data: still here\n\n")
    assert whole.event() == b"data: still here\n\n"
    assert pod_of(pods.post(session=safe.id)) == safe.owner.name


def test_case_42_a_resuming_get_goes_to_the_owner_with_its_last_event_id(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    _, body, stream = open_stream(pods, session, "POST")
    stream.send("id: e-1\ndata: \n\n")
    assert body.event() == b"id: e-1\ndata: \n\n"
    stream.end()
    assert body.rest() == b""
    wire = pods.connect()
    fields = fields_for(session.id, "10.0.0.9", {"Last-Event-ID": "e-1"})
    wire.request("GET", "/mcp", fields)
    assert pod_of(wire.read_response_head()) == session.owner.name
    assert session.owner.requests[-1].get("last-event-id") == "e-1"


def test_open_streams_are_counted(cluster):
    pods = cluster()
    session = pods.session("10.0.0.1")
    opened = [open_stream(pods, session) for _ in range(3)]
    counted = pods.proxy.metrics().sum("ringside_streams", pool="pods", endpoint=session.owner.name)
    assert counted == 3
    for _, body, stream in opened:
        stream.end()
        assert body.rest() == b""
    eventually(lambda: pods.proxy.metrics().sum("ringside_streams") == 0, "the streams are over")


def test_case_43_last_event_id_without_a_session_goes_by_the_client_and_passes_unchanged(cluster):
    pods = cluster()
    fields = fields_for(None, "10.0.0.7", {"Last-Event-ID": "e-43"})
    asked = set()
    for _ in range(5):
        wire = pods.connect()
        wire.request("GET", "/mcp", fields)
        asked.add(pod_of(wire.read_response_head()))
        wire.close()
    [name] = asked
    seen = [request.get("last-event-id") for request in pods.pods[name].requests]
    assert seen == ["e-43"] * 5
