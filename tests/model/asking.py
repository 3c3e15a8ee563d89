"""One request after another: sent, its answer judged, the model told."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass

from client import Answer, Client, EventStream
from diary import Diary
from judge import Judge, Violation, require
from streams import Open, Streams
from world import Ledger, ProxyProcess

import model
from model import Inner, Model, Session, View

_requests = itertools.count(1)


class Actor:
    """A client with its own sequence of random numbers and its own sessions."""

    def __init__(self, number: int, seed: str) -> None:
        self.number = number
        self.random = random.Random(seed)
        self.client = Client(number)

    def request(self) -> str:
        """The name of one more request, like no other."""
        return f"{self.number}.{next(_requests)}"


@dataclass
class Before:
    """What is known when a request begins."""

    admitted: set[str]
    view: View
    target: Inner | None
    life: int  # of the proxy


class Requests:
    def __init__(
        self,
        model: Model,
        judge: Judge,
        ledger: Ledger,
        streams: Streams,
        diary: Diary,
        lock: threading.RLock,
    ) -> None:
        self.model = model
        self.judge = judge
        self.ledger = ledger
        self.streams = streams
        self.diary = diary
        self.lock = lock
        self.chaos = ""  # what is killed while requests are under way: a pod, a proxy

    def ask(self, actor: Actor, kind: str, proxy: ProxyProcess, session: Session) -> Answer:
        """One request, its answer judged, and the model told."""
        request = actor.request()
        with self.lock:
            before = self._before(kind, proxy, session)
        started = time.monotonic()
        answer, stream = self._send(actor, kind, proxy, session, request)
        with self.lock:
            outcome, inner = self._judge(
                actor, kind, proxy, session, request, answer, started, before
            )
            self._learn(request, kind, outcome, proxy, session, inner, started, before)
            if stream is not None:
                self.streams.opened(Open(session, proxy, inner, request, stream, answer.pod))
        if kind == "call" and outcome in (model.SERVED, model.REVIVED):
            self._expect_count(answer, inner)
            self.streams.expect_events(inner, inner.calls)
        if kind == "delete" and inner is not None:
            self.streams.expect_ends(self.streams.of(inner))
        return answer

    def ask_together(
        self, actors: list[Actor], proxy: ProxyProcess, session: Session
    ) -> None:
        """The same call by several clients at once: in the order of its counts, as if in turn."""
        now = time.monotonic()
        asked = [(actor, actor.request()) for actor in actors]
        before = self._before("call", proxy, session)
        answers: dict[str, Answer | BaseException] = {}

        def call(actor: Actor, request: str) -> None:
            try:
                answers[request], _ = self._send(actor, "call", proxy, session, request)
            except BaseException as failure:
                answers[request] = failure
            finally:
                actor.client.close()

        threads = [threading.Thread(target=call, args=each) for each in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counted = []
        for actor, request in asked:
            if isinstance(failure := answers[request], BaseException):
                raise failure
            answer = answers[request]
            count = answer.result()["count"] if answer.status == 200 else 0
            # a server's refusal is what the proxy's own ones rest on
            counted.append((count, answer.of_proxy, request, actor, answer))
        counted.sort(key=lambda each: each[:2])
        for _, _, request, actor, answer in counted:
            outcome, inner = self._judge(
                actor, "call", proxy, session, request, answer, now, before
            )
            self._learn(request, "call", outcome, proxy, session, inner, now, before)
            before.target = self.model.target(proxy.state, session)
            if outcome in (model.SERVED, model.REVIVED):
                self._expect_count(answer, inner)
                self.streams.expect_events(inner, inner.calls)

    def _send(
        self, actor: Actor, kind: str, proxy: ProxyProcess, session: Session, request: str
    ) -> tuple[Answer, EventStream | None]:
        client, id, authorization = actor.client, session.id, session.authorization
        if kind == "stream":
            return client.stream(proxy, request, id, authorization)
        if kind == "delete":
            return client.request(proxy, "DELETE", request, id, authorization), None
        message: dict = {"method": "tools/call", "params": {"name": "count"}}
        if kind == "notification":
            message = {"method": "notifications/initialized"}
        else:
            message["id"] = request
        return client.request(proxy, "POST", request, id, authorization, message), None

    def _before(self, kind: str, proxy: ProxyProcess, session: Session) -> Before:
        state = proxy.state
        return Before(
            self._admitted(kind, proxy, session, time.monotonic()),
            state.view(session),
            self.model.target(state, session),
            state.life,
        )

    def _admitted(
        self, kind: str, proxy: ProxyProcess, session: Session, started: float
    ) -> set[str]:
        now = time.monotonic()
        admitted = self.model.admitted(kind, proxy.state, session, started, now)
        if self.chaos:
            admitted |= {model.BUSY, model.LOST}
        if self.chaos == "proxy":
            admitted.add(model.CUT)
        return admitted

    def _judge(
        self,
        actor: Actor,
        kind: str,
        proxy: ProxyProcess,
        session: Session,
        request: str,
        answer: Answer,
        started: float,
        before: Before,
    ) -> tuple[str, Inner | None]:
        """What came of it, which the model must admit as it was before or as it is now."""
        outcome = "broke a rule"
        try:
            outcome, inner = self.judge.outcome(
                kind, answer, request, before.view, session, before.target
            )
            admitted = before.admitted | self._admitted(kind, proxy, session, started)
            require(
                outcome in admitted,
                f"{outcome} is not admitted, but {sorted(admitted)}; answered {answer}",
            )
            return outcome, inner
        except Violation:
            self.diary.suspect(session)
            outcome += "  <--"
            raise
        finally:
            line = self._line(actor, kind, proxy, session, request, outcome, started)
            self.diary.say(line, session)

    def _deleted(self, request: str, session: Session, proxy: ProxyProcess) -> None:
        """The ledger tells, whatever the answer was."""
        deleted = {entry.session for entry in self.ledger.of(request) if entry.kind == "delete"}
        for inner in (session.origin, self.model.target(proxy.state, session)):
            if inner is not None and inner.id in deleted:
                inner.deleted = True

    def _learn(
        self,
        request: str,
        kind: str,
        outcome: str,
        proxy: ProxyProcess,
        session: Session,
        inner: Inner | None,
        started: float,
        before: Before,
    ) -> None:
        if kind == "delete":
            self._deleted(request, session, proxy)
        if outcome == model.CUT:
            self._cut(kind, session, before.target)
        if proxy.state.life != before.life:  # it has forgotten what it was just told
            if kind == "call" and outcome in (model.SERVED, model.REVIVED):
                inner.calls += 1
            return
        self.model.told(kind, outcome, proxy.state, session, inner, started)
        if outcome == model.LOST:
            self._lost_in_revival(request, proxy, session)

    def _lost_in_revival(self, request: str, proxy: ProxyProcess, session: Session) -> None:
        for entry in self.ledger.of(request):
            if entry.kind == "initialize":
                inner = Inner(self.model.pods[entry.pod], entry.incarnation, entry.session)
                self.model.may_be_revived(proxy.state, session, inner)

    def _cut(self, kind: str, session: Session, target: Inner | None) -> None:
        """Nobody knows whether it was served, or will be."""
        for inner in {id(each): each for each in (session.origin, target)}.values():
            if inner is not None and kind == "call":
                inner.unsure += 1
                inner.was_cut = True

    def _line(
        self,
        actor: Actor,
        kind: str,
        proxy: ProxyProcess,
        session: Session,
        request: str,
        outcome: str,
        started: float,
    ) -> str:
        target = self.model.target(proxy.state, session)
        state = f"{target}{' (gone)' if not target.lives else ''}" if target else "made up"
        milliseconds = (time.monotonic() - started) * 1000
        return (
            f"{request:8} {kind} #{session.number} {session.id[:8]} of {state} "
            f"by proxy {proxy.state.name}: {outcome}  {milliseconds:.1f} ms"
        )

    def _expect_count(self, answer: Answer, inner: Inner) -> None:
        count = answer.result()["count"]
        more = min(max(count - inner.calls, 0), inner.unsure)
        inner.calls += more
        inner.unsure -= more
        require(count == inner.calls, f"call {inner.calls} of {inner} was counted {count}")
