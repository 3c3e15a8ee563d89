"""Who owns what, and which answers the design admits.

The model knows each session as its server does (Inner), as its client does (Session), and what each
proxy may or must remember of it (View). It is told of every event; before each answer is believed
it says which outcomes are admitted. Time enters only where the design names one, and there both
outcomes are admitted close to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# What a request can come to.
SERVED = "served"  # by the session as it is known
REVIVED = "revived"  # by a new session behind the old id
OWN = "the server's own refusal"
CONFLICT = "409: it has a stream"
GONE = "the proxy's 404"
BUSY = "the proxy's 503"
LOST = "the proxy's 502"
CUT = "connection cut"
STRAY = "a stream from a server that takes any id"
TAKEN = "success to a DELETE from a server that takes any id"

LONG_AGO = -1e9
UNNOTICED = 3.0  # a pod that lives no longer may do so between two probes
TOMBSTONE = 12.0  # seconds in which a proxy may still answer what it answered before
NEARLY = 0.8  # of a time to live: before that nothing has lapsed
STALE = 2.0  # after a SIGKILL a pooled connection may be believed alive for so long


@dataclass
class Rules:
    """What the configuration and the servers' flavour decide."""

    revives: bool = False
    revives_unknown: bool = False
    tagged: bool = False
    saves: bool = False
    idle_ttl: float = 10800.0
    owner_grace: float = 10.0
    unknown_get: int = 404
    deletes_any: bool = False
    streams_any: bool = False
    one_stream: bool = True

    @property
    def expires(self) -> bool:
        return self.idle_ttl < 600


@dataclass
class Pod:
    name: str
    incarnation: int = 0
    up: bool = False
    started: float = LONG_AGO
    killed: float = LONG_AGO
    down_since: float = LONG_AGO  # as a proxy may see it that did not notice a short life
    long_down_until: float = LONG_AGO  # when it came back from being down for about owner_grace

    def lives(self, inner: Inner) -> bool:
        return self.up and inner.incarnation == self.incarnation and not inner.deleted


@dataclass
class Inner:
    """A session in a server process."""

    pod: Pod
    incarnation: int
    id: str
    calls: int = 0
    unsure: int = 0  # calls that were cut, and may be served yet
    was_cut: bool = False  # there were any
    deleted: bool = False
    streams: int = 0

    @property
    def lives(self) -> bool:
        return self.pod.lives(self)

    def __str__(self) -> str:
        return f"{self.pod.name}/{self.incarnation}:{self.id[:6]}"


@dataclass
class Session:
    """A session as its client knows it: by the id that was given out, or made up."""

    number: int
    id: str
    origin: Inner | None
    authorization: str
    client: str  # the name it gave at its initialize

    @property
    def tagged(self) -> bool:
        return self.origin is not None and self.id != self.origin.id


@dataclass
class View:
    """What one life of one proxy knows of a session."""

    tagged: bool = False  # the id itself names the owner
    revived: Inner | None = None
    recorded: bool = False  # its initialize went through here
    may_be_recorded: bool = False  # it did, before a DELETE
    stray: bool = False  # bound by a stream of a server that takes any id
    may_bind: bool = False
    must_bind: bool = False
    bound_at: float = 0.0
    used: float = 0.0
    ended: float | None = None  # a DELETE was answered
    may_have_ended: bool = False
    gone: float | None = None  # a request was told that the session is gone


@dataclass
class Proxy:
    """One proxy: what it remembers goes with its life, or is in its state file."""

    name: str
    life: int = 0
    views: dict[int, View] = field(default_factory=dict)

    def view(self, session: Session) -> View:
        if session.number not in self.views:
            self.views[session.number] = View(tagged=session.tagged)
        return self.views[session.number]

    def restart(self, rules: Rules) -> None:
        self.life += 1
        old, self.views = self.views, {}
        if not rules.saves:
            return
        for number, view in old.items():
            self.views[number] = View(
                tagged=view.tagged,
                may_bind=view.may_bind or view.bound_at > 0,
                may_have_ended=view.ended is not None or view.may_have_ended,
                gone=view.gone,
                bound_at=view.bound_at,
            )


