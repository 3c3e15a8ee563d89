"""How the process starts, and how it says that it cannot."""

import re
import socket

from harness.process import run_once
from harness.upstream import asked
from harness.wire import Wire

READY = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info ready "
    r"mcp=127\.0\.0\.1:\d+ admin=127\.0\.0\.1:\d+ workers=1"
)


def lines_with(proxy, word: str) -> list[str]:
    return [line for line in proxy.stderr.all if word in line]


def test_the_ready_line_names_every_listener_and_its_real_port(ringside, upstream):
    proxy = ringside(upstream)
    (line,) = lines_with(proxy, " ready ")
    assert READY.fullmatch(line), line
    assert proxy.addresses["mcp"][1] != 0
    proxy.connect()


def test_the_ready_line_in_json(ringside, upstream):
    proxy = ringside(upstream, log={"format": "json"})
    (line,) = lines_with(proxy, '"ready"')
    assert re.fullmatch(
        r'\{"time":"[^"]+Z","level":"info","message":"ready","mcp":"127\.0\.0\.1:\d+",'
        r'"admin":"127\.0\.0\.1:\d+","workers":"1"\}',
        line,
    ), line


def test_it_runs_without_a_file(ringside, upstream):
    proxy = ringside(
        flags=[
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            upstream.address,
            "--admin",
            "127.0.0.1:0",
            "--workers",
            "1",
        ]
    )
    assert READY.fullmatch(lines_with(proxy, " ready ")[0])
    client, served = asked(proxy, upstream)
    served.respond(200, body=b"ok")
    assert client.read_response().body == b"ok"


def test_without_admin_there_is_no_admin_listener(ringside, upstream):
    proxy = ringside(flags=["--listen", "127.0.0.1:0", "--upstream", upstream.address])
    assert "admin" not in proxy.addresses


def test_several_upstreams_by_flags(ringside, pods):
    a, b = pods("ab")
    for pod in (a, b):
        pod.answer = lambda request, pod=pod: pod.reply(200)
    flags = ["--listen", "127.0.0.1:0", "--upstream", a.address, "--upstream", b.address]
    wire = ringside(flags=flags).connect()
    fields = {"MCP-Protocol-Version": "2026-07-28"}
    answered = {wire.exchange("POST", "/", fields, b"{}").get("x-pod") for _ in range(30)}
    assert answered == {"a", "b"}


def test_a_port_that_is_taken_is_named_and_exits_1(ringside, upstream, tmp_path):
    run = run_once("--listen", upstream.address, "--upstream", "127.0.0.1:1", cwd=tmp_path)
    assert run.returncode == 1
    assert upstream.address in run.stderr and "in use" in run.stderr


def test_a_taken_admin_port_is_named_and_exits_1(upstream, tmp_path):
    run = run_once(
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        "127.0.0.1:1",
        "--admin",
        upstream.address,
        cwd=tmp_path,
    )
    assert run.returncode == 1
    assert upstream.address in run.stderr


def test_two_proxies_do_not_share_a_port_by_accident(ringside, upstream, tmp_path):
    host, port = ringside(upstream).addresses["mcp"]
    run = run_once("--listen", f"{host}:{port}", "--upstream", "127.0.0.1:1", cwd=tmp_path)
    assert run.returncode == 1
    assert f"{host}:{port}" in run.stderr


def test_version_and_help_exit_0(tmp_path):
    version = run_once("--version", cwd=tmp_path)
    assert version.returncode == 0 and re.fullmatch(r"ringside \d+\.\d+\S*\n", version.stdout)
    usage = run_once("--help", cwd=tmp_path)
    assert usage.returncode == 0
    for flag in (
        "--config",
        "--check",
        "--listen",
        "--upstream",
        "--admin",
        "--workers",
        "--version",
    ):
        assert flag in usage.stdout


def test_an_unknown_flag_suggests_the_nearest_and_exits_2(tmp_path):
    run = run_once("--upstraem", "127.0.0.1:1", cwd=tmp_path)
    assert run.returncode == 2
    assert "--upstraem" in run.stderr and "--upstream" in run.stderr
    assert run.stdout == ""


def test_nothing_to_do_is_a_usage_error(tmp_path):
    run = run_once(cwd=tmp_path)
    assert run.returncode == 2 and "--config" in run.stderr


def test_a_file_that_is_not_there_is_named_and_exits_2(tmp_path):
    run = run_once("--config", "missing.yaml", cwd=tmp_path)
    assert run.returncode == 2 and "missing.yaml" in run.stderr


def test_it_listens_and_connects_over_ipv6(ringside):
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with listener:
        flags = ["--listen", "[::1]:0", "--upstream", f"[::1]:{listener.getsockname()[1]}"]
        proxy = ringside(flags=flags)
        client = Wire(socket.create_connection(proxy.addresses["mcp"]))
        client.request()
        served = Wire(listener.accept()[0])
        assert served.read_request().get("x-forwarded-for") == "::1"
        served.respond(200, body=b"six")
        assert client.read_response().body == b"six"
        client.close()
        served.close()
