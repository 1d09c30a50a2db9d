"""Nodes that ask for the same at the same time: one runs, the others wait for what it stores."""

from __future__ import annotations

from typing import Protocol


class Waiter(Protocol):
    """A job with a node that waits."""

    def ready_again(self, name: str) -> None:
        """Look at the node once more."""
        ...


class Twins:
    """The keys that run now in this process, each with the nodes that wait for it."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[Waiter, str]]] = {}
        self._over: list[tuple[Waiter, str]] = []

    def wait(self, key: str, job: Waiter, node: str) -> bool:
        """Wait for the node that has `key`. False where there is none: then this one has it, until `ended`."""
        if key not in self._waiting:
            self._waiting[key] = []
            return False
        self._waiting[key].append((job, node))
        return True

    def ended(self, key: str) -> None:
        """The node that had the key has ended, well or not; who waited is told once that is stored."""
        self._over += self._waiting.pop(key, [])

    def stored(self) -> None:
        """What has ended is in the database now."""
        over, self._over = self._over, []
        for job, node in over:
            job.ready_again(node)

    def forget(self, job: Waiter) -> None:
        """A job is gone: its nodes wait for nothing any more."""
        for key, waiting in self._waiting.items():
            self._waiting[key] = [(other, node) for other, node in waiting if other is not job]
        self._over = [(other, node) for other, node in self._over if other is not job]
