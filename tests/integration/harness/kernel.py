"""What the kernel holds of a connection on this machine: bytes sent and not yet read."""

import socket
import struct
from pathlib import Path


def _key(address) -> str:
    host, port = address[:2]
    (number,) = struct.unpack("=I", socket.inet_aton(host))
    return f"{number:08X}:{port:04X}"


class Kernel:
    """The queues of all IPv4 sockets at one moment."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], int] = {}  # and not acknowledged, by both ends
        self._received: dict[tuple[str, str], int] = {}  # and not read
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, here, there, _, queues, *_ = line.split()
            sent, received = queues.split(":")
            self._sent[here, there] = int(sent, 16)
            self._received[here, there] = int(received, 16)

    def towards(self, reader: socket.socket) -> int:
        """Of what its peer has sent, what this socket has not read."""
        here, there = _key(reader.getsockname()), _key(reader.getpeername())
        return self._sent[there, here] + self._received[here, there]

    def sent_by(self, sender: socket.socket) -> int:
        """Of what this socket has sent, what its peer has not read."""
        here, there = _key(sender.getsockname()), _key(sender.getpeername())
        return self._sent[here, there] + self._received[there, here]
