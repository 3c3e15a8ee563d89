"""A small MCP server: mints ids, knows only its own, and records all it was sent.

It answers as a TypeScript server does: 404 -32001 to an unknown id, 400 -32000 to a missing one.
A test that needs another habit sets `answer`, which is asked first.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable

from harness.deadlines import DEADLINE
from harness.upstream import Port
from harness.wire import LAST_CHUNK, Message, Truncated, Wire, chunk, encode

SSE = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]


class Stream:
    """An event stream that a pod has open."""

    def __init__(self, pod: Pod, wire: Wire, request: Message) -> None:
        self._pod = pod
        self._wire = wire
        self.request = request
        self.left = threading.Event()  # the proxy closed the connection

    def send(self, event: str) -> None:
        self._wire.send(chunk(event))

    def end(self) -> None:
        """Ends it properly: the last chunk, on a connection that goes on."""
        self._wire.send(LAST_CHUNK)

    def crash(self) -> None:
        self._wire.reset()

    def expect_left(self, seconds: float = DEADLINE) -> None:
        assert self.left.wait(seconds), f"the upstream stream is still open after {seconds} s"


class Pod:
    def __init__(self, name: str) -> None:
        self.name = name
        self.port = Port()
        self.address = self.port.address
        self.sessions: set[str] = set()
        self.requests: list[Message] = []
        self.streams: list[Stream] = []
        self.faults: list[str] = []  # what the proxy sent that it must not
        self.answer: Callable[[Message], bytes | None] | None = None
        self.mint: Callable[[], str] = lambda: str(uuid.uuid4())
        self.init_as_stream = False  # answer initialize by an event stream that stays open
        self._changed = threading.Condition()
        self._wires: list[Wire] = []
        self._connections = 0
        self._listener = None
        self.start()

    # The process

    def start(self) -> None:
        self._listener = self.port.listen()
        self._listener.settimeout(None)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """As a process that dies: connections reset, new ones refused, sessions forgotten."""
        if self._listener:
            self._listener.shutdown(2)
            self._listener.close()
            self._listener = None
        with self._changed:
            wires, self._wires = self._wires, []
        for wire in wires:
            try:
                wire.reset_on_close()  # its thread wakes now, and may close it first
                wire.socket.shutdown(2)
                wire.reset()
            except OSError:
                pass

    def crash(self) -> None:
        self.stop()
        self.sessions.clear()

    def close(self) -> None:
        self.stop()
        self.port.close()

    # What a test asks

    def wait_stream(self, number: int = 0) -> Stream:
        with self._changed:
            self._changed.wait_for(lambda: len(self.streams) > number, DEADLINE)
            assert len(self.streams) > number, f"{self.name}: {len(self.streams)} streams"
            return self.streams[number]

    def wait_request(self, number: int = 0) -> Message:
        with self._changed:
            self._changed.wait_for(lambda: len(self.requests) > number, DEADLINE)
            assert len(self.requests) > number, f"{self.name}: {len(self.requests)} requests"
            return self.requests[number]

    def reply(self, status: int, body: object = b"", fields: list[tuple[str, str]] = []) -> bytes:
        """The bytes of a response that says who sent it."""
        pairs = [("x-pod", self.name), *fields]
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            pairs.append(("Content-Type", "application/json"))
        return encode(f"HTTP/1.1 {status} Status", pairs, body)

    def error(
        self, status: int, code: int, message: str, fields: list[tuple[str, str]] = []
    ) -> bytes:
        body = {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": None}
        return self.reply(status, body, fields)

    # Serving

    def _accept(self, listener) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            wire = Wire(sock)
            sock.settimeout(None)
            with self._changed:
                if listener is not self._listener:
                    wire.reset()
                    return
                self._wires.append(wire)
                self._connections += 1
                number = self._connections
            threading.Thread(target=self._serve, args=(wire, number), daemon=True).start()

    def _serve(self, wire: Wire, number: int) -> None:
        opened: list[Stream] = []
        try:
            while True:
                request = wire.read_request()
                request.connection = number
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                self._respond(wire, request, opened)
        except (Truncated, OSError, ValueError):
            pass
        except AssertionError as fault:
            self.faults.append(f"{self.name}: {fault}")
        finally:
            for stream in opened:
                stream.left.set()
            wire.close()

    def _respond(self, wire: Wire, request: Message, opened: list[Stream]) -> None:
        answer = self.answer(request) if self.answer else None
        if answer is not None:
            wire.send(answer)
            if b"\r\nConnection: close\r\n" in answer:
                raise OSError("closes, as it said")
            return
        session = request.get("mcp-session-id")
        message = json.loads(request.body) if request.body else {}
        method = message.get("method") if isinstance(message, dict) else "batch"
        if request.get("mcp-protocol-version") == "2026-07-28":
            wire.send(self._result(message))
        elif request.method == "POST" and method == "initialize" and not session:
            self._initialize(wire, request, message, opened)
        elif not session:
            wire.send(self.error(400, -32000, "Bad Request: Mcp-Session-Id header is required"))
        elif session not in self.sessions:
            refusal = self.error(404, -32001, "Session not found")
            if request.method == "HEAD":
                refusal = refusal[: refusal.index(b"\r\n\r\n") + 4]
            wire.send(refusal)
        elif request.method == "GET" or method == "stream":
            self._open_stream(wire, request, session, opened)
        elif request.method == "DELETE":
            self.sessions.discard(session)
            wire.send(self.reply(200))
        elif method != "batch" and "id" not in message or "result" in message:
            wire.send(self.reply(202))
        else:
            wire.send(self._result(message, [("mcp-session-id", session)]))

    def _initialize(
        self, wire: Wire, request: Message, message: dict, opened: list[Stream]
    ) -> None:
        session = self.mint()
        self.sessions.add(session)
        if self.init_as_stream:
            self._open_stream(wire, request, session, opened)
        else:
            wire.send(self._result(message, [("mcp-session-id", session)]))

    def _result(self, message: object, fields: list[tuple[str, str]] = []) -> bytes:
        if isinstance(message, list):
            ids = [one["id"] for one in message if "id" in one]
            return self.reply(
                200,
                [{"jsonrpc": "2.0", "id": id, "result": {"pod": self.name}} for id in ids],
                fields,
            )
        result = {"jsonrpc": "2.0", "id": message.get("id"), "result": {"pod": self.name}}
        return self.reply(200, result, fields)

    def _open_stream(
        self, wire: Wire, request: Message, session: str, opened: list[Stream]
    ) -> None:
        head = [("x-pod", self.name), ("mcp-session-id", session), *SSE]
        stream = Stream(self, wire, request)
        opened.append(stream)
        with self._changed:  # who has read the head finds its stream, and in the order of the heads
            self.streams.append(stream)
            wire.send(encode("HTTP/1.1 200 OK", head))
            self._changed.notify_all()
