"""Tasks: the id that a pod mints in the body of an answer leads later requests back to it."""

import base64
import json

import pytest

from harness.mcp import fields_for, modern, pod_of, post, rpc
from harness.streams import STREAM
from harness.wire import LAST_CHUNK, chunk

TASKS = {"affinity": {"handles": [{"tasks": True}]}}
METHODS = ("tasks/get", "tasks/result", "tasks/update", "tasks/cancel")


def in_result(id):
    return {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "task", "taskId": id}}


def in_task(id):
    task = {"status": "working", "taskId": id, "ttl": 60000}
    return {"jsonrpc": "2.0", "id": 1, "result": {"_meta": {"a": [1, {}]}, "task": task}}


def as_json(message):
    return json.dumps(message).encode(), [("Content-Type", "application/json")]


def as_events(message):
    told = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"taskId": "no"}}
    events = f": hi\n\ndata: {json.dumps(told)}\n\nevent: message\ndata: {json.dumps(message)}\n\n"
    return events.encode(), [("Content-Type", "text/event-stream")]


def minting(pods, shape=in_result, form=as_json):
    """A call to a pod makes a task of its own; all else says who answered."""
    for pod in pods.pods.values():
        made = iter(range(1000))

        def answer(request, pod=pod, made=made):
            if b"tools/call" not in request.body:
                return pod.reply(200)
            body, fields = form(shape(f"task-{pod.name}-{next(made)}"))
            return pod.reply(200, body, fields)

        pod.answer = answer
    return pods


def call(wire, client="10.0.0.1"):
    return post(wire, rpc("tools/call", name="slow"), None, client, modern("tools/call"))


def task_of(response) -> str:
    text = response.body.decode()
    return text[text.rindex("task-") :].split('"')[0]


def about(wire, task, method="tasks/get", client="10.0.0.9"):
    fields = modern(method, **{"Mcp-Name": task})
    return post(wire, rpc(method, taskId=task), None, client, fields)


@pytest.mark.parametrize("shape", [in_result, in_task])
@pytest.mark.parametrize("form", [as_json, as_events])
def test_a_task_is_asked_about_where_it_is(cluster, shape, form):
    pods = minting(cluster(pool=TASKS), shape, form)
    owners = set()
    for number in range(12):
        created = call(pods.wire, f"10.0.{number}.1")
        owners.add(pod_of(created))
        for client, method in enumerate(METHODS):
            response = about(pods.wire, task_of(created), method, f"10.1.{number}.{client}")
            assert pod_of(response) == pod_of(created)
    assert len(owners) > 1


def test_a_task_id_in_base64_is_the_same(cluster):
    pods = minting(cluster(pool=TASKS))
    for _ in range(8):
        created = call(pods.wire)
        coded = base64.b64encode(task_of(created).encode()).decode()
        assert pod_of(about(pods.wire, f"=?base64?{coded}?=")) == pod_of(created)


def test_the_log_says_that_a_handle_decided(cluster):
    pods = minting(cluster(pool=TASKS))
    task = task_of(call(pods.wire))
    assert pods.picked_by(fields=modern("tasks/get", **{"Mcp-Name": task})) == "handle"
    assert pods.picked_by(fields=modern("tools/call", **{"Mcp-Name": task})) == "balanced"


def test_tasks_are_not_learned_unless_asked_for(cluster):
    pods = minting(cluster())
    task = task_of(call(pods.wire))
    assert {pod_of(about(pods.wire, task)) for _ in range(40)} == {"a", "b", "c"}
    assert pods.bound() == 0


def test_a_task_is_known_to_all_workers_when_its_id_arrives(cluster):
    pods = minting(cluster(workers=4, pool=TASKS))
    others = [pods.connect() for _ in range(12)]
    for _ in range(10):
        created = call(pods.wire)
        for other in others:
            fields = fields_for(None, None, modern("tasks/get", **{"Mcp-Name": task_of(created)}))
            other.request("POST", "/mcp", fields, b"{}")
        for other in others:
            assert pod_of(other.read_response("POST")) == pod_of(created)


def test_no_byte_waits_for_a_task_id(trusting, upstream):
    proxy = trusting(upstream, pool=TASKS)
    wire = proxy.connect()
    wire.request("POST", "/mcp", fields_for(None, None, modern("tools/call")), rpc("tools/call"))
    served = upstream.accept()
    served.read_request()
    served.send(STREAM)
    body = wire.body_of(wire.read_response_head())
    event = b'data: {"jsonrpc":"2.0","id":1,"result":{"taskId":"t-1"}}\n\n'
    bound = lambda: proxy.metrics().sum("ringside_sessions")  # noqa: E731
    for at in range(len(event)):
        served.send(chunk(event[at : at + 1]))
        assert body.read(1) == event[at : at + 1]
        if event[: at + 1].endswith(b"t-1"):
            assert bound() == 0, "an id is not over before its quote"
    assert bound() == 1
    served.send(chunk("data: more\n\n") + LAST_CHUNK)
    assert body.rest() == b"data: more\n\n"


def test_an_answer_passes_byte_for_byte(cluster):
    pods = cluster("a", pool=TASKS)
    (pod,) = pods.pods.values()
    for body in (b"", b"{", b"[1]", b"\x1f\x8b\x08\x00\xff", b'{"result":' * 5000, b"x" * 200_000):
        pod.answer = lambda request, body=body: pod.reply(200, body)
        assert call(pods.wire).body == body
    assert pods.bound() == 0


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"taskId": "task-x"}]}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "data": {"taskId": "task-x"}}},
        {"jsonrpc": "2.0", "method": "notifications/tasks", "params": {"taskId": "task-x"}},
        {"jsonrpc": "2.0", "id": 1, "result": {"text": '{"taskId":"task-x"}'}},
        {"jsonrpc": "2.0", "id": 1, "result": {"taskId": 7}},
        {"taskId": "task-x"},
    ],
    ids=["deeper", "an error", "a notification", "text", "a number", "no result"],
)
def test_a_task_id_elsewhere_in_the_answer_is_none(cluster, message):
    pods = cluster("a", pool=TASKS)
    (pod,) = pods.pods.values()
    pod.answer = lambda request: pod.reply(200, message)
    assert call(pods.wire).status == 200
    assert pods.bound() == 0


def test_a_task_id_beyond_the_first_64_kib_is_not_looked_for(cluster):
    pods = cluster("a", pool=TASKS)
    (pod,) = pods.pods.values()
    for size, bound in ((60_000, 1), (70_000, 1)):
        message = {"id": 1, "result": {"text": "x" * size, "taskId": f"task-{size}"}}
        pod.answer = lambda request, message=message: pod.reply(200, message)
        assert json.loads(call(pods.wire).body) == message
        assert pods.bound() == bound


def test_the_task_of_a_failed_call_is_none(cluster):
    pods = cluster("a", pool=TASKS)
    (pod,) = pods.pods.values()
    pod.answer = lambda request: pod.reply(500, in_result("task-x"))
    assert call(pods.wire).status == 500
    assert pods.bound() == 0


def test_a_task_of_a_session_goes_where_its_session_is(cluster):
    pods = cluster(pool=TASKS)
    for session in pods.sessions_apart():
        owner = session.owner
        owner.answer = lambda request, owner=owner: owner.reply(200, in_task(f"task-{owner.name}"))
        assert pods.post(rpc("tools/call"), session.id).status == 200
        for method in METHODS:
            fields = {"Mcp-Method": method, "Mcp-Name": f"task-{owner.name}"}
            response = pods.post(rpc(method), session.id, "10.0.0.9", fields)
            assert pod_of(response) == owner.name
