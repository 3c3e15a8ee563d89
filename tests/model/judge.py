"""What an answer was, by its own words and by the ledger; what of it breaks a rule."""

from __future__ import annotations

from client import Answer
from world import PROCESSED, Entry, Ledger

import model
from model import Inner, Model, Session, View


class Violation(AssertionError):
    pass


def require(holds: object, what: str) -> None:
    if not holds:
        raise Violation(what)


def processed_of(entries: list[Entry]) -> list[Entry]:
    """What was done for a request, but for the handshake of a revival."""
    handshake = any(entry.kind == "initialize" for entry in entries)
    return [
        entry
        for entry in entries
        if entry.kind in PROCESSED and not (handshake and entry.kind == "notification")
    ]


class Judge:
    def __init__(self, model: Model, ledger: Ledger, echoes_results: bool) -> None:
        self._model = model
        self._ledger = ledger
        self._echoes_results = echoes_results

    def outcome(
        self,
        kind: str,
        answer: Answer,
        request: str,
        view: View,
        session: Session,
        target: Inner | None,
    ) -> tuple[str, Inner | None]:
        """What came of a request with a session, and the server's session that served it."""
        entries = self._ledger.of(request)
        processed = self._processed(entries, request, answer)
        if answer.status != 0:
            require(
                answer.session in (None, session.id),
                f"an id that the client does not know is in the answer: {answer}",
            )
        if answer.status == 0:
            return model.CUT, None
        if answer.of_proxy:
            return self._of_proxy(answer, processed), None
        require(answer.pod is not None, f"not from a pod, nor from the proxy: {answer}")
        if not 200 <= answer.status < 300:
            return self._refused(kind, answer, processed), None
        return self._success(kind, answer, entries, view, session, target)

    def _processed(self, entries: list[Entry], request: str, answer: Answer) -> list[Entry]:
        processed = processed_of(entries)
        require(len(processed) <= 1, f"processed more than once: {processed}; answered {answer}")
        shakes = [entry for entry in entries if entry.kind == "initialize"]
        require(len(shakes) <= 1, f"more than one handshake for one request: {shakes}")
        refused = [(e.pod, e.incarnation) for e in entries if e.kind == "refused"]
        require(len(refused) == len(set(refused)), f"one pod was asked twice: {entries}")
        require(
            not any(entry.kind == "forbidden" for entry in entries),
            f"{request} came with another's credentials: {entries}",
        )
        return processed

    def _of_proxy(self, answer: Answer, processed: list[Entry]) -> str:
        if answer.status == 502:
            return model.LOST
        require(not processed, f"processed {processed}, but answered {answer}")
        if answer.status == 404:
            require(answer.error_code() == -32001, f"a 404 without -32001: {answer}")
            return model.GONE
        if answer.status == 503:
            require(answer.message.get("retry-after"), f"a 503 without Retry-After: {answer}")
            return model.BUSY
        raise Violation(f"unexpected: {answer}")

    def _refused(self, kind: str, answer: Answer, processed: list[Entry]) -> str:
        require(not processed, f"processed {processed}, but answered {answer}")
        if answer.status == 409 and kind == "stream":
            return model.CONFLICT
        wanted = self._model.rules.unknown_get if kind == "stream" else None
        require(answer.status in (400, 404, wanted), f"unexpected: {answer}")
        return model.OWN

    def _success(
        self,
        kind: str,
        answer: Answer,
        entries: list[Entry],
        view: View,
        session: Session,
        target: Inner | None,
    ) -> tuple[str, Inner | None]:
        done = [entry for entry in entries if entry.kind == kind]
        if kind == "stream" and any(entry.kind == "stray" for entry in entries):
            return model.STRAY, None
        if kind == "delete" and not done and self._model.rules.deletes_any:
            return model.TAKEN, None
        require(len(done) == 1, f"answered {answer}, but the pods did {entries}")
        entry = done[0]
        if kind == "call":
            self._check_result(answer, entry, session)
        if target is not None and (entry.session, entry.incarnation) == (
            target.id,
            target.incarnation,
        ):
            return model.SERVED, target
        known = self._owner_of(entry.session)
        require(known is None, f"served by the session of {known}: {answer}")
        require(
            kind == "call" and entry.count == 1,
            f"served by {entry}, which is not the session {target}",
        )
        result = answer.result()
        require(result["initialized"], f"revived without notifications/initialized: {answer}")
        names = {session.client} if view.recorded else {"ringside"}
        if view.may_be_recorded:
            names.add(session.client)
        require(result["client"] in names, f"revived as {result['client']!r}, not one of {names}")
        pod = self._model.pods[entry.pod]
        return model.REVIVED, Inner(pod, entry.incarnation, entry.session)

    def _check_result(self, answer: Answer, entry: Entry, session: Session) -> None:
        result = answer.result()
        said = (result["pod"], result["incarnation"], result["session"], result["count"])
        did = (entry.pod, entry.incarnation, entry.session, entry.count)
        require(said == did, f"the answer says {said}, the ledger {did}")
        if self._echoes_results:
            require(answer.session == session.id, f"the id is not in the answer: {answer}")

    def _owner_of(self, inner_id: str) -> str | None:
        for session in self._model.sessions:
            if session.origin is not None and session.origin.id == inner_id:
                return f"#{session.number}"
            for proxy in self._model.proxies:
                view = proxy.views.get(session.number)
                if view and view.revived is not None and view.revived.id == inner_id:
                    return f"#{session.number} at proxy {proxy.name}"
        return None


def check_ledger(ledger: Ledger) -> None:
    """At the end: whatever happened, nothing was done twice and nothing lost count."""
    counts: dict[tuple[str, int, str], list[int]] = {}
    for request, entries in ledger.all().items():
        done = processed_of(entries)
        require(len(done) <= 1, f"{request} was processed more than once: {done}")
        for entry in entries:
            if entry.kind == "call":
                counts.setdefault((entry.pod, entry.incarnation, entry.session), []).append(
                    entry.count
                )
    for session, seen in counts.items():
        require(sorted(seen) == list(range(1, len(seen) + 1)), f"calls of {session}: {seen}")
