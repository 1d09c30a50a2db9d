"""Nodes that go along: brief ones that want no cache follow what they wait for to the same host, in the same call.

Between two nodes that want no cache the runner has nothing to decide, so a chain of them need not come back to it for
each: the host gives the one's outputs to the next. A node that wants the cache cannot go along, since its key, and so
whether its result is stored already, is known only when its inputs are.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from spinbot.graphs.execute import Unready
from spinbot.graphs.lanes import Place
from spinbot.graphs.plan import Plan, Step
from spinbot.graphs.visit import Visit
from spinbot.store.node_runs import DONE


def together(visits: Iterable[Visit]) -> dict[Place, list[Visit]]:
    """Visits that were let in, by their place."""
    found: dict[Place, list[Visit]] = defaultdict(list)
    for visit in visits:
        assert visit.place is not None
        found[visit.place].append(visit)
    return found


def along(
    plan: Plan, first: Sequence[Visit], place: Place, brief: Callable[[str, Step], float | None]
) -> Iterator[Visit]:
    """Visits of the nodes that go along with `first`, which were let in to `place` and have begun.

    Each must have begun, there too, before the next is asked for. `brief` answers the seconds of a node that may share
    a call, which needs no engine and so runs in the same host group; None for others.
    """
    calls = {visit.name: visit.call.id for visit in first if visit.call is not None}
    todo = deque(follower for visit in first for follower in visit.step.followers)
    while todo:
        name = todo.popleft()
        step = plan.steps[name]
        if name in calls or not _fits(plan, step, calls) or not place.board(brief(name, step)):
            continue
        step.run.engines = {}
        visit = Visit(name, step, Unready(step.spec.type, plan.fields(name, calls)), {}, place.group, time.time())
        yield visit
        assert visit.call is not None
        calls[name] = visit.call.id
        todo.extend(step.followers)


def _fits(plan: Plan, step: Step, calls: dict[str, str]) -> bool:
    if step.run.state != "pending" or step.spec.cache != "off":
        return False
    return all(need in calls or plan.steps[need].run.state in DONE for need in step.spec.needs())
