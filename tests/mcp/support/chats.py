"""Chats whose session ids are kept in a database, and the agent replicas that serve their turns."""

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from support.places import DEADLINE, command
from support.processes import Process


@dataclass
class Turn:
    """What came of one turn; the fields are those of clients/agent.mjs."""

    chat: int
    session: str | None
    pod: str | None
    count: int | None
    handshake: bool
    status: int | None  # of the answer that ended a turn that failed
    error: str | None


class Replicas:
    """Two processes of the agent. A request that takes a third of a deadline counts as hanging."""

    def __init__(self, log: Path) -> None:
        arguments = ["--timeout", str(int(DEADLINE * 1000 / 3))]
        agent = [*command("clients/agent.mjs"), *arguments]
        self.processes = [Process(agent, log, feed=True) for _ in range(2)]

    def serve(self, urls: list[str], shares: list[list[dict]]) -> list[Turn]:
        """Each replica serves its share of turns through its own way to the pods, all at once."""
        for process, url, share in zip(self.processes, urls, shares, strict=True):
            process.say(json.dumps({"url": url, "turns": share}))
        turns = []
        for process in self.processes:
            line = process.wait_line('^.*"event":"served".*$', 4 * DEADLINE)[0]
            turns += [Turn(**turn) for turn in json.loads(line)["turns"]]
        return turns

    def stop(self) -> None:
        for process in self.processes:
            process.end()


class Chats:
    """A number of chats, and the database of their ids."""

    def __init__(self, size: int, replicas: Replicas, urls: list[str], draw: random.Random) -> None:
        self.size = size
        self.replicas = replicas
        self.urls = urls
        self.draw = draw
        self.stored: dict[int, str] = {}
        self.history: list[Turn] = []

    def turns(self, number: int) -> list[Turn]:
        """So many further turns of every chat. A chat without an id opens a session, and stores its
        id if the turn works."""
        seen = [turn for _ in range(number) for turn in self._turn_of_each()]
        self.history += seen
        return seen

    def _turn_of_each(self) -> list[Turn]:
        shares: list[list[dict]] = [[], []]
        for chat in range(self.size):
            self.draw.choice(shares).append({"chat": chat, "session": self.stored.get(chat)})
        turns = self.replicas.serve(self.urls, shares)
        for turn in turns:
            if not turn.error:
                self.stored.setdefault(turn.chat, turn.session)
        return turns

    def forget(self) -> None:
        """All chats start anew."""
        self.stored.clear()
        self.history.clear()

    def faults(self) -> list[str]:
        """What is wrong with these chats: each has one pod, one id, one handshake, and a counter
        that goes 1, 2, 3."""
        found = []
        for chat in range(self.size):
            turns = [turn for turn in self.history if turn.chat == chat]
            counts = list(range(1, len(turns) + 1))
            good = (
                not any(turn.error for turn in turns)
                and len({turn.pod for turn in turns}) == 1
                and {turn.session for turn in turns} == {self.stored.get(chat)}
                and [turn.count for turn in turns] == counts
                and [turn.handshake for turn in turns] == [n == 1 for n in counts]
            )
            if not good:
                found.append(f"chat {chat}: {[asdict(turn) for turn in turns]}")
        return found


def worked(turns: list[Turn]) -> int:
    return sum(turn.error is None for turn in turns)
