"""Who the client is: a trusted word, else the peer, else the pod that the sidecar runs in."""

import socket

from harness.cluster import Cluster
from harness.mcp import pod_of
from harness.pod import Pod
from harness.wire import Wire


def plain(pods) -> list[Pod]:
    """Three that know no sessions."""
    started = pods("abc")
    for pod in started:
        pod.answer = lambda request, pod=pod: pod.reply(200)
    return started


def place(proxy, fields=()) -> str:
    return pod_of(proxy.connect().exchange("POST", "/", fields, b"{}"))


def test_case_77_a_forged_client_address_does_not_choose_the_pod(ringside, pods):
    proxy = ringside(*plain(pods))
    assert len({place(proxy, {"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(30)}) == 1


def test_case_77_a_trusted_client_address_chooses_the_pod(trusting, pods):
    proxy = trusting(*plain(pods))
    assert len({place(proxy, {"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(30)}) == 3


def test_the_address_counts_that_the_nearest_trusted_proxy_saw(trusting, pods):
    proxy = trusting(*plain(pods))
    for number in range(20):
        alone = place(proxy, {"X-Forwarded-For": f"10.0.0.{number}"})
        assert place(proxy, {"X-Forwarded-For": f"66.6.6.6, 10.0.0.{number}"}) == alone
        assert (
            place(proxy, {"X-Forwarded-For": f"10.0.0.{number}, 127.0.0.9"}) == alone
        ), "a trusted hop"


def test_several_x_forwarded_for_lines_are_one_list(trusting, pods):
    proxy = trusting(*plain(pods))
    for number in range(20):
        lines = [("X-Forwarded-For", "66.6.6.6"), ("X-Forwarded-For", f"10.0.0.{number}")]
        assert place(proxy, lines) == place(proxy, {"X-Forwarded-For": f"10.0.0.{number}"})


def test_forwarded_is_believed_as_x_forwarded_for_is(trusting, pods):
    proxy = trusting(*plain(pods))
    for number in range(20):
        alone = place(proxy, {"X-Forwarded-For": f"10.0.0.{number}"})
        assert place(proxy, {"Forwarded": f'for="10.0.0.{number}:4711";proto=https'}) == alone


def test_case_78_an_ipv4_address_written_as_ipv6_is_the_same_client(trusting, pods):
    proxy = trusting(*plain(pods))
    for number in range(20):
        alone = place(proxy, {"X-Forwarded-For": f"10.0.0.{number}"})
        assert place(proxy, {"X-Forwarded-For": f"::ffff:10.0.0.{number}"}) == alone
        assert place(proxy, {"X-Forwarded-For": f"[::ffff:10.0.0.{number}]:4711"}) == alone
        assert place(proxy, {"X-Forwarded-For": f"10.0.0.{number}:4711"}) == alone


def test_a_word_that_is_no_address_falls_back_to_the_peer(trusting, pods):
    proxy = trusting(*plain(pods))
    answered = {place(proxy, {"X-Forwarded-For": f"unknown-{n}"}) for n in range(20)}
    assert answered == {place(proxy)}


def test_all_loopback_peers_are_one_client(ringside, pods):
    proxy = ringside(*plain(pods))
    answered = set()
    for number in range(2, 22):
        sock = socket.create_connection(
            proxy.addresses["mcp"], source_address=(f"127.0.0.{number}", 0)
        )
        wire = Wire(sock)
        answered.add(pod_of(wire.exchange("POST", "/", (), b"{}")))
        wire.close()
    assert len(answered) == 1


def test_a_loopback_peer_is_known_by_the_pod_that_the_sidecar_runs_in(ringside, pods):
    started = plain(pods)
    answered = [place(ringside(*started, env={"POD_IP": f"10.2.{n}.4"})) for n in range(8)]
    assert len(set(answered)) > 1, "eight sidecars do not all crowd one pod"
    again = [place(ringside(*started, env={"POD_IP": f"10.2.{n}.4"})) for n in range(3)]
    assert again == answered[:3]


def test_sessions_of_one_sidecar_are_bound_whoever_the_client_is(cluster):
    pods: Cluster = cluster()
    session = pods.session("10.0.0.1")
    for client in (None, "10.0.0.2", "2001:db8::1", "unknown"):
        assert pod_of(pods.post(session=session.id, client=client)) == session.owner.name
