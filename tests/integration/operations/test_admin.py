"""The admin listener: health, readiness, and metrics that Prometheus can read."""

import json

from harness.deadlines import eventually
from harness.mcp import INITIALIZE, modern


def test_healthz_and_readyz_are_200_while_it_serves(ringside, upstream):
    proxy = ringside(upstream)
    assert proxy.admin("/healthz").status == 200
    assert proxy.admin("/readyz").status == 200


def test_an_unknown_page_is_a_404_and_another_method_a_405_as_problem_documents(ringside, upstream):
    proxy = ringside(upstream)
    for path, method, status in (("/nothing", "GET", 404), ("/metrics", "POST", 405)):
        response = proxy.admin(path, method)
        assert response.status == status
        assert response.get("content-type") == "application/problem+json"
        assert json.loads(response.body)["status"] == status


def test_the_proxys_own_listener_serves_no_admin_page(ringside, upstream):
    client = ringside(upstream).connect()
    client.request("GET", "/metrics")
    served = upstream.accept()
    assert served.read_request().target == "/metrics"


def test_the_admin_listener_keeps_connections_and_refuses_garbage(ringside, upstream):
    proxy = ringside(upstream)
    wire = proxy.connect("admin")
    for _ in range(3):
        assert wire.exchange("GET", "/healthz").status == 200
    bad = proxy.connect("admin")
    bad.send("garbage\r\n\r\n")
    assert bad.read_response().status == 400
    assert proxy.admin("/healthz").status == 200


def test_metrics_are_in_the_prometheus_text_format(ringside, upstream):
    proxy = ringside(upstream)
    response = proxy.admin("/metrics")
    assert response.get("content-type").startswith("text/plain; version=0.0.4")
    samples = proxy.metrics()
    for name, _, value in samples.samples:
        family = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        assert name in samples.types or family in samples.types, f"{name} has no TYPE"
        if samples.types.get(name) == "counter":
            assert name.endswith("_total") and value >= 0
    assert samples.sum("ringside_build_info") == 1


def counted(proxy, **labels: str):
    """Waits until exactly one request with these labels is counted."""

    def probe() -> bool:
        return proxy.metrics().sum("ringside_requests_total", **labels) == 1

    eventually(probe, f"one request with {labels}")


def test_a_placed_request_is_counted_by_ring(cluster):
    pods = cluster("a")
    assert pods.post(INITIALIZE).status == 200
    counted(pods.proxy, listener="mcp", pool="pods", endpoint="a", picked_by="ring", code="200")


def test_a_bound_request_is_counted_by_binding(cluster):
    pods = cluster("a")
    session = pods.session()
    assert pods.post(session=session.id).status == 200
    counted(pods.proxy, pool="pods", endpoint="a", picked_by="binding", code="200")


def test_a_modern_request_is_counted_by_balanced(cluster):
    pods = cluster("a")
    assert pods.post(fields=modern()).status == 200
    counted(pods.proxy, pool="pods", endpoint="a", picked_by="balanced", code="200")


def test_a_request_that_no_pod_could_take_is_counted_with_its_code(cluster):
    pods = cluster("a")
    pods.pods["a"].stop()
    assert pods.post(INITIALIZE).status == 503
    counted(pods.proxy, pool="pods", code="503")


def test_a_request_that_the_proxy_refused_is_counted(ringside, upstream):
    proxy = ringside(upstream)
    client = proxy.connect()
    client.send("GET / HTTP/1.1\r\n\r\n")
    assert client.read_response().status == 400
    counted(proxy, code="400")


def test_sessions_learned_and_held_are_counted_per_pod(cluster):
    pods = cluster()
    owners = [pods.session(f"10.0.0.{n}").owner.name for n in range(12)]
    metrics = pods.proxy.metrics()
    for name in "abc":
        assert metrics.sum("ringside_sessions", pool="pods", endpoint=name) == owners.count(name)
    assert metrics.sum("ringside_sessions_learned_total") == 12


def test_an_answer_that_claims_anothers_session_is_counted(cluster):
    pods = cluster()
    mine, theirs = pods.sessions_apart()
    mine.owner.answer = lambda request: mine.owner.reply(200, {}, [("mcp-session-id", theirs.id)])
    pods.post(session=mine.id)
    samples = pods.proxy.metrics()
    assert any(
        value == 1
        for name, _, value in samples.samples
        if name.startswith("ringside_session_conflicts")
    ), sorted(samples.names())


def test_memory_and_descriptors_of_the_process_are_told(ringside, upstream):
    samples = ringside(upstream).metrics()
    assert samples.sum("process_resident_memory_bytes") > 1e6
    assert samples.sum("process_open_fds") > 3
