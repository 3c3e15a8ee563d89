"""A listener with routes: by host, by path, the longest path first; no match is the proxy's 404."""

import pytest

from harness.mcp import expect_proxy_error


def routed(ringside, pods, routes: list[dict]):
    names = sorted({route["pool"] for route in routes})
    servers = dict(zip(names, pods("".join(names))))
    for pod in servers.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    return ringside(
        config={
            "workers": 1,
            "admin": {"bind": "127.0.0.1:0"},
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "routes": routes}],
            "pools": {name: {"endpoints": [pod.address]} for name, pod in servers.items()},
        }
    )


def asked(proxy, host: str, target: str):
    return proxy.connect().exchange("GET", target, {"Host": host})


BY_HOST = [{"host": "a.example", "pool": "a"}, {"host": "b.example", "pool": "b"}]
BY_PATH = [
    {"path": "/", "pool": "a"},
    {"path": "/burger", "pool": "b"},
    {"path": "/burger/deep", "pool": "c"},
]


@pytest.mark.parametrize("host", ["a.example", "A.Example", "a.example:8080"])
def test_a_host_is_matched_without_regard_to_case_and_port(ringside, pods, host):
    assert asked(routed(ringside, pods, BY_HOST), host, "/").get("x-pod") == "a"


def test_another_host_goes_to_another_pool(ringside, pods):
    assert asked(routed(ringside, pods, BY_HOST), "b.example", "/").get("x-pod") == "b"


def test_a_host_that_no_route_names_is_the_proxys_404(ringside, pods):
    expect_proxy_error(asked(routed(ringside, pods, BY_HOST), "c.example", "/"), 404)


@pytest.mark.parametrize(
    "target, pool",
    [
        ("/", "a"),
        ("/other", "a"),
        ("/burger", "b"),
        ("/burger?x=/burger/deep", "b"),
        ("/burger/", "b"),
        ("/burger/deep", "c"),
        ("/burger/deep/er", "c"),
        ("/burgers", "a"),
    ],
)
def test_the_longest_path_that_matches_whole_segments_wins(ringside, pods, target, pool):
    assert asked(routed(ringside, pods, BY_PATH), "any.example", target).get("x-pod") == pool


def test_the_order_in_the_file_does_not_matter(ringside, pods):
    assert (
        asked(routed(ringside, pods, BY_PATH[::-1]), "any.example", "/burger/deep").get("x-pod")
        == "c"
    )


def test_a_path_that_no_route_names_is_the_proxys_404(ringside, pods):
    expect_proxy_error(asked(routed(ringside, pods, BY_PATH[1:]), "any.example", "/other"), 404)


def test_host_and_path_together(ringside, pods):
    routes = [
        {"host": "a.example", "path": "/mcp", "pool": "a"},
        {"host": "b.example", "path": "/mcp", "pool": "b"},
        {"path": "/", "pool": "c"},
    ]
    proxy = routed(ringside, pods, routes)
    assert asked(proxy, "a.example", "/mcp").get("x-pod") == "a"
    assert asked(proxy, "b.example", "/mcp/x").get("x-pod") == "b"
    assert asked(proxy, "b.example", "/else").get("x-pod") == "c"


def test_an_absolute_target_is_routed_by_its_own_host(ringside, pods):
    client = routed(ringside, pods, BY_HOST).connect()
    client.send("GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert client.read_response().get("x-pod") == "b"


def test_the_path_that_matched_is_forwarded_whole(ringside, upstream):
    route = {"path": "/burger", "pool": "p"}
    proxy = ringside(
        config={
            "listeners": [{"name": "mcp", "bind": "127.0.0.1:0", "routes": [route]}],
            "pools": {"p": {"endpoints": [upstream.address]}},
        }
    )
    proxy.connect().request("GET", "/burger/mcp?y")
    assert upstream.accept().read_request().target == "/burger/mcp?y"


def test_each_listener_has_its_own_pool(ringside, pods):
    a, b = pods("ab")
    for pod in (a, b):
        pod.answer = lambda request, pod=pod: pod.reply(200)
    proxy = ringside(
        config={
            "listeners": [
                {"name": "one", "bind": "127.0.0.1:0", "pool": "a"},
                {"name": "two", "bind": "127.0.0.1:0", "pool": "b"},
            ],
            "pools": {"a": {"endpoints": [a.address]}, "b": {"endpoints": [b.address]}},
        }
    )
    assert proxy.connect("one").exchange().get("x-pod") == "a"
    assert proxy.connect("two").exchange().get("x-pod") == "b"


def test_a_request_that_no_route_takes_leaves_the_connection_usable(ringside, pods):
    client = routed(ringside, pods, BY_HOST).connect()
    assert client.exchange("POST", "/", {"Host": "c.example"}, b"{}").status == 404
    assert client.exchange("HEAD", "/", {"Host": "c.example"}).status == 404
    assert client.exchange("GET", "/", {"Host": "b.example"}).get("x-pod") == "b"
