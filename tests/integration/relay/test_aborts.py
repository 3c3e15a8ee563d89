"""When one side goes, the other learns of it at once, and never takes a part for the whole."""

import pytest

from harness.deadlines import eventually
from harness.mcp import expect_proxy_error
from harness.process import within
from harness.streams import STREAM
from harness.upstream import accept_first, asked
from harness.wire import chunk


def test_case_38_a_client_that_leaves_in_mid_stream_closes_the_upstream_connection(
    ringside, upstream
):
    wanted = {"Accept": "text/event-stream"}
    client, served = asked(ringside(upstream), upstream, "GET", "/", wanted)
    served.send(STREAM)
    client.read_response_head()
    at_once = within(2.5)
    client.close()
    served.expect_close()
    at_once()


def test_a_client_that_leaves_before_the_answer_closes_the_upstream_connection(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    at_once = within(2.5)
    client.reset()
    served.expect_close()
    at_once()


def test_a_client_that_leaves_in_mid_request_closes_the_upstream_connection(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "10"})
    client.send("12345")
    served = upstream.accept()
    served.read_until(b"12345")
    client.close()
    served.expect_close()


def test_a_chunked_request_that_breaks_off_is_never_ended_properly(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Transfer-Encoding": "chunked"})
    client.send(chunk("12345"))
    served = upstream.accept()
    body = served.body_of(served.read_request_head(), request_side=True)
    body.read(5)
    client.close()
    assert body.expect_abort() == b""


@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_upstream_that_ends_without_a_word_is_a_502(ringside, upstream, end):
    client, served = asked(ringside(upstream), upstream)
    getattr(served, end)()
    expect_proxy_error(client.read_response(), 502)


def test_an_upstream_that_resets_while_the_request_body_is_sent_is_a_502(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("POST", "/", {"Content-Length": "10"})
    served = upstream.accept()
    served.read_request_head()
    served.reset()
    expect_proxy_error(client.read_response(), 502)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_case_41_a_body_with_a_length_that_breaks_off_is_cut_short_for_the_client_too(
    ringside, upstream, end
):
    client, served = asked(ringside(upstream), upstream)
    served.send(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n[1,2"
    )
    body = client.body_of(client.read_response_head())
    assert body.read(4) == b"[1,2"
    getattr(served, end)()
    assert body.expect_abort() == b""


@pytest.mark.parametrize("end", ["close", "reset"])
def test_case_40_a_chunked_stream_that_breaks_off_gets_no_final_chunk(ringside, upstream, end):
    client, served = asked(ringside(upstream), upstream)
    served.send(STREAM)
    served.send(chunk("data: 1\n\n"))
    body = client.body_of(client.read_response_head())
    assert body.event() == b"data: 1\n\n"
    getattr(served, end)()
    assert body.expect_abort() == b""


def test_a_close_delimited_body_that_is_reset_is_not_ended_properly(ringside, upstream):
    client, served = asked(ringside(upstream), upstream)
    served.send("HTTP/1.1 200 OK\r\n\r\npart")
    response = client.read_response_head()
    body = client.body_of(response)
    assert body.read(4) == b"part"
    served.reset()
    if response.get("transfer-encoding"):
        body.expect_abort()
    else:
        with pytest.raises(ConnectionResetError):
            body.rest()


def test_a_request_whose_upstream_broke_off_is_not_sent_again(ringside, upstreams):
    both = upstreams(), upstreams()
    client = ringside(*both).connect()
    client.request("POST", "/", body=b"once")
    _, served = accept_first(*both)
    assert served.read_request().body == b"once"
    served.close()
    assert client.read_response().status == 502
    for upstream in both:
        upstream.expect_no_connection()


def test_no_descriptor_is_left_of_clients_that_came_and_went(ringside, upstream):
    proxy = ringside(upstream)
    before = proxy.metrics().sum("process_open_fds")
    for number in range(60):
        client = proxy.connect()
        if number % 4 == 0:
            client.send("GET / HTTP/1.1\r\nHo")
        else:
            client.request("POST", "/", body=b"{}")
            served = upstream.accept()
            served.read_request()
            if number % 4 == 2:
                served.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                client.read_response_head()
            elif number % 4 == 3:
                served.reset()
        client.reset() if number % 2 else client.close()
    eventually(
        lambda: proxy.metrics().sum("process_open_fds") <= before, "every descriptor is closed"
    )
