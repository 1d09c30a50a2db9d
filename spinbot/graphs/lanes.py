"""Who goes next: nodes of all jobs that are ready queue here for the hosts, and no more are let in than hosts can run.

What waits is a ticket in a heap, not a task or a call, so a graph of 10,000 ready nodes costs 10,000 small tuples.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from spinbot.graphs.shares import Turns


@dataclass(eq=False, slots=True)
class Ticket:
    """A node that waits for a host of `group`; `admit` is called when it may go."""

    group: str
    admit: Callable[[], None]
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

    def leave(self, group: str) -> None:
        """A call of `group` has ended."""
        self._busy[group] -= 1

    def admit(self) -> None:
        """Let in whom the hosts have room for."""
        for group, queue in self._queues.items():
            while queue and (queue[0][3].dropped or self._busy[group] < self._capacity(group)):
                _, turn, _, ticket = heapq.heappop(queue)
                if not ticket.dropped:
                    self._turns[group].served(turn)
                    self._busy[group] += 1
                    ticket.admit()