class Model:
    def __init__(self, rules: Rules, pods: list[Pod], proxies: list[Proxy]) -> None:
        self.rules = rules
        self.pods = {pod.name: pod for pod in pods}
        self.proxies = proxies
        self.sessions: list[Session] = []

    # Events

    def add(self, id: str, origin: Inner | None, authorization: str, client: str) -> Session:
        session = Session(len(self.sessions), id, origin, authorization, client)
        self.sessions.append(session)
        return session

    def initialized(self, proxy: Proxy, session: Session, now: float) -> None:
        view = proxy.view(session)
        view.recorded = True
        self._bound(view, now, firmly=True)

    def pod_killed(self, pod: Pod, began: float, now: float) -> None:
        if began - pod.started > UNNOTICED:
            pod.down_since = began
        pod.up, pod.killed = False, now

    def pod_started(self, pod: Pod, now: float) -> None:
        if now - pod.down_since > self.rules.owner_grace / 2:
            pod.long_down_until = now
        pod.incarnation += 1
        pod.up, pod.started = True, now

    def target(self, proxy: Proxy, session: Session) -> Inner | None:
        return proxy.view(session).revived or session.origin

    # What may come of a request

    def admitted(
        self, kind: str, proxy: Proxy, session: Session, started: float, now: float
    ) -> set[str]:
        rules, view = self.rules, proxy.view(session)
        outcomes = {LOST} if self._stale(started) else set()
        if view.ended is not None:
            outcomes.add(GONE)
            if now - view.ended < rules.idle_ttl * NEARLY:
                return outcomes
        if view.may_have_ended:
            outcomes.add(GONE)
        target = view.revived or session.origin
        if target is not None and target.lives:
            outcomes |= self._of_living(kind, target, view)
            if view.revived is None or now - view.used < rules.idle_ttl * NEARLY:
                return outcomes
        return outcomes | self._of_dead(kind, view, target, now)

    def _of_living(self, kind: str, target: Inner, view: View) -> set[str]:
        misled = self._of_misled(kind) if view.stray else set()
        if kind != "stream":
            return {SERVED} | misled
        outcomes = misled | ({CONFLICT} if self.rules.one_stream and target.streams else {SERVED})
        if self.rules.streams_any and not self._surely_bound(view, target):
            outcomes.add(STRAY)
        return outcomes

    # A proxy believes the pod that took the stream until that refuses a POST, and takes the
    # session for lost when that pod is.
    def _of_misled(self, kind: str) -> set[str]:
        outcomes = {BUSY, GONE}
        if kind == "stream":
            outcomes.add(STRAY)
        if kind == "delete":
            outcomes.add(TAKEN)
        if kind == "call" and self.rules.revives:
            outcomes.add(REVIVED)
        return outcomes

    def _of_dead(self, kind: str, view: View, target: Inner | None, now: float) -> set[str]:
        bound = view.may_bind or view.tagged
        outcomes = self._of_misled(kind) if view.stray else set()
        if target is not None and bound:
            outcomes |= self._of_lost_owner(kind, target.pod, now)
        if not self._surely_bound(view, target):
            outcomes |= self._of_search(kind, view, target, now)
        if self.rules.revives and kind == "call":
            outcomes = self._with_revival(outcomes, view)
        return outcomes

    # A proxy that believes in the binding asks the pod, or knows that it is down.
    def _of_lost_owner(self, kind: str, pod: Pod, now: float) -> set[str]:
        if pod.up:
            if kind == "stream" and self.rules.streams_any:
                return {STRAY}
            return {TAKEN} if kind == "delete" and self.rules.deletes_any else {OWN}
        return {BUSY, GONE} if self._outlasted(pod, now) else {BUSY}

    # A proxy that does not asks everybody, or remembers.
    def _of_search(
        self, kind: str, view: View, target: Inner | None, now: float
    ) -> set[str]:
        outcomes = set()
        if view.gone is not None and now - view.gone < TOMBSTONE:
            outcomes.add(GONE)
        if target is not None and self._was_given_up(target.pod, now):
            outcomes.add(GONE)
        if view.tagged:
            return outcomes
        down = [pod for pod in self.pods.values() if not pod.up]
        if kind == "stream" and self.rules.streams_any and len(down) < len(self.pods):
            return outcomes | {STRAY}
        if kind == "delete" and self.rules.deletes_any and len(down) < len(self.pods):
            return outcomes | {TAKEN}
        if down:
            outcomes.add(BUSY)
        if all(self._outlasted(pod, now) for pod in down):
            outcomes.add(OWN if kind == "stream" and self.rules.unknown_get == 405 else GONE)
        return outcomes

    # A call that would be told that its session is gone revives it.
    def _with_revival(self, outcomes: set[str], view: View) -> set[str]:
        told = outcomes & {OWN, GONE}
        if not told:
            return outcomes
        result = outcomes - told | {REVIVED}
        if not any(pod.up for pod in self.pods.values()):
            result = result - {REVIVED} | {BUSY}
        if not self.rules.revives_unknown and not view.recorded and not view.must_bind:
            result.add(GONE)
        if not self.rules.revives_unknown and not self._known(view):
            result.discard(REVIVED)
        return result

    def _known(self, view: View) -> bool:
        return (
            view.recorded
            or view.may_be_recorded
            or view.may_bind
            or view.gone is not None
        )

    def _surely_bound(self, view: View, target: Inner | None) -> bool:
        return (
            view.must_bind
            and not self.rules.expires
            and target is not None
            and view.bound_at > target.pod.long_down_until
        )

    def _outlasted(self, pod: Pod, now: float) -> bool:
        return not pod.up and now - pod.down_since >= self.rules.owner_grace

    def _was_given_up(self, pod: Pod, now: float) -> bool:
        """For owner_grace or longer it was dead: a proxy that saw that forgot its sessions."""
        return self._outlasted(pod, now) or now - pod.long_down_until < TOMBSTONE

    def _stale(self, now: float) -> bool:
        return any(now - pod.killed < STALE for pod in self.pods.values())

    # What came of it

    def told(
        self,
        kind: str,
        outcome: str,
        proxy: Proxy,
        session: Session,
        inner: Inner | None,
        now: float,
    ) -> None:
        """`now` is when the request began: what it taught is as old as that."""
        view = proxy.view(session)
        if outcome == REVIVED:
            view.revived = inner
        if kind == "delete" and outcome in (SERVED, TAKEN, OWN, GONE) and view.recorded:
            view.recorded, view.may_be_recorded = False, True
        if outcome in (SERVED, REVIVED) and kind != "delete":
            self._bound(view, now, firmly=kind == "call")
        elif outcome in (CONFLICT, STRAY):
            self._bound(view, now, firmly=False)
            view.stray |= outcome == STRAY
        elif kind == "delete" and outcome in (SERVED, TAKEN):
            view.ended, view.must_bind, view.may_bind = now, False, False
        elif outcome in (OWN, GONE):
            self._was_told_gone(kind, outcome, view, now)
        if kind == "call" and outcome in (SERVED, REVIVED) and inner is not None:
            inner.calls += 1

    def may_be_revived(self, proxy: Proxy, session: Session, inner: Inner) -> None:
        """The request was lost after the handshake on a pod that died."""
        view = proxy.view(session)
        view.revived, view.may_bind, view.must_bind = inner, True, False

    def _was_told_gone(self, kind: str, outcome: str, view: View, now: float) -> None:
        if outcome == OWN and kind == "stream" and self.rules.unknown_get == 405:
            return  # changes nothing
        if kind == "delete" and self.rules.revives:
            if view.must_bind and outcome == OWN:
                view.ended = now  # who ends what is lost already does not want it back
            else:
                view.may_have_ended = True
        view.gone, view.must_bind = now, False
        view.may_bind = view.tagged

    def _bound(self, view: View, now: float, firmly: bool) -> None:
        view.may_bind = True
        if firmly or view.must_bind:
            view.must_bind = True
        if firmly:
            view.stray = False
        view.bound_at = view.used = now
        view.gone = view.gone if not firmly else None

    # What a proxy may say of its table

    def sessions_bounds(self, proxy: Proxy) -> tuple[int, int]:
        low = high = 0
        for number, view in proxy.views.items():
            target = self.target(proxy, self.sessions[number])
            high += view.may_bind or view.must_bind or view.tagged or self.rules.saves
            low += (
                view.must_bind
                and not self.rules.expires
                and view.ended is None
                and target is not None
                and target.lives
            )
        return low, high
