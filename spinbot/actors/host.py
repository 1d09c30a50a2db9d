"""A host: one process that keeps engines loaded and runs calls on them. A plain class; a pool makes it an actor."""

from __future__ import annotations

import logging
import math
import os
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from spinbot.actors.call import (
    Answer,
    Call,
    Figured,
    Message,
    ModelLoaded,
    NotBegun,
    Noted,
    NotReadyError,
    Partial,
    Previewed,
    Progressed,
    Saved,
    Say,
    Shown,
    Span,
)
from spinbot.actors.machine import Meter
from spinbot.actors.memory import cuda_devices, give_back, process_bytes
from spinbot.actors.residency import Key, Residency
from spinbot.config import HostGroup, Settings, cores
from spinbot.engines.base import Engine
from spinbot.engines.registry import engine_class
from spinbot.errors import CancelledError, NodeError, SpinbotError
from spinbot.models.store import ModelStore
from spinbot.store.artifacts import Artifacts, LocalArtifacts

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.2
"""5 progress events a second and node: smooth to look at, some 20 rows for a 4 s node."""
REST_S = 10.0
LONG_S = 0.1
"""Calls that took longer give the memory they freed back to the system, which takes 0.5 ms."""


class CallContext:
    """What a running call may use: engines, artifacts, scratch space, and a way to report."""

    def __init__(self, host: Host, call: Call, say: Say, results: Mapping[str, dict[str, Any]]) -> None:
        self._host = host
        self._call = call
        self._say_it = say
        self.results = results
        """What the calls answered that were sent with this one and ran before it, by call id."""
        self._cancelled = threading.Event()
        self._progressed = -PROGRESS_EVERY_S
        self._open = ExitStack()
        self.spans: list[Span] = []
        self.artifacts = host.artifacts
        self.models = host.models
        """The models of this machine."""
        self.home = host.home
        """The folder of this installation on this machine."""
        self.checkpoint = call.checkpoint
        """What an earlier attempt of this call saved; None at the first."""

    @cached_property
    def scratch(self) -> Path:
        """A folder of this call alone; gone when the call ends."""
        return Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="spinbot-")))

    def engine(self, slot: str) -> AbstractContextManager[Engine]:
        """Lease the engine that fills `slot` for this call; use it in a `with` block."""
        return self._host.residency.lease((slot, self._call.engines[slot]), self._say)

    def stamp(self, slot: str) -> dict[str, str]:
        """What to record of the engine that fills `slot`: its name and the digest of its weights."""
        name = self._call.engines[slot]
        return {"slot": slot, "engine": name, "weights": self._host.weights(slot, name)}

    def weights(self, slot: str, engine: str) -> str:
        """Digest of the weights of any engine, also of one that this call does not use."""
        return self._host.weights(slot, engine)

    def progress(self, fraction: float, message: str) -> None:
        """Report that `fraction` (0..1) is done. Raises `CancelledError` once the call is cancelled."""
        self._host.rest(self._cancelled)
        if self._cancelled.is_set():
            raise CancelledError("cancelled", hint="submit it again to go on from the finished nodes")
        now = time.monotonic()
        if now - self._progressed >= PROGRESS_EVERY_S:
            self._progressed = now
            self._say(Progressed(fraction, message))

    def note(self, message: str) -> None:
        """Add a line to the job's log."""
        self._say(Noted(message))

    def partial(self, text: str) -> None:
        """Show the next piece of a text that is being written. Each is an event: some ten a second are enough."""
        self._say(Partial(text))

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Report named numbers after a step. Each is an event: some 200 over the whole call are enough for a curve.

        A call that goes on from its checkpoint may report steps again that were told already, with the same numbers.
        Raises `ValueError` for what is no finite number: JSON has none.
        """
        if wrong := [name for name, value in figures.items() if not math.isfinite(value)]:
            raise ValueError(f"{', '.join(wrong)} at step {step}: no finite number")
        self._say(Figured(step, dict(figures)))

    def preview(self, artifact: str, caption: str, kind: Shown = "image", *, step: int | None = None) -> None:
        """Show an artifact while the call runs. It stays as long as the job, whatever becomes of the call."""
        self._say(Previewed(artifact, kind, caption, step))

    def save(self, state: dict[str, Any]) -> None:
        """Store how far the call came; an attempt after a crash finds it in `checkpoint`.

        `state` is small JSON. What it names in the artifact store must be there already.
        """
        self._say(Saved(state))

    def cancel(self) -> None:
        """Make the next `progress` raise."""
        self._cancelled.set()

    def close(self) -> None:
        """Drop what the call had open."""
        self._open.close()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Note how long something took that is not computing, for the trace."""
        began = time.time()
        try:
            yield
        finally:
            self.spans.append(Span(name, began, time.time()))

    def _say(self, message: Message) -> None:
        if isinstance(message, ModelLoaded):
            now = time.time()
            self.spans.append(Span(f"load {message.slot}/{message.engine}", now - message.seconds, now))
        self._say_it(message)


