"""Who goes next: nodes of all jobs that are ready queue here for the hosts, and no more are let in than hosts can run.

What waits is a ticket in a heap, not a task or a call, so a graph of 10,000 ready nodes costs 10,000 small tuples.
Nodes of one job that are next to each other in the queue and over in no time go together: what a call costs besides
its work, on both sides and in the store, is then paid once for all of them.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from spinbot.graphs.shares import Turns

TOGETHER_S = 0.05
"""How long calls that go together may take in all: whoever waits behind them, or cancels them, waits no longer."""

TOGETHER = 64
"""How many go together at most; as many as a job looks at in one turn."""


@dataclass(eq=False, slots=True)
class Place:
    """Room for one call on a host of `group`, or for several that go together."""

    group: str
    riders: int = 1
    left_s: float = 0.0

    def board(self, takes_s: float | None) -> bool:
        """One more goes with those that are there, where there is room; None: it must go alone."""
        if takes_s is None or takes_s > self.left_s or self.riders >= TOGETHER:
            return False
        self.riders += 1
        self.left_s -= takes_s
        return True


@dataclass(eq=False, slots=True)
class Ticket:
    """A node that waits for a host of `group`; `admit` is called when it may go."""

    group: str
    admit: Callable[[Place], None]
    party: object
    """Whose it is: only tickets of one party go together."""
    takes_s: float | None = None
    """How long it will take; None where that is unknown, or it must go alone."""
    dropped: bool = False


class Lanes:
    """A queue for each host group: by priority, then owners in turn, then by arrival."""

    def __init__(self, capacity: Callable[[str], int]) -> None:
        self._capacity = capacity
        self._busy: dict[str, int] = defaultdict(int)
        self._queues: dict[str, list[tuple[int, int, int, Ticket]]] = defaultdict(list)
        self._turns: dict[str, Turns] = defaultdict(Turns)
        self._arrivals = itertools.count()

    def join(self, ticket: Ticket, priority: int, owner: str) -> None:
        """Queue a ticket; higher priorities go first."""
        place = (-priority, self._turns[ticket.group].take(owner), next(self._arrivals), ticket)
        heapq.heappush(self._queues[ticket.group], place)

    def leave(self, place: Place) -> None:
        """One of those that were let in together has ended; the last one makes room."""
        place.riders -= 1
        if place.riders == 0:
            self._busy[place.group] -= 1

    def admit(self) -> None:
        """Let in whom the hosts have room for."""
        for group, queue in self._queues.items():
            while queue and (queue[0][3].dropped or self._busy[group] < self._capacity(group)):
                first = self._next(group)
                if first.dropped:
                    continue
                self._busy[group] += 1
                place = Place(group, left_s=0.0 if first.takes_s is None else TOGETHER_S - first.takes_s)
                first.admit(place)
                while queue:
                    ticket = queue[0][3]
                    if not ticket.dropped and not (ticket.party is first.party and place.board(ticket.takes_s)):
                        break
                    self._next(group)
                    if not ticket.dropped:
                        ticket.admit(place)

    def _next(self, group: str) -> Ticket:
        _, turn, _, ticket = heapq.heappop(self._queues[group])
        if not ticket.dropped:
            self._turns[group].served(turn)
        return ticket
