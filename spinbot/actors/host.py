"""A host: one process that keeps engines loaded and runs calls on them. A plain class; a pool makes it an actor."""

from __future__ import annotations

import logging
import queue
import tempfile
import threading
import traceback
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from spinbot.actors.call import Call, Failed, Finished, Message, Noted, Progressed
from spinbot.actors.memory import process_bytes
from spinbot.actors.residency import Key, Residency
from spinbot.config import HostGroup, Settings, cores
from spinbot.engines.base import Engine
from spinbot.engines.registry import engine_class
from spinbot.errors import CancelledError, NodeError, SpinbotError
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.store.artifacts import LocalArtifacts

log = logging.getLogger(__name__)


class CallContext:
    """What a running call may use: engines, artifacts, scratch space, and a way to report."""

    def __init__(self, host: Host, call: Call, report: queue.SimpleQueue[Message], scratch: Path) -> None:
        self._host = host
        self._call = call
        self._report = report
        self._cancelled = threading.Event()
        self.artifacts = host.artifacts
        self.home = host.home
        """The folder of this installation on this machine."""
        self.scratch = scratch
        """A folder of this call alone; gone when the call ends."""

    def engine(self, slot: str) -> AbstractContextManager[Engine]:
        """Lease the engine that fills `slot` for this call; use it in a `with` block."""
        name = self._call.engines[slot]
        return self._host.residency.lease((slot, name), self._report.put)

    def stamp(self, slot: str) -> dict[str, str]:
        """What to record of the engine that fills `slot`: its name and the digest of its weights."""
        name = self._call.engines[slot]
        return {"slot": slot, "engine": name, "weights": self._host.weights(slot, name)}

    def progress(self, fraction: float, message: str) -> None:
        """Report that `fraction` (0..1) is done. Raises `CancelledError` once the call is cancelled."""
        if self._cancelled.is_set():
            raise CancelledError("cancelled", hint="submit it again to go on from the finished nodes")
        self._report.put(Progressed(fraction, message))

    def note(self, message: str) -> None:
        """Add a line to the job's log."""
        self._report.put(Noted(message))

    def cancel(self) -> None:
        """Make the next `progress` raise."""
        self._cancelled.set()


class Host:
    """Runs calls one after another in each of its lanes, with engines that stay loaded between them."""

    def __init__(self, group: HostGroup, settings: Settings) -> None:
        self.group = group
        self.home = settings.root
        self.artifacts = LocalArtifacts(settings.artifacts_dir)
        self._catalogue = load_catalogue()
        self._models = ModelStore(settings.models_dir, self._catalogue)
        self.residency = Residency(
            int(group.memory_gb * (1 << 30)), build=self._build, estimate=self._estimate, measure=process_bytes
        )
        self._running: dict[str, CallContext] = {}
        self._cancelled: set[str] = set()

    def run(self, call: Call) -> Generator[Message]:
        """Run a call, yielding its messages as they come; the last is `Finished` or `Failed`."""
        messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        with tempfile.TemporaryDirectory(prefix="spinbot-") as scratch:
            context = CallContext(self, call, messages, Path(scratch))
            self._running[call.id] = context
            if call.id in self._cancelled:
                context.cancel()
            worker = threading.Thread(target=_work, args=(context, call, messages), name=call.id, daemon=True)
            worker.start()
            try:
                while True:
                    message = messages.get()
                    yield message
                    if isinstance(message, Finished | Failed):
                        return
            finally:
                context.cancel()  # the reader may have gone away early
                worker.join()
                del self._running[call.id]
                self._cancelled.discard(call.id)

    def cancel(self, call_id: str) -> None:
        """Stop a call at its next step, whether it runs already or still waits for its lane."""
        self._cancelled.add(call_id)
        if context := self._running.get(call_id):
            context.cancel()

    def resident(self) -> dict[str, int]:
        """Bytes of each engine in memory, by `slot/engine`."""
        return {"/".join(key): size for key, size in self.residency.resident().items()}

    def weights(self, slot: str, engine: str) -> str:
        """Digest of the weights that an engine loads; empty for one without weights."""
        return weights_digest(self._models, slot, engine)

    def _build(self, key: Key) -> Engine:
        slot, name = key
        device = "cuda" if self.group.num_gpus else "cpu"
        threads = self.group.threads or cores()
        return engine_class(slot, name)(self._models.path, device=device, threads=threads)

    def _estimate(self, key: Key) -> int:
        requires = engine_class(*key).requires
        return sum(self._catalogue[name].memory_mb << 20 for name in requires)


def weights_digest(models: ModelStore, slot: str, engine: str) -> str:
    """Digest of an engine's weights as the catalogue pins them; empty for an engine without weights."""
    return "+".join(models.digest(name) for name in engine_class(slot, engine).requires)


def _work(context: CallContext, call: Call, messages: queue.SimpleQueue[Message]) -> None:
    try:
        messages.put(Finished(call.function(context, call.payload)))
    except SpinbotError as error:
        messages.put(Failed(error.to_dict(), []))
    except Exception as error:  # the border of the process: any fault becomes the job's error
        log.exception("call %s failed", call.id)
        fault = NodeError(
            f"{type(error).__name__}: {error}", hint="this is a defect; the log has the traceback", code="internal"
        )
        messages.put(Failed(fault.to_dict(), traceback.format_exc().splitlines()[-12:]))


def load_engines(context: CallContext, slots: list[str]) -> dict[str, Any]:
    """A call's function that brings the engines of `slots` into memory ahead of their first use."""
    for slot in slots:
        with context.engine(slot):
            context.progress(1.0, "loaded")
    return {}
