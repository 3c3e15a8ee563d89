"""Chooses steps at random and takes them; see README.md, and `tests/model/run --help`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from asking import Actor
from client import Hang
from episode import Run
from judge import Violation, require
from pod import FLAVOURS
from world import PodProcess, ProxyProcess, eventually

from model import Session

GRACE = {"owner_grace": "300ms"}
REVIVE = {"on_owner_lost": "reinitialize", **GRACE}
UNKNOWN = {**REVIVE, "revive": {"unknown": True, "per_second": 10000}}
SHORT = {"idle_ttl": "400ms"}
SAVED = {"state_file": "state"}
CONFIGS: dict[str, tuple[dict, dict]] = {
    "plain": ({}, {}),
    "expiring": ({**SHORT, **GRACE}, {}),
    "grace": (GRACE, {}),
    "state": (GRACE, SAVED),
    "revive": (UNKNOWN, {}),
    "revive-known": ({**REVIVE, "revive": {"per_second": 10000}}, {}),
    "revive-expiring": ({**UNKNOWN, **SHORT}, {}),
    "revive-state": (UNKNOWN, SAVED),
    "tag": ({"mode": "tag", "tag": {"key_files": ["KEY"]}, **GRACE}, {}),
}

WEIGHTS = {
    "initialize": 9,
    "call": 40,
    "notification": 7,
    "stream": 7,
    "close": 4,
    "delete": 4,
    "made_up": 4,
    "without_id": 1,
    "forged": 1,
    "kill_pod": 1.2,
    "start_pod": 3,
    "replace_pod": 1.5,
    "kill_proxy": 1.2,
    "replace_proxy": 0.4,
    "expire": 0.5,
    "lose": 1,
    "together": 2,
    "burst": 1,
    "chaos": 0.7,
    "check": 2,
}
REQUESTS = {"call": 8, "notification": 2, "stream": 2, "close": 1, "delete": 1, "initialize": 1}
SESSIONS_KEPT = 60  # the youngest, of which a step takes one
ACTORS = 4  # in a burst
ACTOR_STEPS = 6
TOGETHER = 6


class Driver:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.random = run.main.random

    def step(self) -> None:
        names = list(WEIGHTS)
        name = self.random.choices(names, [WEIGHTS[each] for each in names])[0]
        getattr(self, name)()
        if died := self.run.died():
            raise Violation(died)

    # What one client does

    def initialize(self) -> None:
        self._initialize(self.run.main)

    def call(self) -> None:
        self._ask(self.run.main, "call")

    def notification(self) -> None:
        self._ask(self.run.main, "notification")

    def stream(self) -> None:
        self._ask(self.run.main, "stream")

    def delete(self) -> None:
        self._ask(self.run.main, "delete")

    def close(self) -> None:
        if open := self.run.streams.all():
            each = self.random.choice(open)
            self.run.say(f"close the stream {each.request}")
            self.run.streams.close(each)

    def made_up(self) -> None:
        session = self.run.made_up(self.run.main)
        kind = self.random.choice(["call", "call", "notification", "stream", "delete"])
        proxy = self._proxy(self.run.main)
        self.run.ask(self.run.main, kind, proxy, session)
        if self.random.random() < 0.5:
            self.run.ask(self.run.main, "call", proxy, session)

    def without_id(self) -> None:
        self.run.without_id(self.run.main, self._proxy(self.run.main))

    def forged(self) -> None:
        """A tag that is altered reaches nobody."""
        session = self._session(self.run.main)
        if not self.run.rules.tagged or session is None or session.origin is None:
            return
        at = len(session.origin.id) + 1 + self.random.randrange(21)
        other = "A" if session.id[at] != "A" else "B"
        forged = session.id[:at] + other + session.id[at + 1 :]
        main, request = self.run.main, self.run.main.request()
        proxy = self._proxy(main)
        message = {"id": request, "method": "tools/call"}
        answer = main.client.request(
            proxy, "POST", request, forged, session.authorization, message
        )
        self.run.say(f"{request:8} call with a forged tag: {answer.status}")
        require(answer.of_proxy and answer.status == 404, f"a forged tag: {answer}")
        require(not self.run.ledger.of(request), f"a forged tag reached a pod: {request}")

    def _initialize(self, actor: Actor) -> Session | None:
        proxy = self._proxy(actor)
        session = self.run.initialize(actor, proxy)
        if session is not None and actor.random.random() < 0.8:
            self.run.ask(actor, "notification", proxy, session)
        return session

    def _ask(self, actor: Actor, kind: str, sessions: list[Session] | None = None) -> None:
        session = self._session(actor, sessions)
        if session is not None:
            self.run.ask(actor, kind, self._proxy(actor), session)

    def _proxy(self, actor: Actor) -> ProxyProcess:
        return actor.random.choice(self.run.proxies)

    def _session(self, actor: Actor, sessions: list[Session] | None = None) -> Session | None:
        """Mostly one that lives."""
        if sessions is None:
            sessions = self.run.model.sessions[-SESSIONS_KEPT:]
        living = [each for each in sessions if each.origin is not None and each.origin.lives]
        if living and actor.random.random() < 0.6:
            return actor.random.choice(living)
        return actor.random.choice(sessions) if sessions else None

    # What happens to processes

    def kill_pod(self) -> None:
        up = self._pods(up=True)
        if len(up) > 1 or up and self.random.random() < 0.2:
            self._kill_pod(self.random.choice(up))

    def start_pod(self) -> None:
        if down := self._pods(up=False):
            pod = self.random.choice(down)
            self.run.say(f"start pod {pod.state.name}")
            self.run.start_pod(pod)

    def replace_pod(self) -> None:
        """In place: at the same address, with an empty memory."""
        if up := self._pods(up=True):
            pod = self.random.choice(up)
            self._kill_pod(pod)
            self.run.say(f"start pod {pod.state.name}")
            self.run.start_pod(pod)

    def _kill_pod(self, pod: PodProcess) -> None:
        settle = self.random.random() < 0.7
        self.run.say(f"kill pod {pod.state.name}{', seen' if settle else ''}")
        self.run.kill_pod(pod, settle)

    def _pods(self, up: bool) -> list[PodProcess]:
        return [pod for pod in self.run.pods if pod.state.up == up]

    def kill_proxy(self) -> None:
        proxy = self._proxy(self.run.main)
        self.run.say(f"kill proxy {proxy.state.name} and start it again")
        self.run.restart_proxy(proxy, politely=False)

    def replace_proxy(self) -> None:
        proxy = self._proxy(self.run.main)
        self.run.say(f"stop proxy {proxy.state.name} and start it again")
        self.run.restart_proxy(proxy, politely=True)

    # What time does

    def expire(self) -> None:
        """All that no stream holds lapses at one proxy."""
        if not self.run.rules.expires:
            return
        proxy = self._proxy(self.run.main)
        held = {each.session.number for each in self.run.streams.at(proxy)}
        self.run.say(f"wait until proxy {proxy.state.name} has forgotten its idle sessions")
        eventually(
            lambda: proxy.gauge("ringside_sessions") <= len(held),
            f"idle sessions lapse at proxy {proxy.state.name}",
        )

    def lose(self) -> None:
        """A pod that stays down has lost its sessions: after owner_grace a call is told so."""
        down, proxy = self._pods(up=False), self._proxy(self.run.main)
        sessions = [
            each
            for each in self.run.model.sessions[-SESSIONS_KEPT:]
            if (inner := self.run.model.target(proxy.state, each))
            and inner.pod in [pod.state for pod in down]
        ]
        if self.run.rules.owner_grace > 1 or not sessions or len(down) == len(self.run.pods):
            return
        session = self.random.choice(sessions)
        final = (404, 200) if self.run.rules.revives else (404,)
        eventually(
            lambda: self.run.ask(self.run.main, "call", proxy, session).status in final,
            f"the loss of #{session.number} is told",
        )

    def check(self) -> None:
        proxy = self._proxy(self.run.main)
        self.run.say(f"read the metrics of proxy {proxy.state.name}")
        self.run.check_gauges(proxy)

    # What several clients do at once

    def together(self) -> None:
        """Several calls of one session at once, by one proxy."""
        session = self._session(self.run.main)
        if session is not None:
            self.run.ask_together(self._actors(TOGETHER), self._proxy(self.run.main), session)

    def burst(self) -> None:
        """Clients with sessions of their own, each doing this and that."""
        self._in_parallel(lambda: None)

    def chaos(self) -> None:
        """The same, while a process is killed."""
        event, victim = self.random.choice(
            [(self.replace_pod, "pod"), (self.kill_pod, "pod"), (self.kill_proxy, "proxy")]
        )
        self.run.say(f"close all streams, and let a {victim} die meanwhile")
        self.run.streams.close_all()
        self.run.requests.chaos = victim
        try:
            self._in_parallel(event)
        finally:
            self.run.requests.chaos = ""

    def _in_parallel(self, event) -> None:
        actors = self._actors(ACTORS)
        sessions = self.run.model.sessions[-SESSIONS_KEPT:]
        failures: list[BaseException] = []
        half_done = threading.Semaphore(0)

        def act(actor: Actor, own: list[Session]) -> None:
            try:
                for number in range(ACTOR_STEPS):
                    if number == ACTOR_STEPS // 3:
                        half_done.release()
                    self._act(actor, own)
            except BaseException as failure:
                failures.append(failure)
            finally:
                half_done.release()
                actor.client.close()

        threads = [
            threading.Thread(target=act, args=(actor, sessions[number :: len(actors)]))
            for number, actor in enumerate(actors)
        ]
        for thread in threads:
            thread.start()
        half_done.acquire()
        try:
            event()
        finally:
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]

    def _act(self, actor: Actor, own: list[Session]) -> None:
        left_out = {"": (), "pod": ("stream", "close"), "proxy": ("stream", "close", "delete")}
        kinds = [kind for kind in REQUESTS if kind not in left_out[self.run.requests.chaos]]
        kind = actor.random.choices(kinds, [REQUESTS[each] for each in kinds])[0]
        if kind == "initialize":
            if (session := self._initialize(actor)) is not None:
                own.append(session)
        elif kind == "close":
            if open := [each for each in self.run.streams.all() if each.session in own]:
                self.run.streams.close(actor.random.choice(open))
        else:
            self._ask(actor, kind, own)

    def _actors(self, count: int) -> list[Actor]:
        seed = self.random.random()
        return [Actor(number, f"{seed} {number}") for number in range(1, count + 1)]


def one_run(config: str, flavour: str, seed: int, steps: int) -> str | None:
    """What went wrong, or nothing."""
    affinity, top = CONFIGS[config]
    with tempfile.TemporaryDirectory(prefix="ringside-model-") as name:
        folder = Path(name)
        key = folder / "key"
        key.write_text(f"{seed:064x}\n")
        key.chmod(0o600)
        if "tag" in affinity:
            affinity = {**affinity, "tag": {"key_files": [str(key)]}}
        run = Run(config, affinity, top, flavour, seed, folder)
        driver = Driver(run)
        try:
            while run.diary.count < steps:
                driver.step()
            run.finish()
            return None
        except Exception as fault:
            where = "" if isinstance(fault, (Violation, Hang)) else traceback.format_exc()
            said = "\n".join(f"proxy {p.state.name} said:\n{p.said()}" for p in run.proxies)
            return "\n".join([run.diary.text(), where, said, f"violation: {fault}"])
        finally:
            run.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/model/run", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats the choices of a run")
    parser.add_argument("--steps", type=int, default=3000, help="over all runs (3000)")
    parser.add_argument("--config", choices=CONFIGS, help="this one alone, not each in turn")
    parser.add_argument("--flavour", choices=FLAVOURS, help="of the servers")
    parser.add_argument("--rounds", type=int, default=1, help="all of it so often, other seeds")
    options = parser.parse_args()
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    configs = [options.config] if options.config else list(CONFIGS)
    passed = failed = 0
    for round in range(options.rounds):
        for number, config in enumerate(configs):
            seed = first + round
            flavours = list(FLAVOURS)
            flavour = options.flavour or flavours[(number + seed) % len(flavours)]
            steps = -(-options.steps // len(configs))
            began = time.monotonic()
            fault = one_run(config, flavour, seed, steps)
            took = time.monotonic() - began
            what = f"--config {config} --flavour {flavour} --seed {seed} --steps {steps}"
            print(f"{'FAILED' if fault else 'ok':6} {what}  {took:.1f} s", flush=True)
            if fault:
                print(f"{fault}\nto repeat it: tests/model/run {what}", flush=True)
            failed += fault is not None
            passed += fault is None
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
