"""One client: random steps in sessions of its own, and a word on every answer that is wrong."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
import uuid
from dataclasses import dataclass, field

from books import Books, Seen
from hostile import MESSAGES
from pods import PodProcess

from harness.process import Ringside
from harness.wire import Body, Message, TooLate, Truncated, Wire, encode

WEIGHTS = {
    "initialize": 14,
    "call": 40,
    "pipeline": 4,
    "notification": 6,
    "big_call": 3,
    "open_stream": 7,
    "close_stream": 6,
    "tunnel": 4,
    "delete": 9,
    "made_up": 2,
    "abort": 6,
    "read_slowly": 2,
    "finish_reading": 2,
    "hostile": 2,
    "new_connection": 3,
}
SESSIONS = 25  # of one client; past them the oldest is left alone, or deleted
SLOW = 3  # answers at once that one client does not read
TUNNELS = 3  # of one client; past them the oldest is left
PIPELINED = 4  # calls at once
SMALL_BUFFER = 4096
FORGIVEN = {0, 400, 404, 405, 502, 503}  # of a session whose process has died
EXPECTED = {
    "call": {200},
    "notification": {202},
    "delete": {200, 202, 204},
    "stream": {200},
    "tunnel": {101},
}
UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "c29hayBzb2FrIHNvYWsgcw=="),
]


@dataclass
class Session:
    path: str  # of its initialize: what is said elsewhere tells the proxy nothing of it
    id: str
    owner: PodProcess
    incarnation: int
    counted: int = 0  # calls that the pod has answered
    had_stream: bool = False  # a pod may still hold the last one, and refuse a second


@dataclass
class Open:
    """An answer that is still coming: an event stream, or one that is read slowly."""

    session: Session
    seen: Seen
    name: str
    wire: Wire
    body: Body
    began: float
    from_count: int = 0


@dataclass
class Shared:
    """What all clients use."""

    proxy: Ringside
    pods: dict[str, PodProcess]
    books: Books
    rate: float  # steps a second, of one client
    working: threading.Event = field(default_factory=threading.Event)
    over: bool = False


class Actor(threading.Thread):
    def __init__(self, number: int, seed: int, shared: Shared) -> None:
        super().__init__(daemon=True)
        self.resting = threading.Event()
        self._shared, self._books = shared, shared.books
        self._random = random.Random(f"{seed} {number}")
        self._names = (f"{number}-{n}" for n in itertools.count(1))
        self._token = f"Bearer {number}"
        self._sessions: list[Session] = []
        self._streams: list[Open] = []
        self._slow: list[Open] = []
        self._tunnels: list[tuple[Session, float, Wire]] = []  # and when it was opened
        self._wire: Wire | None = None

    def run(self) -> None:
        due = time.monotonic()
        while not self._shared.over:
            if not self._shared.working.is_set():
                self._rest()
                due = time.monotonic()
                continue
            due = max(due + self._random.expovariate(self._shared.rate), time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            self._leave_the_dead()
            self._step(self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0])

    def _leave_the_dead(self) -> None:
        """The proxy does not see that a pod is gone while it waits for a reader of its answer.

        Nor is a tunnel over while one of its sides has not ended.
        """
        for each in list(self._slow):
            if not each.session.owner.lived(each.session.incarnation, each.began):
                self._slow.remove(each)
                each.wire.reset()
        for each in list(self._tunnels):
            session, began, wire = each
            if not session.owner.lived(session.incarnation, began):
                self._tunnels.remove(each)
                wire.close()

    def _step(self, name: str) -> None:
        try:
            getattr(self, f"_{name}")()
            self._books.count_step(name)
        except TooLate as late:
            self._fault(f"{name}: no answer: {late}")
        except (AssertionError, OSError, ValueError, KeyError, TypeError) as fault:
            self._fault(f"{name}: {type(fault).__name__}: {fault}")

    def _rest(self) -> None:
        """Lets go of everything, until there is work again."""
        for each in self._streams + self._slow:
            each.wire.close()
        for _, _, wire in self._tunnels:
            wire.close()
        self._streams, self._slow, self._tunnels, self._sessions = [], [], [], []
        self._drop()
        self.resting.set()
        self._shared.working.wait()
        self.resting.clear()

    def _fault(self, what: str) -> None:
        self._books.violations.append(what)
        self._drop()

    # Connections

    def _connect(self, receive_buffer: int | None = None) -> Wire:
        wire = self._shared.proxy.connect(receive_buffer=receive_buffer)
        self._shared.proxy.wires.remove(wire)  # they are closed here
        self._books.count_connection()
        return wire

    def _kept(self) -> Wire:
        if self._wire is None:
            self._wire = self._connect()
        return self._wire

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _new_connection(self) -> None:
        self._drop()

    # Requests

    def _request(
        self, kind: str, method: str, path: str, session: str | None, message: dict | None
    ) -> tuple[str, Seen, bytes]:
        """Its name, the note that the books have of it, and its bytes."""
        name = next(self._names)
        body = None if message is None else json.dumps({"jsonrpc": "2.0", **message}).encode()
        fields = [
            ("Host", "soak.example"),
            ("Accept", "application/json, text/event-stream"),
            ("X-Request", name),
            ("Authorization", self._token),
        ]
        if session is not None:
            fields.append(("Mcp-Session-Id", session))
        if kind == "tunnel":
            fields += UPGRADE
        self._books.requests[name] = seen = Seen(kind, path, len(body or b""))
        return name, seen, encode(f"{method} {path} HTTP/1.1", fields, body)

    def _ask(
        self, kind: str, method: str, path: str, session: str | None, message: dict | None
    ) -> tuple[Seen, Message | None]:
        """A whole exchange; of one that was cut there is no message."""
        _, seen, data = self._request(kind, method, path, session, message)
        self._send(data)
        return seen, self._read(seen, method)

    def _send(self, data: bytes) -> None:
        try:
            self._kept().send(data)
        except OSError:
            self._drop()

    def _read(self, seen: Seen, method: str) -> Message | None:
        """The next answer on the kept connection, if that has not gone with one before."""
        try:
            if self._wire is None:
                raise Truncated("the connection is gone")
            answer = self._wire.read_response(method)
        except (Truncated, OSError):
            seen.cut = True
            self._drop()
            return None
        self._note(seen, answer)
        seen.received = len(answer.body)
        if answer.get("connection") == "close":
            self._drop()
        return answer

    @staticmethod
    def _note(seen: Seen, answer: Message) -> None:
        seen.status = answer.status
        seen.pod = None if answer.get("server") == "ringside" else answer.get("x-pod")

    def _judge(
        self, kind: str, seen: Seen, answer: Message | None, session: Session, began: float
    ) -> bool:
        """Whether the session goes on. What must not be is a violation."""
        status = seen.status or 0
        lived = session.owner.lived(session.incarnation, began)
        if status in EXPECTED[kind]:
            by = (answer.get("x-pod"), answer.get("x-incarnation"))
            if by != (session.owner.name, str(session.incarnation)):
                self._fault(f"not sticky: {session} was served by {by}: {seen}")
            if answer.get("mcp-session-id") not in (None, session.id):
                self._fault(f"another's id in an answer to {session}: {answer.raw_head!r}")
            return kind != "delete"
        if status == 409 and kind == "stream" and session.had_stream:
            return True
        unsettled = not self._settled(began) and status in (0, 502)
        if lived and not unsettled or status not in FORGIVEN:
            pods = self._shared.pods.values()
            deaths = [f"{pod} {pod.seconds_since_death():.2f} s ago" for pod in pods]
            self._fault(f"lost: {kind} of {session}: {seen} {_text(answer)}; deaths: {deaths}")
            return False
        return status == 503 or lived

    def _settled(self, began: float) -> bool:
        return all(pod.settled(began) for pod in self._shared.pods.values())

    def _pick(self) -> Session | None:
        return self._random.choice(self._sessions) if self._sessions else None

    def _over(self, session: Session) -> None:
        if session in self._sessions:
            self._sessions.remove(session)

    def _new_path(self) -> str:
        return f"/mcp/{next(self._names)}"

    # Steps

    def _initialize(self) -> None:
        began = time.monotonic()
        message = {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "soak", "version": "1"},
            },
        }
        path = self._new_path()
        seen, answer = self._ask("initialize", "POST", path, None, message)
        if seen.status == 200:
            owner = self._shared.pods[answer.get("x-pod")]
            incarnation = int(answer.get("x-incarnation"))
            session = Session(path, answer.get("mcp-session-id"), owner, incarnation)
            self._sessions.append(session)
            if len(self._sessions) > SESSIONS:
                del self._sessions[0]
        elif self._settled(began) or seen.status not in (None, 502):
            self._fault(f"lost: an initialize: {seen} {_text(answer)}")

    def _call(self, padding: int = 0) -> None:
        if (session := self._pick()) is None:
            return
        began = time.monotonic()
        params = {"bytes": padding} if padding else {}
        message = {"id": 2, "method": "tools/call", "params": params}
        seen, answer = self._ask("call", "POST", session.path, session.id, message)
        self._end_call(session, seen, answer, began, padding)

    def _end_call(
        self, session: Session, seen: Seen, answer: Message | None, began: float, padding: int
    ) -> None:
        if not self._judge("call", seen, answer, session, began):
            self._over(session)
        elif seen.status == 200:
            self._check_result(session, answer, padding)

    def _pipeline(self) -> None:
        """Calls of several sessions at once on one connection; they are answered in order."""
        sessions = self._random.sample(self._sessions, min(PIPELINED, len(self._sessions)))
        began, message = time.monotonic(), {"id": 6, "method": "tools/call"}
        asked = [
            self._request("pipelined", "POST", session.path, session.id, message)
            for session in sessions
        ]
        self._send(b"".join(data for _, _, data in asked))
        for session, (_, seen, _) in zip(sessions, asked, strict=True):
            self._end_call(session, seen, self._read(seen, "POST"), began, 0)

    def _check_result(self, session: Session, answer: Message, padding: int) -> None:
        data = answer.body
        if answer.get("content-type") == "text/event-stream":
            data = data.split(b"data: ", 1)[1]
        result = json.loads(data)["result"]
        assert result["session"] == session.id, f"{session} got {result['session']}"
        assert result["count"] > session.counted, f"{session}: {result['count']} again"
        assert len(result["padding"]) == padding, f"{len(result['padding'])} not {padding} bytes"
        session.counted = result["count"]

    def _big_call(self) -> None:
        self._call(self._random.choice([60_000, 300_000, 1_500_000]))

    def _notification(self) -> None:
        if (session := self._pick()) is None:
            return
        began, message = time.monotonic(), {"method": "notifications/initialized"}
        seen, answer = self._ask("notification", "POST", session.path, session.id, message)
        if not self._judge("notification", seen, answer, session, began):
            self._over(session)

    def _delete(self) -> None:
        if (session := self._pick()) is None:
            return
        began = time.monotonic()
        seen, answer = self._ask("delete", "DELETE", session.path, session.id, None)
        goes_on = self._judge("delete", seen, answer, session, began)
        if not goes_on or seen.status in (None, 502):  # of these it may have been carried out
            self._over(session)

    def _made_up(self) -> None:
        began = time.monotonic()
        message = {"id": 3, "method": "tools/call"}
        session = uuid.UUID(int=self._random.getrandbits(128)).hex
        seen, answer = self._ask("made up", "POST", self._new_path(), session, message)
        all_up = all(pod.up(began) for pod in self._shared.pods.values())
        admitted = {404} if all_up else {404, 503}
        if not self._settled(began):
            admitted |= {None, 502}
        if seen.status not in admitted:
            self._fault(f"a made-up id: {seen} {_text(answer)}")

    # Answers that stay open

    def _begin(self, kind: str, method: str, session: Session, message: dict | None) -> Open | None:
        """The head of an answer has been read, on a connection of its own."""
        began = time.monotonic()
        wire = self._connect(SMALL_BUFFER if kind == "call" else None)
        name, seen, data = self._request(kind, method, session.path, session.id, message)
        head = None
        try:
            wire.send(data)
            head = wire.read_response_head()
            body = wire.body_of(head, method)
            self._note(seen, head)
            if head.status != 200:
                head.body = body.rest()
                seen.received = len(head.body)
        except (Truncated, OSError):
            seen.cut = True
        if not self._judge(kind, seen, head, session, began):
            self._over(session)
        if seen.status == 200 and not seen.cut:
            return Open(session, seen, name, wire, body, began, session.counted)
        wire.close()
        return None

    def _open_stream(self) -> None:
        session = self._pick()
        if session is None or any(each.session is session for each in self._streams):
            return
        if (each := self._begin("stream", "GET", session, None)) is not None:
            session.had_stream = True
            self._streams.append(each)

    def _close_stream(self) -> None:
        if not self._streams:
            return
        each = self._streams.pop(self._random.randrange(len(self._streams)))
        if self._random.random() < 0.5 and each.session in self._sessions:
            self._read_events(each)
        if self._random.random() < 0.5:
            each.wire.reset()
        else:
            each.wire.close()

    def _read_events(self, each: Open) -> None:
        """Every call since it was opened is told on it, in order."""
        wanted, last = each.session.counted, each.from_count
        if wanted == last:
            return
        try:
            while last < wanted:
                event = json.loads(each.body.event().removeprefix(b"data: "))
                assert event["session"] == each.session.id, f"{each.session} got {event}"
                assert event["count"] > last, f"{event} after {last}"
                last = event["count"]
        except (Truncated, OSError):
            if each.session.owner.lived(each.session.incarnation, each.began):
                self._fault(f"lost: stream {each.name} of {each.session} was cut")

    def _read_slowly(self) -> None:
        session = self._pick()
        if session is None or len(self._slow) >= SLOW:
            return
        params = {"bytes": self._random.choice([1 << 20, 6 << 20])}
        message = {"id": 4, "method": "tools/call", "params": params}
        if (each := self._begin("call", "POST", session, message)) is not None:
            self._slow.append(each)

    def _finish_reading(self) -> None:
        if not self._slow:
            return
        each = self._slow.pop(0)
        if self._random.random() < 0.5:
            each.wire.reset()
            return
        try:
            each.seen.received = len(each.body.rest())
        except (Truncated, OSError):
            if each.session.owner.lived(each.session.incarnation, each.began):
                self._fault(f"lost: the end of {each.name} of {each.session}")
        each.wire.close()

    def _tunnel(self) -> None:
        """Through it the pod says what it hears; then it stays open for a while, or does not."""
        if (session := self._pick()) is None:
            return
        began, wire = time.monotonic(), self._connect()
        _, seen, data = self._request("tunnel", "GET", session.path, session.id, None)
        head = None
        try:
            wire.send(data)
            head = wire.read_head()
            self._note(seen, head)
            if head.status == 101:
                self._echo(wire, seen)
            else:
                seen.received = len(wire.body_of(head, "GET").rest())
        except (Truncated, OSError):
            seen.cut = True
            if head is not None and session.owner.lived(session.incarnation, began):
                self._fault(f"lost: a tunnel of {session}: {seen}")
        if not self._judge("tunnel", seen, head, session, began):
            self._over(session)
        if seen.status == 101 and self._random.random() < 0.5:
            self._tunnels.append((session, began, wire))
            if len(self._tunnels) > TUNNELS:
                self._tunnels.pop(0)[2].close()
        elif self._random.random() < 0.5:
            wire.reset()
        else:
            wire.close()

    def _echo(self, wire: Wire, seen: Seen) -> None:
        for size in (10, 3000, self._random.choice([0, 200_000])):
            data = self._random.randbytes(size)
            seen.sent += size
            wire.send(data)
            assert wire.read_exactly(size) == data, f"a tunnel garbles {size} bytes"
        seen.received = seen.sent

    # What a client should not do

    def _abort(self) -> None:
        """Leaves in the head, in the body, or before the answer."""
        session = self._pick()
        if session is None:
            return
        message = {"id": 5, "method": "tools/call", "params": {"note": "n" * 2000}}
        _, seen, data = self._request("aborted", "POST", session.path, session.id, message)
        wire = self._connect()
        unsent = self._random.choice([len(data) - 20, 1000, 0])
        wire.send_anyway(data[: len(data) - unsent])
        seen.sent = max(0, seen.sent - unsent)
        if self._random.random() < 0.5:
            wire.reset()
        else:
            seen.must_arrive = seen.sent > 0
            wire.close()

    def _hostile(self) -> None:
        name = self._random.choice(list(MESSAGES))
        wire = self._connect()
        try:
            wire.send_anyway(MESSAGES[name])
            answer = wire.read_response()
            assert 400 <= answer.status < 600, f"{name}: {answer}"
            assert answer.get("server") == "ringside", f"{name} reached a pod: {answer}"
            self._books.count_refusal(answer.status)
        except (Truncated, OSError) as fault:
            self._fault(f"{name}: no answer, but {fault}")
        finally:
            wire.close()


def _text(answer: Message | None) -> str:
    return "" if answer is None else f"{answer.raw_head!r} {answer.body[:200]!r}"
