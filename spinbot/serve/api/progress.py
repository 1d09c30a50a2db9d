"""How far a job is, from its nodes' rows or from its events: the share of the graph's own nodes that are done.

A node that others took the place of counts as far as they are, so the share never falls.
"""

from __future__ import annotations

from collections.abc import Iterable

from spinbot.store.jobs import Event, Job
from spinbot.store.node_runs import DONE


class Progress:
    """Of one job."""

    def __init__(self) -> None:
        self.state = "queued"
        self._top: list[str] = []
        self._inner: dict[str, list[str]] = {}
        self._done: dict[str, float] = {}

    @classmethod
    def of(cls, job: Job) -> Progress:
        """From the job's rows."""
        progress = cls()
        progress.state = job.state
        progress._top = list(job.graph["nodes"])
        for name, run in job.nodes.items():
            progress._done[name] = float(run.state in DONE)
            if run.expansion:
                progress._inner[name] = [f"{name}/{inner}" for inner in run.expansion["nodes"]]
        return progress

    def take(self, events: Iterable[Event]) -> None:
        """Go on with events, from the job's first on, in order."""
        for event in events:
            of, what = event.kind.split(".", 1) if "." in event.kind else (event.kind, "")
            if of == "job":
                self.state = what
                self._top = self._top or list(event.data.get("nodes", ()))
            elif of == "node" and event.node is not None:
                if what in DONE:
                    self._done[event.node] = 1.0
                elif what == "expanded":
                    self._inner[event.node] = list(event.data["nodes"])
                elif what == "progress":
                    self._done[event.node] = float(event.data["fraction"])

    @property
    def fraction(self) -> float:
        """0 to 1."""
        if self.state == "succeeded":
            return 1.0
        return self._mean(self._top)

    def _mean(self, names: list[str]) -> float:
        return sum(map(self._value, names)) / len(names) if names else 0.0

    def _value(self, name: str) -> float:
        done = self._done.get(name, 0.0)
        return done if done == 1.0 or name not in self._inner else self._mean(self._inner[name])
