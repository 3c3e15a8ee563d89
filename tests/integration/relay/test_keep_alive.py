"""Connections outlive exchanges, on both sides, until someone says otherwise."""

import threading

from harness.deadlines import eventually
from harness.process import within
from harness.upstream import asked
from harness.wire import encode

HOST = {"Host": "a"}


def test_one_client_connection_carries_many_exchanges(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("GET", "/1")
    served = upstream.accept()
    for number in range(1, 4):
        if number > 1:
            client.request("GET", f"/{number}")
        assert served.read_request().target == f"/{number}"
        served.respond(200, body=b"%d" % number)
        assert client.read_response().body == b"%d" % number
    upstream.expect_no_connection()


def test_an_upstream_connection_serves_several_clients_one_after_another(ringside, upstream):
    proxy = ringside(upstream)
    first = proxy.connect()
    first.request()
    served = upstream.accept()
    served.read_request()
    served.respond(200)
    first.read_response()
    second = proxy.connect()
    second.request("GET", "/second")
    assert served.read_request().target == "/second"
    served.respond(200)
    assert second.read_response().status == 200
    upstream.expect_no_connection()


def test_a_client_that_asks_to_close_is_closed_after_its_answer(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("GET", "/", {"Connection": "close"})
    served = upstream.accept()
    request = served.read_request()
    assert "close" not in request.all("connection"), "the client's wish is about its own connection"
    served.respond(200, body=b"last")
    response = client.read_response()
    assert response.body == b"last"
    assert response.get("connection") == "close"
    client.expect_close()


def test_the_upstream_connection_outlives_a_client_that_asked_to_close(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream, "GET", "/", {"Connection": "close"})
    served.respond(200)
    client.read_response()
    again = proxy.connect()
    again.request("GET", "/again")
    assert served.read_request().target == "/again"


def test_an_upstream_that_asks_to_close_leaves_the_client_connection_open(ringside, upstream):
    client, served = asked(ringside(upstream), upstream, "GET", "/1")
    served.respond(200, {"Connection": "close"}, b"1")
    response = client.read_response()
    assert response.body == b"1"
    assert response.get("connection") != "close"
    served.expect_close()
    client.request("GET", "/2")
    served = upstream.accept()
    served.read_request()
    served.respond(200, body=b"2")
    assert client.read_response().body == b"2"


def test_an_idle_upstream_connection_that_the_upstream_closed_is_not_used_again(ringside, upstream):
    client, served = asked(ringside(upstream), upstream, "GET", "/1")
    served.respond(200)
    client.read_response()
    served.half_close()
    served.expect_close()
    client.request("GET", "/2")
    served = upstream.accept()
    assert served.read_request().target == "/2"
    served.respond(200)
    assert client.read_response().status == 200


def test_a_client_that_half_closes_after_its_request_has_left(ringside, upstream):
    """It may be gone altogether, and nobody works for those who are."""
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    client.half_close()
    served.expect_close()
    client.expect_close()
    (line,) = proxy.access_log(1)
    assert (line["status"], line["error_side"], line["error"]) == ("0", "client", "client_left")
    client = proxy.connect()
    client.request("GET", "/next")
    assert upstream.accept().read_request().target == "/next"


def test_an_idle_client_that_closes_frees_its_connection_at_once(ringside, upstream):
    proxy = ringside(upstream)
    client, served = asked(proxy, upstream)
    served.respond(200)
    client.read_response()
    at_once = within(2.5)
    client.close()
    eventually(lambda: proxy.metrics().sum("ringside_connections") == 0, "the connection is gone")
    at_once()


def test_answers_that_fill_a_read_are_answers_however_soon_they_come(ringside, pods):
    """The proxy reads on behind such an answer, when the next request may have been answered."""
    (pod,) = pods("a")
    head = pod.reply(200, b"x" * 32_000)
    pod.answer = lambda request: pod.reply(200, b"x" * (32_000 + 32_768 - len(head)))
    proxy = ringside(pod)
    client = proxy.connect()
    turns = 1000
    asking = threading.Thread(target=client.send, args=(encode("GET / HTTP/1.1", HOST) * turns,))
    asking.start()
    assert {client.read_response().status for _ in range(turns)} == {200}
    asking.join()
