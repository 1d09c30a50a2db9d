"""Where a job's time went, from its stored events: as a Chrome trace, as a share, and as the longest chain of nodes.

The format is the JSON object form of Chromium's Trace Event Format:
complete events `X` with `ts` and `dur` in microseconds, instants `i`, names of rows as metadata `M`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from spinbot.graphs.graph import Expansion, Graph
from spinbot.store.jobs import Event, Job

JOB = "job"
NODES = "nodes"
_ENDS = ("node.succeeded", "node.expanded", "node.retrying", "node.failed", "node.cancelled")


@dataclass(frozen=True)
class Span:
    """Something that took time, in epoch seconds. `process` and `thread` say in which row it is drawn."""

    process: str
    thread: str
    name: str
    start: float
    end: float
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """One node of the longest chain: seconds from the end of the one before it to its own end, in three parts."""

    node: str
    waited: float
    loaded: float
    computed: float


@dataclass
class _Attempt:
    node: str
    number: int
    ready: float
    dispatched: float


@dataclass
class Trace:
    """A job's time."""

    job: Job
    begun: float
    """First `job.queued`, epoch seconds."""
    ended: float
    """Last event of the job itself, or its last of all where it has not ended."""
    spans: list[Span]
    cached: list[tuple[float, str]]
    """When which node was taken from the cache."""
    parts: dict[str, tuple[float, float]]
    """Seconds that the last attempt of each node loaded or fetched, and computed."""
    finished: dict[str, float]
    """When each node was done, and under `<node>/` when it was expanded."""

    def covered(self) -> float:
        """Share (0..1) of the job's wall time in which at least one span says what was waited for or done.

        That the job was running is not counted: it says nothing.
        """
        wall = self.ended - self.begun
        told = [span for span in self.spans if (span.process, span.name) != (JOB, "running")]
        reached, total = self.begun, 0.0
        for span in sorted(told, key=lambda span: span.start):
            start, end = max(span.start, reached), min(span.end, self.ended)
            if end > start:
                total += end - start
            reached = max(reached, end)
        return min(1.0, total / wall) if wall > 0 else 1.0

    def chain(self) -> list[Link]:
        """The nodes that the job's length comes from: backwards from the last, each time to what was waited for."""
        needs = _needs(self.job)
        reached = [name for name in self.finished if name in needs]
        path = []
        name = max(reached, key=self.finished.__getitem__, default=None)
        while name is not None:
            before = max((n for n in needs[name] if n in self.finished), key=self.finished.__getitem__, default=None)
            path.append((name, self.finished[before] if before else self.begun))
            name = before
        return [self._link(name, since) for name, since in reversed(path)]

    def document(self) -> dict[str, Any]:
        """The trace as JSON, for chrome://tracing and ui.perfetto.dev. Times count from the job's first event."""
        rows = _Rows()
        events: list[dict[str, Any]] = []
        for span in sorted(self.spans, key=lambda span: (span.start, -span.end)):
            place = rows.place(span.process, span.thread)
            dur = self._us(span.end) - self._us(span.start)
            what = {"name": span.name, "cat": span.process, "ph": "X", "ts": self._us(span.start), "dur": dur}
            events.append(what | place | {"args": span.data})
        for when, node in self.cached:
            what = {"name": f"{node} from the cache", "cat": NODES, "ph": "i", "ts": self._us(when), "s": "t"}
            events.append(what | rows.place(NODES, node) | {"args": {"node": node}})
        about = {"job": self.job.id, "name": self.job.name, "state": self.job.state}
        return {"traceEvents": [*rows.names(), *events], "displayTimeUnit": "ms", "otherData": about}

    def _link(self, name: str, since: float) -> Link:
        loaded, computed = self.parts.get(name, (0.0, 0.0))
        took = max(0.0, self.finished[name] - since)
        label = f"{name.rstrip('/')} (expanded)" if name.endswith("/") else name
        return Link(label, max(0.0, took - loaded - computed), loaded, computed)

    def _us(self, when: float) -> int:
        return round((when - self.begun) * 1e6)


