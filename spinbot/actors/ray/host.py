"""A host as a Ray actor, and the handle by which the pool uses it.

Verified behaviour this rests on (Ray 2.60): a sync actor with concurrency groups answers `control` while `compute` is
busy; a plain actor call takes 0.9 ms, a streaming one 1.7 ms, so answers come by plain calls, and messages of calls
that take longer by a second call that waits for them. Queued calls cannot be cancelled through Ray, so the host keeps
its own flag, and the pool sends a host one call at a time. Ray sets OMP_NUM_THREADS to 1 for actors without CPUs, so
the actor sets it anew (a runtime_env would do it too, but costs each actor 1.5 s, since Ray's waiting workers cannot
be used then).
"""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError

from spinbot.actors.call import Answer, Call, Message
from spinbot.actors.host import Hear, Host
from spinbot.actors.ray.depot import Depot, DepotArtifacts
from spinbot.config import HostGroup, Settings, cores
from spinbot.errors import HostLostError
from spinbot.store.artifacts import Artifacts, LocalArtifacts
from spinbot.store.open_artifacts import open_artifacts

LOST = (ActorDiedError, ActorUnavailableError, OutOfMemoryError)
CONCURRENCY = {"compute": 1, "feed": 1, "control": 2}

_FEED_AFTER_S = 0.05  # a call that is over by then brings its messages along with its answer
_FEED_EVERY_S = 0.01  # an event is at its readers some 10 ms after it was said; a look costs 1 ms
_FEED_WAIT_S = 2.0
_SILENT_S = 60.0  # a process that does not even answer here for so long hangs: no library holds the GIL so long


class HostActor:
    """`Host` with Ray's lanes: `compute` runs calls, `feed` hands out what they say, `control` answers meanwhile."""

    def __init__(self, group: HostGroup, settings: Settings, name: str, depot: Depot | None) -> None:
        # Read by libgomp when an engine first loads it, which is later than this. Threads that wait must sleep: two
        # hosts that spin on two cores run at a fraction of their speed.
        os.environ.update(OMP_NUM_THREADS=str(group.threads or cores()), OMP_WAIT_POLICY="PASSIVE")
        artifacts: Artifacts | None = None
        if depot is not None and ray.get_runtime_context().get_node_id() != depot.node:
            settings = settings.model_copy(update={"home": Settings().home})  # this machine's own folder
            artifacts = DepotArtifacts(LocalArtifacts(settings.artifacts_dir), depot)
        if settings.artifacts_url:
            artifacts = open_artifacts(settings)
        self._host = Host(group, settings, name=name, artifacts=artifacts)
        self._said: list[tuple[str, Message]] = []
        self._news = threading.Condition()

    @ray.method(concurrency_group="compute", enable_task_events=False)
    def run(self, pickled: bytes) -> bytes:
        """Run a call; the answer comes with those of its messages that `feed` has not handed out.

        Pickled by hand: C's pickle takes a tenth of the 0.1 ms that Ray's takes for the two.
        """
        call: Call = pickle.loads(pickled)
        answer = self._host.run(call, lambda message: self._say(call.id, message))
        rest: list[Message] = []
        if answer.said:
            with self._news:
                rest = [message for owner, message in self._said if owner == call.id]
                self._said = [(owner, message) for owner, message in self._said if owner != call.id]
        return pickle.dumps((answer, rest))

    @ray.method(concurrency_group="feed")
    def feed(self, wait_s: float) -> list[tuple[str, Message]]:
        """What was said since the last time; waits up to `wait_s` for something."""
        with self._news:
            self._news.wait_for(lambda: self._said, wait_s)
            said, self._said = self._said, []
        return said

    @ray.method(concurrency_group="control")
    def cancel(self, call_id: str) -> None:
        """See `Host.cancel`."""
        self._host.cancel(call_id)

    @ray.method(concurrency_group="control")
    def describe(self) -> dict[str, Any]:
        """See `Host.describe`."""
        return self._host.describe()

    @ray.method(concurrency_group="control")
    def cancel_all(self) -> list[str]:
        """Stop what runs for a runner that is gone, and answer which engines are in memory."""
        self._host.cancel_all()
        return list(self._host.resident())

    def _say(self, call: str, message: Message) -> None:
        with self._news:
            self._said.append((call, message))
            self._news.notify()


class _Listener:
    """Hands a call's messages on, and knows how many came."""

    def __init__(self, hear: Hear) -> None:
        self.hear = hear
        self.heard = 0
        self.more = asyncio.Event()

    def take(self, message: Message) -> None:
        self.heard += 1
        self.hear(message)
        self.more.set()


class RayHost:
    """The pool's handle of a `HostActor`."""

    def __init__(self, name: str, actor: Any) -> None:
        self.name = name
        self._actor = actor
        self._listeners: dict[str, _Listener] = {}
        self._feeding: asyncio.Task[None] | None = None

    async def run(self, call: Call, hear: Hear) -> Answer:
        """See `HostHandle.run`."""
        listener = self._listeners[call.id] = _Listener(hear)
        later = asyncio.get_running_loop().call_later(_FEED_AFTER_S, self._begin_feeding)
        try:
            answer: Answer
            rest: list[Message]
            answer, rest = pickle.loads(await self._actor.run.remote(pickle.dumps(call)))
            while listener.heard + len(rest) < answer.said:  # handed out by `feed`, and still on their way
                listener.more.clear()
                await listener.more.wait()
        except LOST as error:
            raise self._lost() from error
        finally:
            later.cancel()
            del self._listeners[call.id]
        for message in rest:
            listener.take(message)
        return answer

    async def cancel(self, call_id: str) -> None:
        """See `HostHandle.cancel`."""
        try:
            await self._actor.cancel.remote(call_id)
        except LOST as error:
            raise self._lost() from error

    async def describe(self) -> dict[str, Any]:
        """See `HostHandle.describe`."""
        try:
            described: dict[str, Any] = await self._actor.describe.remote()
        except LOST as error:
            raise self._lost() from error
        return described

    async def kill(self) -> None:
        """See `HostHandle.kill`."""
        ray.kill(self._actor)

    def _begin_feeding(self) -> None:
        if self._feeding is None or self._feeding.done():
            self._feeding = asyncio.ensure_future(self._feed())

    async def _feed(self) -> None:
        while self._listeners:
            try:
                async with asyncio.timeout(_SILENT_S):
                    said = await self._actor.feed.remote(_FEED_WAIT_S)
            except TimeoutError:
                await self.kill()
                return
            except LOST:  # the call itself says so to whoever waits for it
                return
            for call, message in said:
                if listener := self._listeners.get(call):
                    listener.take(message)
            await asyncio.sleep(_FEED_EVERY_S)

    def _lost(self) -> HostLostError:
        return HostLostError(
            f"the process of host {self.name!r} died",
            hint="often out of memory: lower SPINBOT_HOSTS__<NAME>__MEMORY_GB or close other programs",
        )
