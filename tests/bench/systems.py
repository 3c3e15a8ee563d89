"""The systems that the benchmarks compare, each with the configuration that it gets.

Every one runs in one thread and keeps sessions on their pods as well as it can:
  floor      cannot; it relays connections. The load generator pins sessions to connections for it
  ringside   learns the session from the reply
  haproxy    learns it too (stick store-response); its defaults that hurt event streams are changed
  nginx      cannot learn; it hashes the id, so most calls reach a pod that did not make it. Its
             pods accept any id: its cost can be compared, its routing cannot
  envoy      writes the pod's address into the id (stateful_session, envelope mode)
"""
from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from harness import (Failed, Process, Unavailable, free_port, raise_descriptor_limit,
                     ringside_binary)


@dataclass
class Running:
    process: Process
    port: int


@dataclass
class System:
    name: str
    binary: str = ""
    pin: bool = False             # sessions are pinned to connections by the load generator
    any_id: bool = False          # pods accept ids that they did not make
    env: dict[str, str] = field(default_factory=dict)

    def version(self) -> str:
        flag = {"haproxy": "-v", "nginx": "-v"}.get(self.name, "--version")
        if self.name == "floor":
            return "a relay that parses nothing"
        done = subprocess.run([self.binary, flag], capture_output=True, text=True, check=False)
        return ((done.stdout + done.stderr).strip().splitlines() or ["?"])[0]

    def start(self, run: Path, ports: list[int], cores: set[int] | None = None) -> Running:
        kind = self.name if self.name in STARTERS else "ringside"
        return STARTERS[kind](self, run, ports, cores)


def _started(process: Process, pattern: str) -> Running:
    try:
        return Running(process, int(process.wait_for_line(pattern)[1]))
    except Failed:
        process.stop()
        raise


def _listening(system: System, command: list[str], port: int, cores: set[int] | None) -> Running:
    process = Process(command, cores, system.env)
    try:
        process.wait_for_port(port)
    except Failed:
        process.stop()
        raise
    return Running(process, port)


def _start_floor(system: System, _: Path, ports: list[int], cores: set[int] | None) -> Running:
    flags = [x for p in ports for x in ("--upstream", f"127.0.0.1:{p}")]
    return _started(Process([system.binary, *flags], cores, system.env), r"^ready (\d+)")


def _start_ringside(system: System, _: Path, ports: list[int], cores: set[int] | None) -> Running:
    flags = [x for p in ports for x in ("--upstream", f"127.0.0.1:{p}")]
    command = [system.binary, "--workers", "1", "--listen", "127.0.0.1:0", *flags]
    return _started(Process(command, cores, system.env), r" ready mcp=127\.0\.0\.1:(\d+)")


def _start_haproxy(system: System, run: Path, ports: list[int], cores: set[int] | None) -> Running:
    port = free_port()
    servers = "\n".join(f"    server pod{i} 127.0.0.1:{p}" for i, p in enumerate(ports))
    config = run / "haproxy.cfg"
    config.write_text(f"""
global
    nbthread 1
    maxconn {(raise_descriptor_limit() - 500) // 2}
defaults
    mode http
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    http-reuse always
    option http-no-delay    # else an event may wait 200 ms for company
    option abortonclose     # else the streams of clients that left stay open upstream
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    default_backend pods
backend pods
    balance roundrobin
    stick-table type string len 128 size 100k expire 3h
    stick match req.hdr(mcp-session-id)
    stick store-response res.hdr(mcp-session-id)
{servers}
""")
    return _listening(system, [system.binary, "-db", "-f", str(config)], port, cores)


def _start_nginx(system: System, run: Path, ports: list[int], cores: set[int] | None) -> Running:
    port = free_port()
    servers = "\n".join(f"        server 127.0.0.1:{p} max_fails=0;" for p in ports)
    temporary = "\n".join(f"    {kind}_temp_path {run}/{kind};" for kind in
                          ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = run / "nginx.conf"
    config.write_text(f"""
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {run}/nginx.pid;
error_log {run}/error.log crit;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
{temporary}
    upstream pods {{
        hash $http_mcp_session_id consistent;
{servers}
        keepalive 64;
        keepalive_timeout 1h;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://pods;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
""")
    command = [system.binary, "-c", str(config), "-p", str(run), "-e", f"{run}/error.log"]
    return _listening(system, command, port, cores)


_ENVOY_TYPES = "type.googleapis.com/envoy.extensions"


def _start_envoy(system: System, run: Path, ports: list[int], cores: set[int] | None) -> Running:
    port = free_port()
    endpoints = "\n".join(
        f"        - endpoint: {{ address: {{ socket_address: "
        f"{{ address: 127.0.0.1, port_value: {p} }} }} }}" for p in ports)
    config = run / "envoy.yaml"
    config.write_text(f"""
static_resources:
  listeners:
  - name: clients
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    tcp_backlog_size: 4096
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {_ENVOY_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: clients
          codec_type: HTTP1
          generate_request_id: false
          stream_idle_timeout: 0s
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ prefix: / }}
                route: {{ cluster: pods, timeout: 0s }}
          http_filters:
          - name: envoy.filters.http.stateful_session
            typed_config:
              "@type": {_ENVOY_TYPES}.filters.http.stateful_session.v3.StatefulSession
              session_state:
                name: envoy.http.stateful_session.envelope
                typed_config:
                  "@type": {_ENVOY_TYPES}.http.stateful_session.envelope.v3.EnvelopeSessionState
                  header: {{ name: mcp-session-id }}
          - name: envoy.filters.http.router
            typed_config:
              "@type": {_ENVOY_TYPES}.filters.http.router.v3.Router
  clusters:
  - name: pods
    type: STATIC
    connect_timeout: 2s
    circuit_breakers:    # the defaults refuse the 1,025th connection
      thresholds: [ {{ max_connections: 20000, max_pending_requests: 20000, max_requests: 20000 }} ]
    load_assignment:
      cluster_name: pods
      endpoints:
      - lb_endpoints:
{endpoints}
""")
    command = [system.binary, "-c", str(config), "--concurrency", "1", "--disable-hot-restart",
               "--log-level", "error"]
    return _listening(system, command, port, cores)


STARTERS = {"floor": _start_floor, "ringside": _start_ringside, "haproxy": _start_haproxy,
            "nginx": _start_nginx, "envoy": _start_envoy}


def find(name: str, tools: Path, given: str = "") -> System:
    """The system of that name, ready to be started; Unavailable says what it would need."""
    if name == "floor":
        return System(name, str(tools / "floor"), pin=True)
    if name == "ringside" or name not in STARTERS:
        return System(name, given or str(ringside_binary()))
    binary = given or shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not binary or not os.access(binary, os.X_OK):
        need = "the path of its binary, see docs/performance.md" if name == "envoy" else \
            "deploy/deps --bench"
        raise Unavailable(f"{name} is not installed; it needs {need}")
    return System(name, binary, any_id=name == "nginx")
