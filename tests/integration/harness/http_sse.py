"""The transport of 2024-11-05 (HTTP+SSE): a pod that speaks it, and a client of it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from harness import mcp
from harness.cluster import Cluster
from harness.pod import SSE, Pod, Stream
from harness.wire import Body, Fields, Message, Wire, chunk, encode

EVENT = "event: endpoint\ndata: /messages?sessionId={id}\n\n"


def parameter_of(target: str) -> str | None:
    """The session that a target names, however it is spelt."""
    for pair in urlsplit(target).query.split("&"):
        name, _, value = pair.partition("=")
        if unquote(name).lower().replace("_", "") == "sessionid":
            return unquote(value)
    return None


class SsePod(Pod):
    """Opens a stream for every GET, says `event` on it, and takes POSTs for the ids it minted.

    Where `event` is None, the test says the first event itself.
    """

    event: str | None = EVENT

    def _respond(self, wire: Wire, request: Message, opened: list[Stream]) -> None:
        if (answer := self.answer(request) if self.answer else None) is not None:
            wire.send(answer)
        elif request.method == "GET":
            self._open_sse(wire, request, opened)
        elif request.method != "POST":
            wire.send(self.reply(200))
        elif parameter_of(request.target) in self.sessions:
            wire.send(self.reply(202))
        else:
            wire.send(self.reply(404, b"Could not find session"))

    def _open_sse(self, wire: Wire, request: Message, opened: list[Stream]) -> None:
        stream = Stream(self, wire, request)
        opened.append(stream)
        wire.send(encode("HTTP/1.1 200 OK", [("x-pod", self.name), *SSE]))
        if self.event is not None:
            session = self.mint()
            self.sessions.add(session)
            wire.send(chunk(self.event.replace("{id}", session)))
        with self._changed:
            self.streams.append(stream)
            self._changed.notify_all()


@dataclass
class Chat:
    """A client's side of one session."""

    wire: Wire
    body: Body
    owner: SsePod
    stream: Stream
    event: bytes = b""
    target: str = ""  # where its POSTs go

    @property
    def session(self) -> str:
        return parameter_of(self.target)


def start(pods: Cluster, client: str = "10.0.0.1", fields: Fields = ()) -> Chat:
    """Opens a stream, and reads nothing of it yet."""
    before = {pod.name: len(pod.streams) for pod in pods.pods.values()}
    wire = pods.connect()
    wire.request("GET", "/sse", mcp.fields_for(None, client, fields))
    head = wire.read_response_head()
    assert head.status == 200, head
    owner = pods.pods[mcp.pod_of(head)]
    return Chat(wire, wire.body_of(head), owner, owner.wait_stream(before[owner.name]))


def read_event(chat: Chat, end: bytes = b"\n\n") -> Chat:
    chat.event = chat.body.until(end)
    data = chat.event.decode().replace("\r", "\n").split("data:", 1)[1].split("\n")[0].strip()
    url = urlsplit(urljoin("http://test.example/sse", data))
    chat.target = f"{url.path}?{url.query}"
    return chat


def open_chat(pods: Cluster, client: str = "10.0.0.1", fields: Fields = ()) -> Chat:
    return read_event(start(pods, client, fields))


def say(
    pods: Cluster | Wire, target: str, client: str | None = "10.9.9.9", fields: Fields = ()
) -> Message:
    """A POST to the URL of a session, by default from another address than its stream."""
    wire = pods.wire if isinstance(pods, Cluster) else pods
    return mcp.post(wire, mcp.LIST_TOOLS, None, client, fields, target)


def contacts(pods: Cluster) -> int:
    """How many requests the pods have seen."""
    return sum(len(pod.requests) for pod in pods.pods.values())
