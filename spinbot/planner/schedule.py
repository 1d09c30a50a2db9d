"""How long tasks take together: the longest chain, and the time until all are done on a given number of hosts."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Task:
    """Something that takes `seconds` on a host of `group` once all it `needs` is done; no group: needs no host."""

    seconds: float
    group: str | None
    needs: frozenset[str]


def longest_chain(tasks: Mapping[str, Task]) -> float:
    """Seconds from the first start to the last end with as many hosts as anyone wants."""
    ends: dict[str, float] = {}
    for name in TopologicalSorter({name: task.needs for name, task in tasks.items()}).static_order():
        ends[name] = tasks[name].seconds + max((ends[need] for need in tasks[name].needs), default=0.0)
    return max(ends.values(), default=0.0)


def elapsed(tasks: Mapping[str, Task], hosts: Mapping[str, int], ready: Mapping[str, float]) -> float:
    """Seconds until all tasks are done where a group runs `hosts` of its tasks at once and none before `ready`.

    Tasks begin in the order in which they become possible, as they do in the runner.
    """
    missing = {name: len(task.needs) for name, task in tasks.items()}
    followers: dict[str, list[str]] = defaultdict(list)
    for name, task in tasks.items():
        for need in task.needs:
            followers[need].append(name)
    free = {group: [ready.get(group, 0.0)] * count for group, count in hosts.items()}
    arrivals = [(0.0, number, name) for number, name in enumerate(tasks) if not missing[name]]
    heapq.heapify(arrivals)
    order = {name: number for number, name in enumerate(tasks)}
    possible: dict[str, float] = defaultdict(float)
    last = 0.0
    while arrivals:
        when, _, name = heapq.heappop(arrivals)
        task = tasks[name]
        begin = when
        if task.group is not None:
            begin = max(when, heapq.heappop(free[task.group]))
            heapq.heappush(free[task.group], begin + task.seconds)
        end = begin + task.seconds
        last = max(last, end)
        for follower in followers[name]:
            possible[follower] = max(possible[follower], end)
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(arrivals, (possible[follower], order[follower], follower))
    return last