class Host:
    """Runs calls, with engines that stay loaded between them."""

    def __init__(
        self, group: HostGroup, settings: Settings, *, name: str = "", artifacts: Artifacts | None = None
    ) -> None:
        self.group = group
        self.name = name
        self.home = settings.root
        self.artifacts = artifacts or LocalArtifacts(settings.artifacts_dir)
        self.models = ModelStore.of(settings)
        self._meter = Meter()
        self.residency = Residency(
            int(group.memory_gb * (1 << 30)), build=self._build, estimate=self._estimate, measure=process_bytes
        )
        self._running: dict[str, CallContext] = {}
        self._cancelled: set[str] = set()
        self._free = threading.Event()
        self._free.set()

    def run(self, call: Call, say: Say, results: dict[str, dict[str, Any]]) -> Answer | NotBegun:
        """Run a call to its end; `say` gets what it says meanwhile, on the call's thread. Never raises.

        `results` are those of the calls sent with it, so far; its own is added.
        """
        began = time.time()
        context = CallContext(self, call, say, results)
        self._running[call.id] = context
        result, error, tail = None, None, []
        try:
            if call.id in self._cancelled:
                raise CancelledError("cancelled before it began")
            result = results[call.id] = call.function(context, call.payload)
        except NotReadyError:
            return NotBegun()
        except SpinbotError as failure:
            error = failure.to_dict()
        except Exception as failure:  # the border of the process: any fault becomes the job's error
            log.exception("call %s failed", call.id)
            error = NodeError(
                f"{type(failure).__name__}: {failure}",
                hint="this is a defect; the log has the traceback",
                code="internal",
            ).to_dict()
            tail = traceback.format_exc().splitlines()[-12:]
        finally:
            del self._running[call.id]
            self._cancelled.discard(call.id)
            context.close()
        if time.time() - began > LONG_S:
            give_back()
        return Answer(call.id, result, error, tail, self.name, began, time.time(), context.spans)

    def cancel(self, call_id: str) -> None:
        """Stop a call at its next step, whether it runs already or still waits."""
        self._cancelled.add(call_id)
        if context := self._running.get(call_id):
            context.cancel()

    def hold(self, held: bool) -> None:
        """Let calls rest at their next step, while others of the machine go first; or let them go on."""
        if held:
            self._free.clear()
        else:
            self._free.set()

    def rest(self, cancelled: threading.Event) -> None:
        """Wait while calls are held, `REST_S` at most, so that one that is held for ever still gets somewhere."""
        until = time.monotonic() + REST_S
        while not self._free.wait(0.05) and not cancelled.is_set() and time.monotonic() < until:
            pass

    def cancel_all(self) -> None:
        """Stop every call that runs: nobody waits for them any more."""
        for call_id in list(self._running):
            self.cancel(call_id)

    def resident(self) -> dict[str, int]:
        """Bytes of each engine in memory, by `slot/engine`."""
        return {"/".join(key): size for key, size in self.residency.resident().items()}

    def describe(self) -> dict[str, Any]:
        """What this process is and holds, as JSON: sizes in bytes, engines by `slot/engine`; see `Meter.read`.

        `node` is the id of the Ray node that it is on; empty without Ray.
        """
        return {
            "pid": os.getpid(),
            "machine": socket.gethostname(),
            "node": "",
            "cpus": cores(),
            "memory_bytes": process_bytes(),
            "engines": self.resident(),
            "cuda": cuda_devices(),
            "system": self._meter.read(),
        }

    def weights(self, slot: str, engine: str) -> str:
        """Digest of the weights that an engine loads; empty for one without weights."""
        return weights_digest(self.models, slot, engine)

    def _build(self, key: Key) -> Engine:
        slot, name = key
        device = "cuda" if self.group.num_gpus else "cpu"
        threads = self.group.threads or cores()
        return engine_class(slot, name)(self.models.path, device=device, threads=threads)

    def _estimate(self, key: Key) -> int:
        requires = engine_class(*key).requires
        return sum(self.models.memory_bytes(name) for name in requires)


def weights_digest(models: ModelStore, slot: str, engine: str) -> str:
    """Digest of an engine's weights as the catalogue pins them; empty for an engine without weights."""
    return "+".join(models.digest(name) for name in engine_class(slot, engine).requires)


def load_engines(context: CallContext, slots: list[str]) -> dict[str, Any]:
    """A call's function that brings the engines of `slots` into memory ahead of their first use."""
    for slot in slots:
        with context.engine(slot):
            context.progress(1.0, "loaded")
    return {}
