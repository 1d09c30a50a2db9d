"""Whose turn it is: which waiting jobs are begun, and in which order nodes of different owners go to the hosts.

Both are fair to owners, not to jobs: who submits a hundred jobs waits for them alone. Pure: no time, no I/O.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from spinbot.store.ledger import Claimable


@dataclass(frozen=True)
class Limits:
    """How many jobs a runner drives at once: in all, and of one owner."""

    jobs: int
    of_owner: int


def to_begin(waiting: Iterable[Claimable], driven: Mapping[str, str], limits: Limits) -> Iterator[Claimable]:
    """The jobs to begin now, in order. `driven` maps the jobs that run already to their owners.

    Those that somebody wishes to pause or cancel come first, whatever the limits: they only end. Then, priority by
    priority, the owner with the fewest jobs that run has the next turn, and of equal ones who has waited longest. An
    owner without any running job gets one even where the limit of all jobs is reached: a hundred jobs of others do
    not hold back the first.
    """
    running = Counter(driven.values())
    queues: dict[int, dict[str, list[Claimable]]] = defaultdict(lambda: defaultdict(list))
    for job in waiting:
        if job.id in driven:
            continue
        if job.wish:
            yield job
        else:
            queues[job.priority][job.owner].append(job)
    for _, owners in sorted(queues.items(), reverse=True):
        for queue in owners.values():
            queue.sort(key=lambda job: job.created)
            queue.reverse()
        while owners:
            owner = min(owners, key=lambda name: (running[name], owners[name][-1].created))
            full = running.total() >= limits.jobs or running[owner] >= limits.of_owner
            if full and running[owner] > 0:
                del owners[owner]
                continue
            yield owners[owner].pop()
            running[owner] += 1
            if not owners[owner]:
                del owners[owner]


class Turns:
    """Numbers by which owners alternate: start-time fair queueing with equal weights (Goyal, Vin, Cheng, 1996)."""

    def __init__(self) -> None:
        self._now = 0
        self._last: dict[str, int] = {}

    def take(self, owner: str) -> int:
        """The turn of the owner's next item: one behind its last, or now where it has none waiting."""
        turn = max(self._now, self._last.get(owner, -1) + 1)
        self._last[owner] = turn
        return turn

    def served(self, turn: int) -> None:
        """An item of this turn was served; owners that come now begin here."""
        self._now = max(self._now, turn)
        if len(self._last) > 1000:  # owners whose last turn is past are new ones when they come again
            self._last = {owner: last for owner, last in self._last.items() if last >= self._now}