class _Rows:
    """Numbers for processes and threads, in the order of their first span."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {JOB: {}, NODES: {}}

    def place(self, process: str, thread: str) -> dict[str, int]:
        threads = self._numbers.setdefault(process, {})
        return {
            "pid": list(self._numbers).index(process) + 1,
            "tid": threads.setdefault(thread, len(threads) + 1),
        }

    def names(self) -> Iterator[dict[str, Any]]:
        for pid, (process, threads) in enumerate(self._numbers.items(), start=1):
            yield {"name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": {"name": process}}
            yield {"name": "process_sort_index", "ph": "M", "pid": pid, "tid": 0, "args": {"sort_index": pid}}
            for thread, tid in threads.items():
                yield {"name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": thread}}


def trace(job: Job, events: Sequence[Event]) -> Trace:
    """The trace of a job, from all its events."""
    own = [event for event in events if event.kind.startswith("job.")]
    last = own[-1] if own[-1].kind not in ("job.queued", "job.running") else events[-1]
    found = Trace(job, own[0].time, max(last.time, own[0].time), [], [], {}, {})
    found.spans += _of_job(own, found.ended)
    needs = _needs(job)
    running_since = found.begun
    open_attempts: dict[str, _Attempt] = {}
    retried: dict[str, float] = {}

    def runner_took(node: str, until: float) -> None:
        """From the end of what the node waited for until the runner had it ready, or answered it itself."""
        since = max((found.finished[n] for n in needs.get(node, ()) if n in found.finished), default=running_since)
        if since < until:
            found.spans.append(Span(NODES, node, f"{node}: runner", since, until, {"node": node}))

    for event in events:
        node = event.node
        if event.kind == "job.running":  # a runner took the job over: what ran under the one before it is lost
            running_since = event.time
            for attempt in open_attempts.values():
                found.spans.append(_lost(attempt, event.time))
            open_attempts.clear()
        elif event.kind == "model.loaded" and node is None:
            load = f"load {event.data['slot']}/{event.data['engine']}"
            found.spans.append(Span(JOB, "loaded ahead", load, event.time - event.data["seconds"], event.time))
        elif node is None:
            continue
        elif event.kind == "node.running":
            ready = min(event.data.get("ready", event.time), event.time)
            open_attempts[node] = _Attempt(node, event.data["attempt"], ready, event.time)
            if event.data["attempt"] == 1:
                runner_took(node, ready)
            if node in retried:
                found.spans.append(Span(NODES, node, f"{node} waits to be tried again", retried.pop(node), ready))
        elif event.kind == "node.cached":
            runner_took(node, event.time)
            found.cached.append((event.time, node))
            found.finished[node] = event.time
        elif event.kind in _ENDS:
            if running := open_attempts.pop(node, None):
                _end(found, running, event)
            elif event.kind == "node.succeeded":  # an expanded node whose parts are done
                runner_took(node, event.time)
            if event.kind == "node.retrying":
                retried[node] = event.time
            elif event.kind == "node.expanded":
                found.finished[f"{node}/"] = event.time
            else:
                found.finished[node] = event.time
    for attempt in open_attempts.values():
        found.spans.append(_lost(attempt, found.ended))
    if found.finished:
        found.spans.append(Span(JOB, "runner", "the job is ended", max(found.finished.values()), found.ended))
    return found


def _of_job(own: Sequence[Event], ended: float) -> Iterator[Span]:
    for event, following in zip(own, [*own[1:], None], strict=True):
        state = event.kind.removeprefix("job.")
        if state in ("queued", "running", "paused"):
            yield Span(JOB, JOB, state, event.time, following.time if following else ended)


def _end(found: Trace, attempt: _Attempt, event: Event) -> None:
    """Add the spans of an attempt that has ended."""
    node, name = attempt.node, f"{attempt.node} #{attempt.number}" if attempt.number > 1 else attempt.node
    data = {"node": node, "attempt": attempt.number}
    times = event.data.get("times")
    if times is None:  # what ended badly says nothing of the host's time
        how = event.kind.removeprefix("node.")
        if error := event.data.get("error"):
            data["error"] = error["message"]
        found.spans.append(Span(NODES, node, f"{name} waits for a host", attempt.ready, attempt.dispatched, data))
        found.spans.append(Span(NODES, node, f"{name}: {how}", attempt.dispatched, event.time, data))
        return
    # Clocks of two machines differ: nothing runs before it was sent or after its answer was stored.
    begun = _clamp(times["begun"], attempt.dispatched, event.time)
    ended = _clamp(times["ended"], begun, event.time)
    found.spans += [
        Span(NODES, node, f"{name} waits for a host", attempt.ready, begun, data),
        Span(times["host"] or "host", "calls", name, begun, ended, data),
        Span(NODES, node, f"{name}: answer to record", ended, event.time, data),
    ]
    inner = [(s["name"], _clamp(s["start"], begun, ended), _clamp(s["end"], begun, ended)) for s in times["spans"]]
    found.spans += [Span(times["host"] or "host", "calls", what, start, end, data) for what, start, end in inner]
    loaded = _union((start, end) for _, start, end in inner)
    key = f"{node}/" if event.kind == "node.expanded" else node
    found.parts[key] = (loaded, ended - begun - loaded)


def _lost(attempt: _Attempt, when: float) -> Span:
    name = f"{attempt.node} #{attempt.number}: no answer"
    return Span(NODES, attempt.node, name, attempt.ready, max(when, attempt.ready), {"node": attempt.node})


def _needs(job: Job) -> dict[str, set[str]]:
    """What each node waits for; `<node>/` stands for the run of a node that answered an expansion."""
    found: dict[str, set[str]] = {}

    def place(name: str, needs: set[str]) -> None:
        run = job.nodes.get(name)
        if run is None or run.expansion is None:
            found[name] = needs
            return
        expansion = Expansion.model_validate(run.expansion)
        found[f"{name}/"] = needs
        found[name] = {link.node for link in expansion.outputs.values()}
        for inner, spec in expansion.nodes.items():  # stored links bear full names
            place(f"{name}/{inner}", spec.needs() | {f"{name}/"})

    for name, spec in Graph.model_validate(job.graph).nodes.items():
        place(name, spec.needs())
    return found


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _union(spans: Iterable[tuple[float, float]]) -> float:
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
