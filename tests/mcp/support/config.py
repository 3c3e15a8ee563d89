"""A configuration file for what has no flag."""

from pathlib import Path

from support.pods import Pods


def write(file: Path, pods: Pods, owner_grace: str) -> Path:
    endpoints = [
        f"      - {{ address: {address}, name: {name} }}"
        for name, address in pods.addresses.items()
    ]
    lines = [
        "workers: 2",
        "listeners:",
        "  - { name: mcp, bind: 127.0.0.1:0, pool: pods }",
        "pools:",
        "  pods:",
        "    endpoints:",
        *endpoints,
        f"    affinity: {{ owner_grace: {owner_grace} }}",
    ]
    file.write_text("\n".join(lines) + "\n")
    return file
