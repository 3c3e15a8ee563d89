"""WebSockets of Node's client to pods on Node's server, through the proxy and back."""

import json

from support.places import DEADLINE, command
from support.pods import Pods
from support.processes import Process
from support.proxies import ringside_before

COUNT = 24


def test_websockets_pass_the_proxy(logs, log) -> None:
    pods = Pods("pods/websocket.mjs", logs)
    try:
        with ringside_before(pods, log) as address:
            client = [*command("clients/websocket.mjs"), address, str(COUNT)]
            with Process(client, log) as visits:
                seen = json.loads(visits.wait_line(r"^\[.*\]$", DEADLINE)[0])
    finally:
        pods.stop()
    assert len(seen) == COUNT
    for each in seen:
        assert each["pod"] in pods.addresses
        assert (each["echoed"], each["code"], each["clean"]) == (3, 1000, True), each
