"""One run: a configuration, a flavour, a seed, and so many random steps."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from asking import Actor, Requests
from client import Answer
from diary import Diary
from judge import Judge, check_ledger, require
from pod import FLAVOURS
from streams import Streams
from world import Ledger, PodProcess, ProxyProcess, settings

import model
from model import Inner, Model, Session


class Run:
    def __init__(
        self, config: str, affinity: dict, top: dict, flavour: str, seed: int, folder: Path
    ) -> None:
        self.rules = rules_of(affinity, top, flavour)
        self.missing = FLAVOURS[flavour].missing
        self.lock = threading.RLock()
        self.diary = Diary()
        self.say = self.diary.say
        self.ledger = Ledger(folder)
        self.streams = Streams(self.ledger)
        states = [model.Pod(name) for name in "abc"]
        self.pods = [PodProcess(state, flavour, seed, self.ledger) for state in states]
        proxies = [model.Proxy(name) for name in "xy"]
        self.model = Model(self.rules, states, proxies)
        judge = Judge(self.model, self.ledger, FLAVOURS[flavour].echo != "first")
        self.seed = f"{seed} {config} {flavour}"
        self.main = Actor(0, self.seed)
        self.requests = Requests(
            self.model, judge, self.ledger, self.streams, self.diary, self.lock
        )
        self.ask = self.requests.ask
        self.ask_together = self.requests.ask_together
        self.proxies: list[ProxyProcess] = []
        shared = settings(self.pods, affinity, top)
        try:
            for pod in self.pods:
                self.start_pod(pod)
            for proxy in proxies:
                self.proxies.append(ProxyProcess(proxy, folder / proxy.name, shared))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.main.client.close()
        self.streams.abandon()
        for process in (*self.proxies, *self.pods):
            process.close()

    # Processes

    def start_pod(self, pod: PodProcess) -> None:
        pod.start()
        with self.lock:
            self.model.pod_started(pod.state, time.monotonic())

    def kill_pod(self, pod: PodProcess, settle: bool) -> None:
        """`settle`: not before both proxies have seen that its connections are gone."""
        with self.lock:
            began = time.monotonic()  # it is refused from some moment on between this and the next
            pod.kill()
            self.model.pod_killed(pod.state, began, time.monotonic())
        lost = [each for each in self.streams.all() if each.pod == pod.state.name]
        self.streams.expect_cuts(lost)
        if settle:
            for proxy in self.proxies:
                proxy.wait_gauge(
                    "ringside_upstream_connections",
                    0,
                    f"pod {pod.state.name} being dead",
                    endpoint=pod.state.name,
                )
            pod.state.killed = model.LONG_AGO

    def restart_proxy(self, proxy: ProxyProcess, politely: bool) -> None:
        streams = self.streams.at(proxy)
        if politely:
            proxy.ask_to_stop()
        with self.lock:
            proxy.kill()
            proxy.state.restart(self.rules)
        if politely:
            self.streams.expect_ends(streams)
        else:
            self.streams.expect_cuts(streams)
        for each in streams:
            self.streams.wait_closed(each)
        if politely:
            proxy.check_stopped()
        proxy.start()

    # Sessions begin

    def initialize(self, actor: Actor, proxy: ProxyProcess) -> Session | None:
        request = actor.request()
        authorization, client = f"Bearer {request}", f"client {request}"
        message = {
            "id": request,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": client, "version": "1"},
            },
        }
        started, life = time.monotonic(), proxy.state.life
        with self.lock:
            none_up = not any(pod.state.up for pod in self.pods)
        answer = actor.client.request(proxy, "POST", request, None, authorization, message)
        with self.lock:
            entries = [e for e in self.ledger.of(request) if e.kind == "initialize"]
            none_up = none_up or not any(pod.state.up for pod in self.pods)
            what = f"{request:8} initialize by proxy {proxy.state.name}: {answer.status}"
            told = f"{what} {[f'{e.pod}/{e.incarnation}:{e.session[:6]}' for e in entries]}"
            require(len(entries) <= 1, f"one initialize, but {entries}")
            if answer.status != 200:
                self.say(told)
                self._not_begun(answer, none_up, started)
                return None
            require(answer.session, f"an initialize without an id: {answer}")
            require(len(entries) == 1, f"answered {answer}, but the pods did {entries}")
            entry = entries[0]
            inner = Inner(self.model.pods[entry.pod], entry.incarnation, entry.session)
            same = answer.session == entry.session
            wanted = answer.session.startswith(entry.session + ".") if self.rules.tagged else same
            require(wanted, f"issued {entry.session}, given out {answer.session}")
            session = self.model.add(answer.session, inner, authorization, client)
            self.say(told, session)
            if proxy.state.life == life:
                self.model.initialized(proxy.state, session, started)
            return session

    def without_id(self, actor: Actor, proxy: ProxyProcess) -> None:
        """Some pod refuses it in its own words, of which nothing is learned."""
        request = actor.request()
        message, started = {"id": request, "method": "tools/call"}, time.monotonic()
        answer = actor.client.request(proxy, "POST", request, None, "none", message)
        self.say(f"{request:8} call without an id by proxy {proxy.state.name}: {answer.status}")
        if answer.of_proxy:
            self._not_begun(answer, not any(pod.state.up for pod in self.pods), started)
        else:
            require(answer.status == self.missing, f"not the server's answer: {answer}")

    def _not_begun(self, answer: Answer, none_up: bool, started: float) -> None:
        stale = any(started - pod.state.killed < model.STALE for pod in self.pods)
        if self.requests.chaos:
            admitted = answer.status in (0, 502, 503)
        else:
            admitted = answer.status == 503 and none_up or answer.status == 502 and stale
        require(admitted, f"nothing was lost, but: {answer}")

    def made_up(self, actor: Actor) -> Session:
        """An id that nobody issued."""
        id = "".join(actor.random.choices("0123456789abcdef", k=32))
        with self.lock:
            return self.model.add(id, None, f"Bearer {id}", "ringside")

    # The end

    def finish(self) -> None:
        """Everything is closed, the gauges say so, and the proxies leave as they should."""
        self.streams.close_all()
        for proxy in self.proxies:
            self.check_gauges(proxy)
            proxy.ask_to_stop()
            proxy.check_stopped()
        check_ledger(self.ledger)

    def check_gauges(self, proxy: ProxyProcess) -> None:
        open = len(self.streams.at(proxy))
        proxy.wait_gauge("ringside_streams", open, "what the clients hold")
        with self.lock:
            low, high = self.model.sessions_bounds(proxy.state)
        bound = proxy.gauge("ringside_sessions")
        require(low <= bound <= high, f"{bound} sessions bound, not {low} to {high}")

    def died(self) -> str | None:
        for proxy in self.proxies:
            if proxy.died():
                return f"proxy {proxy.state.name} has died:\n{proxy.said()}"
        return None


def rules_of(affinity: dict, top: dict, flavour: str) -> model.Rules:
    server = FLAVOURS[flavour]
    return model.Rules(
        revives=affinity.get("on_owner_lost") == "reinitialize",
        revives_unknown=affinity.get("revive", {}).get("unknown", False),
        tagged=affinity.get("mode") == "tag",
        saves="state_file" in top,
        idle_ttl=_seconds(affinity.get("idle_ttl", "3h")),
        owner_grace=_seconds(affinity.get("owner_grace", "10s")),
        unknown_get=server.unknown_get,
        deletes_any=server.deletes_any,
        streams_any=server.streams_any,
        one_stream=server.one_stream,
    )


def _seconds(duration: str) -> float:
    for unit, factor in (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)):
        if duration.endswith(unit):
            return float(duration.removesuffix(unit)) * factor
    raise ValueError(duration)
