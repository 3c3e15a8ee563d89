"""DELETE for a session that the proxy has never seen: some servers say yes to any id, so all are
asked, and the best answer is the client's."""

import pytest

from harness.mcp import expect_proxy_error, pod_of
from harness.upstream import accept_first


def answer(pods, **statuses):
    """Every pod named answers everything so."""
    for name, status in statuses.items():
        pod = pods.pods[name]
        reply = pod.reply(status, b"" if status == 204 else b"from " + pod.name.encode())
        pod.answer = lambda request, reply=reply: reply


def test_case_23_a_delete_reaches_every_pod_although_the_first_accepts_it(cluster):
    pods = cluster()
    owner = pods.pods["c"]
    session = pods.stored(owner, first=pods.pods["a"])
    answer(pods, a=202)  # as Rust answers any id
    response = pods.send("DELETE", session)
    assert response.status in (200, 202) and pod_of(response)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    assert session not in owner.sessions
    assert pods.bound() == 0


def test_case_20_a_session_ended_by_a_search_stays_ended(cluster):
    pods = cluster(pool={"affinity": {"search": {"remember": "0s"}}})
    session = pods.stored(pods.pods["b"])
    assert pod_of(pods.send("DELETE", session)) == "b"
    asked = pods.asked(session)
    expect_proxy_error(pods.post(session=session), 404, -32001)
    expect_proxy_error(pods.send("DELETE", session), 404, -32001)
    assert pods.asked(session) == asked == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "statuses, best, by",
    [
        ({"a": 404, "b": 204, "c": 405}, 204, "b"),
        ({"a": 405, "b": 404, "c": 200}, 200, "c"),
        ({"a": 404, "b": 404, "c": 405}, 405, "c"),
        ({"a": 500, "b": 404, "c": 202}, 202, "c"),
        ({"a": 403, "b": 404, "c": 400}, 403, "a"),
    ],
)
def test_case_23_the_best_answer_wins(cluster, statuses, best, by):
    pods = cluster()
    session = pods.unknown()
    answer(pods, **statuses)
    response = pods.send("DELETE", session)
    assert (response.status, pod_of(response)) == (best, by)
    assert response.body == (b"" if best == 204 else b"from " + by.encode())
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    assert pods.bound() == 0


@pytest.mark.parametrize("status", [405, 500, 403])
def test_case_21_a_delete_that_nobody_carries_out_leaves_the_session_alive(cluster, status):
    pods = cluster()
    owner = pods.pods["b"]
    session = pods.stored(owner)
    owner.answer = lambda request: owner.reply(status) if request.method == "DELETE" else None
    assert pods.send("DELETE", session).status == status
    assert pod_of(pods.post(session=session)) == "b"


def test_case_22_nobody_knows_what_is_to_be_deleted(cluster):
    pods = cluster()
    session = pods.unknown()
    expect_proxy_error(pods.send("DELETE", session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    expect_proxy_error(pods.send("DELETE", session), 404, -32001)
    expect_proxy_error(pods.post(session=session), 404, -32001)
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}


def test_case_23_a_pod_that_cannot_be_asked_may_be_the_one_that_holds_it(cluster):
    pods = cluster()
    owner = pods.pods["b"]
    session = pods.stored(owner)
    owner.stop()
    response = pods.send("DELETE", session)
    expect_proxy_error(response, 503)
    assert response.get("retry-after")
    owner.start()
    assert pod_of(pods.send("DELETE", session)) == "b"
    assert session not in owner.sessions


def test_case_23_deletes_stay_within_the_limit_on_attempts(cluster):
    pods = cluster("abcde", pool={"affinity": {"search": {"attempts": 2}}})
    session = pods.unknown()
    expect_proxy_error(pods.send("DELETE", session), 503)
    assert pods.asked(session).total() == 2


def test_a_delete_that_goes_to_all_leaves_the_connections_in_order(cluster):
    pods = cluster()
    for _ in range(5):
        session = pods.stored(pods.pods["b"])
        assert pod_of(pods.send("DELETE", session)) == "b"
        assert pods.session("10.0.0.1").id
    for pod in pods.pods.values():
        assert {request.connection for request in pod.requests} == {1}, "kept alive"


def breaks_off(pod):
    def answer(request):
        raise OSError("breaks off")

    pod.answer = answer


@pytest.mark.parametrize("broken", ["b", "c"])
def test_case_23_a_pod_that_breaks_off_does_not_undo_the_deletion(cluster, broken):
    pods = cluster()
    session = pods.stored(pods.pods["a"], first=pods.pods["a"])
    breaks_off(pods.pods[broken])
    response = pods.send("DELETE", session)
    assert (response.status, pod_of(response)) == (200, "a")
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}
    expect_proxy_error(pods.post(session=session), 404, -32001)


@pytest.mark.parametrize("broken", ["a", "b"])
def test_a_delete_that_a_pod_broke_off_and_nobody_carried_out_may_be_sent_again(cluster, broken):
    pods = cluster()
    breaks_off(pods.pods[broken])
    session = pods.unknown()
    response = pods.send("DELETE", session)
    expect_proxy_error(response, 503)
    assert response.get("retry-after")
    assert pods.asked(session) == {"a": 1, "b": 1, "c": 1}


def delete_begun(ringside, a, b):
    """The first of two has read a DELETE for a session that the proxy does not know."""
    proxy = ringside(a, b)
    client = proxy.connect()
    client.request("DELETE", "/mcp", {"Mcp-Session-Id": "s-1"})
    first, served = accept_first(a, b)
    served.read_request()
    return proxy, client, served, (b if first is a else a)


def test_an_interim_response_before_an_answer_that_breaks_off_reaches_nobody(ringside, upstreams):
    proxy, client, served, other = delete_begun(ringside, upstreams(), upstreams())
    served.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nrubbish\r\n\r\n")
    last = other.accept()
    last.read_request()
    own = proxy.connect().exchange("OPTIONS", "*", {"Max-Forwards": "0"})  # the proxy's to answer
    assert (own.status, own.interim) == (204, [])
    last.respond(204, body=None)
    response = client.read_response("DELETE")
    assert (response.status, response.interim) == (204, [])


@pytest.mark.parametrize("end", ["close", "half_close", "reset", "wait"])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_an_answer_that_is_not_whole_is_not_delivered_as_one(ringside, upstreams, framing, end):
    both = upstreams(), upstreams()
    _, client, served, other = delete_begun(ringside, *both)
    part = "4\r\npart\r\n" if "chunked" in framing else "part"
    served.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{part}")
    if end == "wait":
        served.expect_close()  # a refusal is waited for, but not long
    else:
        getattr(served, end)()
    last = other.accept()
    last.read_request()
    last.respond(404, {"Connection": "close"})
    expect_proxy_error(client.read_response(), 404, -32001)
    client.request("GET", "/next")
    again = accept_first(*both)[1]
    again.read_request()
    again.respond(200, body=b"next")
    assert client.read_response().body == b"next"
