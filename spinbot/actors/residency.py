"""Which engines are in memory: loaded once, kept under a budget of bytes, the least recently used evicted first.

A lease pins an engine while it is in use; a pinned engine is never evicted. Room is claimed by an estimate before a
load (the catalogue's figure) and corrected to the measured growth of the process after it, so two loads at once
cannot both take the last free gigabyte. Knows nothing of jobs or Ray.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from spinbot.actors.call import Message, ModelEvicted, ModelLoaded, ModelLoading
from spinbot.engines.base import Engine
from spinbot.errors import ModelError

Key = tuple[str, str]
"""Slot and engine name."""
Report = Callable[[Message], None]


@dataclass
class _Resident:
    bytes: int
    engine: Engine | None = None
    pins: int = 0
    failed: Exception | None = None
    ready: threading.Event = field(default_factory=threading.Event)


class Residency:
    """Engines of one process. Safe to use from several threads."""

    def __init__(
        self,
        budget: int,
        *,
        build: Callable[[Key], Engine],
        estimate: Callable[[Key], int],
        measure: Callable[[], int],
    ) -> None:
        """`budget` in bytes; `estimate` gives an engine's bytes before it is loaded, `measure` those of the process."""
        self.budget = budget
        self._build = build
        self._estimate = estimate
        self._measure = measure
        self._residents: OrderedDict[Key, _Resident] = OrderedDict()
        self._changed = threading.Condition()
        self._loading = threading.Lock()  # one load at a time, so that the measured growth is that engine's own

    @contextmanager
    def lease(self, key: Key, report: Report) -> Iterator[Engine]:
        """The engine, loaded when it is not; it stays in memory at least until the block ends.

        Raises `ModelError` where it can never fit or its weights are missing. A failed load can be tried again.
        """
        resident, mine = self._pin(key, report)
        try:
            if mine:
                self._load(key, resident, report)
            resident.ready.wait()
            if resident.failed is not None:
                raise resident.failed
            assert resident.engine is not None
            yield resident.engine
        finally:
            with self._changed:
                resident.pins -= 1
                if resident.failed is not None and self._residents.get(key) is resident:
                    del self._residents[key]
                self._changed.notify_all()

    def resident(self) -> dict[Key, int]:
        """Bytes of each engine in memory, the least recently used first."""
        with self._changed:
            return {key: r.bytes for key, r in self._residents.items() if r.engine is not None}

    def _pin(self, key: Key, report: Report) -> tuple[_Resident, bool]:
        with self._changed:
            while key not in self._residents:
                needed = self._estimate(key)
                if needed > self.budget:
                    raise ModelError(
                        f"{key[0]} engine {key[1]} needs {needed >> 20} MB, the budget is {self.budget >> 20} MB",
                        hint="raise SPINBOT_HOSTS__<NAME>__MEMORY_GB, or choose a smaller engine",
                        code="model_too_large",
                    )
                if self._make_room(needed, report):
                    self._residents[key] = _Resident(bytes=needed, pins=1)
                    return self._residents[key], True
                self._changed.wait()
            resident = self._residents[key]
            resident.pins += 1
            self._residents.move_to_end(key)
            return resident, False

    def _make_room(self, needed: int, report: Report) -> bool:
        while sum(r.bytes for r in self._residents.values()) + needed > self.budget:
            victim = next((k for k, r in self._residents.items() if r.pins == 0 and r.engine is not None), None)
            if victim is None:
                return False
            gone = self._residents.pop(victim)
            assert gone.engine is not None
            gone.engine.unload()
            gone.engine = None
            gc.collect()
            report(ModelEvicted(*victim, bytes=gone.bytes))
        return True

    def _load(self, key: Key, resident: _Resident, report: Report) -> None:
        try:
            with self._loading:
                started, before = time.monotonic(), self._measure()
                report(ModelLoading(*key, fraction=0.0, message="loading"))
                engine = self._build(key)
                engine.load(lambda fraction, message: report(ModelLoading(*key, fraction=fraction, message=message)))
                grown = max(self._measure() - before, 1)
            with self._changed:
                resident.engine, resident.bytes = engine, grown
            report(ModelLoaded(*key, seconds=time.monotonic() - started, bytes=grown))
        except Exception as error:
            resident.failed = error
            raise
        finally:
            resident.ready.set()
