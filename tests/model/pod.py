"""One MCP server process of the model test: minted ids, an empty memory at each start.

    pod.py NAME INCARNATION PORT FLAVOUR SEED LEDGER

Each answer names the process and the session's own count of calls. What the process did for a
request is in the ledger before the answer leaves, so that a SIGKILL hides nothing: one line
`KIND REQUEST SESSION COUNT` each, written at once.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flavour:
    """How a server behaves; the numbers are those of servers in use."""

    unknown: tuple[int, str]  # status and words for a POST with an id that it does not know
    unknown_get: int = 404
    missing: int = 400
    missing_has_id: bool = False  # attaches a throwaway id to that answer
    code: int | None = -32001  # of the JSON-RPC error; None: plain text
    echo: str = "results"  # which answers carry the id: first, results or all
    deletes: int = 200
    deletes_any: bool = False  # says so to ids that it does not know, too
    streams_any: bool = False  # opens a stream for any id
    one_stream: bool = True  # a second one is answered 409
    as_events: bool = True  # results come as an event stream
    letters: str = "0123456789abcdef"
    length: int = 32


FLAVOURS = {
    "typescript": Flavour((404, "Session not found")),
    "burger": Flavour(
        (400, "Bad Request: No valid session ID provided"), unknown_get=405, code=-32000
    ),
    "go": Flavour(
        (404, "session not found"),
        code=None,
        echo="first",
        deletes=204,
        letters="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        length=26,
    ),
    "python": Flavour((404, "Session not found"), missing_has_id=True, code=-32600, echo="all"),
    "rust": Flavour(
        (404, "Not Found: Session not found"),
        missing=422,
        code=None,
        echo="first",
        deletes=202,
        deletes_any=True,
        one_stream=False,
        as_events=False,
    ),
    "mcp-go": Flavour(
        (404, "Invalid session ID"),
        missing=404,
        code=None,
        echo="first",
        deletes_any=True,
        streams_any=True,
        one_stream=False,
        as_events=False,
    ),
}


class Gone(Exception):
    """The other side has closed."""


@dataclass
class Session:
    id: str
    authorization: str
    client: str
    calls: int = 0
    initialized: bool = False
    streams: list[socket.socket] = field(default_factory=list)


@dataclass
class Request:
    method: str
    fields: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        return self.fields.get("x-request", "-")


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._data = b""

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError:
            raise Gone from None
        if not data:
            raise Gone
        self._data += data

    def read(self) -> Request:
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, self._data = self._data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines[1:])
        fields = {name.lower(): value.strip() for name, value in pairs}
        length = int(fields.get("content-length", "0"))
        while len(self._data) < length:
            self._more()
        body, self._data = self._data[:length], self._data[length:]
        return Request(lines[0].split(" ")[0], fields, body)

    def wait(self) -> None:
        """Until the next request begins, or raises."""
        self._more()


def tell(stream: socket.socket, data: bytes) -> None:
    """A call does not mind that a stream of its session has just gone."""
    try:
        stream.sendall(data)
    except OSError:
        pass


class Pod:
    def __init__(
        self, name: str, incarnation: int, flavour: Flavour, seed: str, ledger: str
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self.flavour = flavour
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._random = random.Random(f"{seed} {name} {incarnation}")
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock)
        try:
            while True:
                self._answer(connection, connection.read())
        except (Gone, OSError):
            pass
        finally:
            sock.close()

    # What was done

    def _note(self, kind: str, request: Request, session: str = "-", count: int = 0) -> None:
        os.write(self._ledger, f"{kind} {request.name} {session} {count}\n".encode())

    # Answers

    def _reply(
        self,
        connection: Connection,
        status: int,
        body: bytes = b"",
        type: str = "application/json",
        session: str | None = None,
    ) -> None:
        head = f"HTTP/1.1 {status} Status\r\nx-pod: {self.name}\r\n"
        head += f"x-incarnation: {self.incarnation}\r\n"
        if session is not None:
            head += f"mcp-session-id: {session}\r\n"
        if body:
            head += f"content-type: {type}\r\n"
        if status != 204:
            head += f"content-length: {len(body)}\r\n"
        connection.socket.sendall(head.encode() + b"\r\n" + body)

    def _error(
        self, connection: Connection, status: int, words: str, session: str | None = None
    ) -> None:
        if self.flavour.code is None:
            return self._reply(connection, status, words.encode(), "text/plain", session)
        error = {"code": self.flavour.code, "message": words}
        body = json.dumps({"jsonrpc": "2.0", "error": error, "id": None}).encode()
        self._reply(connection, status, body, session=session)

    def _result(
        self, connection: Connection, id: object, result: dict, session: str | None
    ) -> None:
        result |= {"pod": self.name, "incarnation": self.incarnation}
        body = json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode()
        if self.flavour.as_events:
            body = b"event: message\ndata: " + body + b"\n\n"
            return self._reply(connection, 200, body, "text/event-stream", session)
        self._reply(connection, 200, body, session=session)

    def _echo(self, id: str, kind: str) -> str | None:
        wanted = {"first": ("first",), "results": ("first", "results")}
        return id if kind in wanted.get(self.flavour.echo, (kind,)) else None

    # Requests

    def _answer(self, connection: Connection, request: Request) -> None:
        message = json.loads(request.body) if request.body else {}
        id = request.fields.get("mcp-session-id")
        if id is None and message.get("method") == "initialize":
            return self._initialize(connection, request, message)
        if id is None:
            self._note("missing", request)
            throwaway = self._mint() if self.flavour.missing_has_id else None
            return self._error(
                connection, self.flavour.missing, "Bad Request: Missing session ID", throwaway
            )
        with self._lock:
            session = self._sessions.get(id)
        if session is None:
            return self._refuse(connection, request, id)
        if session.authorization != request.fields.get("authorization"):
            self._note("forbidden", request, id)
            return self._reply(connection, 403)
        if request.method == "GET":
            self._stream(connection, request, session)
        elif request.method == "DELETE":
            self._delete(connection, request, session)
        elif "id" in message:
            self._call(connection, request, message, session)
        else:
            self._notify(connection, request, message, session)

    def _mint(self) -> str:
        return "".join(self._random.choices(self.flavour.letters, k=self.flavour.length))

    def _initialize(self, connection: Connection, request: Request, message: dict) -> None:
        client = message["params"]["clientInfo"]["name"]
        with self._lock:
            session = Session(self._mint(), request.fields.get("authorization", ""), client)
            self._sessions[session.id] = session
        self._note("initialize", request, session.id)
        self._result(connection, message["id"], {}, self._echo(session.id, "first"))

    def _refuse(self, connection: Connection, request: Request, id: str) -> None:
        flavour = self.flavour
        if request.method == "GET" and flavour.streams_any:
            self._note("stray", request, id)
            self._begin_stream(connection, id)
            try:
                return connection.wait()
            finally:
                self._note("closed", request, id)
        self._note("refused", request, id)
        if request.method == "DELETE" and flavour.deletes_any:
            return self._reply(connection, flavour.deletes)
        status, words = flavour.unknown
        if request.method == "GET" and flavour.unknown_get == 405:
            status, words = 405, "Method not allowed."
        self._error(connection, status, words, self._echo(id, "refusals"))

    def _call(
        self, connection: Connection, request: Request, message: dict, session: Session
    ) -> None:
        with self._lock:
            session.calls += 1
            count = session.calls
            self._note("call", request, session.id, count)
            event = f"data: {json.dumps({'session': session.id, 'count': count})}\n\n".encode()
            for stream in session.streams:
                tell(stream, f"{len(event):x}\r\n".encode() + event + b"\r\n")
        result = {
            "session": session.id,
            "count": count,
            "client": session.client,
            "initialized": session.initialized,
        }
        self._result(connection, message["id"], result, self._echo(session.id, "results"))

    def _notify(
        self, connection: Connection, request: Request, message: dict, session: Session
    ) -> None:
        self._note("notification", request, session.id)
        if message.get("method") == "notifications/initialized":
            session.initialized = True
        self._reply(connection, 202, session=self._echo(session.id, "accepted"))

    def _delete(self, connection: Connection, request: Request, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.id, None)
            self._note("delete", request, session.id)
            for stream in session.streams:
                tell(stream, b"0\r\n\r\n")
            session.streams.clear()
        self._reply(connection, self.flavour.deletes, session=self._echo(session.id, "accepted"))

    def _stream(self, connection: Connection, request: Request, session: Session) -> None:
        with self._lock:
            taken = self.flavour.one_stream and bool(session.streams)
            if not taken:
                self._note("stream", request, session.id)
                self._begin_stream(connection, session.id)
                session.streams.append(connection.socket)
        if taken:
            self._note("conflict", request, session.id)
            return self._error(
                connection, 409, "Conflict: one stream only", self._echo(session.id, "refusals")
            )
        try:
            connection.wait()
        finally:
            with self._lock:
                if connection.socket in session.streams:
                    session.streams.remove(connection.socket)
                self._note("closed", request, session.id)

    def _begin_stream(self, connection: Connection, id: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nx-pod: {self.name}\r\nx-incarnation: {self.incarnation}\r\n"
        if (echoed := self._echo(id, "results")) is not None:
            head += f"mcp-session-id: {echoed}\r\n"
        head += "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.socket.sendall(head.encode())


def main(kind: type[Pod] = Pod) -> None:
    name, incarnation, port, flavour, seed, ledger = sys.argv[1:]
    pod = kind(name, int(incarnation), FLAVOURS[flavour], seed, ledger)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(512)
    os.write(1, b"ready\n")
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=pod.serve, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    main()
