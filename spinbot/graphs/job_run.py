"""One job while it runs. Turns: what happened is gathered, stored in one transaction, and only then acted upon.

Everything here happens on one event loop, so between two `await`s nothing else changes the plan. A turn is: take what
is ready, answer it from the cache or queue it for a host, write the turn, tell the listeners, start the calls.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict, deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from spinbot.actors.call import Answer, Message, NotBegun, Said
from spinbot.errors import CancelledError, HostLostError, NodeError, NodeTimeoutError, SpinbotError
from spinbot.graphs.along import along, together
from spinbot.graphs.check import check_expansion
from spinbot.graphs.execute import Expanded, read_answer
from spinbot.graphs.graph import Graph
from spinbot.graphs.lanes import Place, Ticket
from spinbot.graphs.plan import Plan, Step
from spinbot.graphs.preload import preload, wanted
from spinbot.graphs.stop import PAUSED, Stop, cancelled
from spinbot.graphs.visit import KINDS, Visit, describe, retry_after, send
from spinbot.store.artifacts import artifact_ids
from spinbot.store.jobs import ENDED, Job, Wish
from spinbot.store.ledger import Turn
from spinbot.store.node_runs import DONE

if TYPE_CHECKING:
    from spinbot.graphs.runner import Runner

BATCH = 64  # ready nodes looked at in one turn: some 10 ms, so other jobs on the loop do not wait


class JobRun:
    """Drives one claimed job to its end, its pause, or the loss of its lease."""

    def __init__(self, runner: Runner, job: Job, graph: Graph) -> None:
        self.id = job.id
        self.plan = Plan(graph, job.nodes)
        self._runner = runner
        self._job = job
        self._changed: dict[str, Any] = {}
        self._priority = job.priority
        self._turn = Turn()
        self._visits: dict[str, Visit] = {}
        self._todo: deque[str] = deque()
        self._starts: list[Visit] = []
        self._elsewhere: list[str] = []
        self._losses: dict[str, int] = defaultdict(int)
        self._alone: set[str] = set()
        self._numbers = itertools.count(1)
        self._stop: Stop | None = None
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._preloaded = False
        self._ended = False

    async def drive(self) -> None:
        """Run every node that is not done. Raises `LeaseLostError`, `StorageError`; then the job is not ended."""
        if self._job.started:
            self._turn.end("running", started=self._job.started)
        else:
            self._turn.end("running", {"waited": round(time.time() - self._job.created, 3)})
        for name in self.plan.interrupted:
            self._turn.change(self.plan.steps[name].run, {}, "node.interrupted")
        if self._job.wish:
            self.obey(self._job.wish)
        try:
            while True:
                self._go_on()
                if self._ended:
                    break
                await self._news.wait()
                self._news.clear()
        finally:
            self._abandon()

    def ended(self) -> Job | None:
        """The job as it is stored, once it has ended; None where it has not, also where it was paused."""
        if self._changed.get("state") not in ENDED:
            return None
        return replace(self._job, **self._changed, nodes=self.plan.runs(self._job.graph["nodes"]))

    def obey(self, wish: Wish) -> None:
        """Pause: let running nodes end and start no other. Cancel: stop them too."""
        if wish == "pause":
            if self._stop is None:
                self._halt(PAUSED)
        elif self._stop is None or not self._stop.final:
            self._halt(cancelled(self.id))
        self._news.set()

    def prioritise(self, priority: int) -> None:
        """The job's priority from now on: its nodes that wait for a host are queued anew."""
        if priority == self._priority:
            return
        self._priority = priority
        for visit in self._visits.values():
            if visit.ticket is not None:
                visit.ticket.dropped = True
                self._queue(visit)
        self._news.set()

    def look_again(self) -> None:
        """Look at the nodes that run elsewhere: their results may be there now."""
        if self._elsewhere:
            self._todo.extend(self._elsewhere)
            self._elsewhere.clear()
            self._news.set()

    def ready_again(self, name: str) -> None:
        """The same node of another job has ended."""
        self._todo.append(name)
        self._news.set()

    # A turn

    def _go_on(self) -> None:
        self._settle()
        self._runner.lanes.admit()
        self._take_along()
        self._conclude()
        self._write()
        starts, self._starts = self._starts, []
        if self._stop and self._stop.final:  # the job was stopped after they were let in
            for visit in starts:
                self._ended_badly(visit, CancelledError("cancelled before it began"))
                self._news.set()
        else:
            for visit in starts:
                self._prepare(visit)
            for visits in together(starts).values():
                self._spawn(self._carry(visits))
        if self._todo:
            self._news.set()

    def _settle(self) -> None:
        looked_at = 0
        self._todo.extend(self.plan.take_ready())
        while self._todo and not self._stop and looked_at < BATCH:
            batch = dict.fromkeys(self._todo.popleft() for _ in range(min(BATCH, len(self._todo))))
            looked_at += len(batch)
            visits = [visit for name in batch if (visit := self._describe(name))]
            asked = [key for v in visits if v.step.spec.cache == "use" and (key := v.key)]
            known = self._runner.ledger.known(asked) if asked else {}
            for visit in visits:
                self._admit_or_answer(visit, known)
            self._todo.extend(self.plan.take_ready())
        if self._stop:
            self._todo.clear()

    def _describe(self, name: str) -> Visit | None:
        step, runner = self.plan.steps[name], self._runner
        if name in self._visits or step.run.state in DONE or step.missing:  # it went along, or must wait again
            return None
        if step.run.state == "expanded":
            self._complete(name, self.plan.gathered(name))
            return None
        try:
            return describe(name, step, self.plan.fields(name), runner.settings, runner.weights)
        except ValidationError as error:
            self._fail(name, NodeError(f"{name} got a value that it does not take: {error}", code="internal"))
            return None

    def _admit_or_answer(self, visit: Visit, known: dict[str, dict[str, Any]]) -> None:
        run, key = visit.step.run, visit.key
        outputs = known.get(key) if key else None
        if key and outputs is not None and all(a in self._runner.artifacts for a in artifact_ids(outputs)):
            now = time.time()
            run.state, run.started, run.finished = "cached", now, now
            self._turn.used.add(key)
            self._finish(visit.name, outputs, {"key": key, "outputs": outputs, "engines": run.engines})
        elif key and self._runner.twins.wait(key, self, visit.name):
            self._turn.say("log", visit.name, {"message": "waits for another job that makes the same"})
        else:
            self._visits[visit.name] = visit
            self._queue(visit)

    def _queue(self, visit: Visit) -> None:
        visit.ticket = Ticket(visit.group, partial(self._admitted, visit), self, self._brief(visit.name, visit.step))
        self._runner.lanes.join(visit.ticket, self._priority + visit.step.spec.priority, self._job.owner)

    def _brief(self, name: str, step: Step) -> float | None:
        """Seconds that a node takes which may share a call; not one that loads models, or was in bad company before."""
        loads = step.kind.slots or step.kind.inner_slots
        alone = loads or step.spec.timeout_s is not None or name in self._alone or name in self._losses
        return None if alone else self._runner.paces.brief(step.spec.type)

    def _take_along(self) -> None:
        for place, visits in together(self._starts).items() if not self._stop else ():
            for visit in along(self.plan, visits, place, self._brief):
                self._visits[visit.name] = visit
                self._admitted(visit, place)

    def _admitted(self, visit: Visit, place: Place) -> None:
        visit.begin(self.id, f"{self._job.epoch}.{next(self._numbers)}", place, self._turn)
        self._starts.append(visit)
        self._news.set()

    def _conclude(self) -> None:
        """End the job in this turn where nothing is left to do."""
        if self._ended or self._visits:
            return
        if self.plan.unfinished == 0:  # also where a wish to stop it came too late
            self.plan.conclude(self._turn)
        elif self._stop:
            self.plan.stop(self._stop, self._turn)
        else:
            return
        self._ended = True

    def _write(self) -> None:
        if not self._turn:
            return
        turn, self._turn = self._turn, Turn()
        written = self._runner.ledger.write(self.id, self._job.epoch, turn)
        if written.busy:
            for visit in [v for v in self._starts if v.key in written.busy]:
                self._send_back(visit, turn)
            if turn:
                written = self._runner.ledger.write(self.id, self._job.epoch, turn)
        self._changed |= written.job
        self._runner.announce(written.events)
        self._runner.twins.stored()

    def _send_back(self, visit: Visit, turn: Turn) -> None:
        """Another runner runs the same node at this moment: wait for its result instead."""
        visit.take_back(turn)
        self._starts.remove(visit)
        self._drop(visit)
        self._elsewhere.append(visit.name)

    # Calls

    def _prepare(self, visit: Visit) -> None:
        timeout = visit.step.spec.timeout_s
        if timeout is not None:
            visit.timer = asyncio.get_running_loop().call_later(timeout, self._overdue, visit, timeout)
        if not self._preloaded:
            self._preloaded = True
            self._preload_others(visit.group)

    async def _carry(self, visits: list[Visit]) -> None:
        """Bring calls that go together to a host; what comes back is heard meanwhile."""
        if error := await send(visits, self._runner.pool, self._hear):
            for visit in visits:
                if self._visits.get(visit.name) is visit:  # not answered; nor another runner's node by now
                    self._ended_badly(visit, error)
            self._news.set()

    def _answered(self, visit: Visit, answer: Answer) -> None:
        if answer.error is not None:
            error = SpinbotError.from_dict(answer.error)
            if answer.log_tail:
                error.details.append({"log_tail": answer.log_tail})
            self._ended_badly(visit, error)
            return
        assert answer.result is not None
        self._drop(visit)
        self._runner.paces.took(visit.step.spec.type, answer.ended - answer.started)
        run = visit.step.run
        run.finished, run.checkpoint = time.time(), None
        outcome = read_answer(answer.result)
        if isinstance(outcome, Expanded):
            self._expand(visit, outcome, answer.times())
            return
        run.state = "succeeded"
        data = {"key": run.key, "outputs": outcome, "engines": run.engines, "times": answer.times()}
        self._finish(visit.name, outcome, data)

    def _expand(self, visit: Visit, expanded: Expanded, times: dict[str, Any]) -> None:
        run = visit.step.run
        try:
            inner = check_expansion(
                visit.name,
                expanded.expansion,
                self.plan.graph,
                artifacts=self._runner.artifacts,
                settings=self._runner.settings,
            )
        except SpinbotError as error:
            self._fail(visit.name, error)
            return
        self._turn.new |= self.plan.expand(visit.name, inner, expanded.expansion.outputs)
        self._turn.change(run, {"nodes": list(inner), "times": times})

    def _ended_badly(self, visit: Visit, error: SpinbotError) -> None:
        self._drop(visit)
        name, step = visit.name, visit.step
        if self._stop and self._stop.final:
            step.run.state, step.run.finished = "cancelled", time.time()
            step.run.error = (self._stop.error or error).to_dict()
            self._turn.change(step.run, {"error": step.run.error})
            return
        error = visit.stopped_for or error
        if isinstance(error, HostLostError):
            self._losses[name] += 1
        wait_s = retry_after(error, step.spec.retry, step.run.attempt, self._losses[name])
        if wait_s is None:
            self._fail(name, error)
            return
        step.run.state = "pending"
        step.run.error = error.to_dict()
        self._turn.change(step.run, {"error": step.run.error, "again_in_s": wait_s}, "node.retrying")
        asyncio.get_running_loop().call_later(wait_s, self.ready_again, name)

    def _overdue(self, visit: Visit, timeout_s: float) -> None:
        why = f"{visit.name} took longer than {timeout_s:g} s"
        visit.stopped_for = NodeTimeoutError(why, hint="raise its timeout_s, or give it faster hardware")
        self._cancel_call(visit)

    def _cancel_call(self, visit: Visit) -> None:
        if visit.call is not None:
            self._spawn(self._runner.pool.cancel(visit.call.id, self._runner.settings.cancel_grace_s))

    # What ends

    def _finish(self, name: str, outputs: dict[str, Any], data: dict[str, Any]) -> None:
        self._turn.change(self.plan.steps[name].run, data)
        for outer, gathered in list(self.plan.done(name, outputs)):
            self._complete(outer, gathered)

    def _complete(self, name: str, outputs: dict[str, Any]) -> None:
        run = self.plan.steps[name].run
        run.state, run.finished = "succeeded", time.time()
        self._finish(name, outputs, {"key": run.key, "outputs": outputs, "engines": run.engines})

    def _fail(self, name: str, error: SpinbotError) -> None:
        run = self.plan.steps[name].run
        run.state, run.finished, run.error = "failed", time.time(), error.to_dict()
        self._turn.change(run, {"error": run.error})
        self._halt(Stop("failed", error))

    def _halt(self, stop: Stop) -> None:
        """Start nothing more; and stop what runs, unless the job is only to pause."""
        self._stop = stop
        for visit in list(self._visits.values()):
            if visit.ticket is not None:
                visit.ticket.dropped = True
                self._drop(visit)
            elif stop.final:
                self._cancel_call(visit)

    def _drop(self, visit: Visit) -> None:
        """A visit is over: give its place to others."""
        del self._visits[visit.name]
        if visit.timer:
            visit.timer.cancel()
        if visit.place is not None:
            self._runner.lanes.leave(visit.place)
        if key := visit.key:
            self._runner.twins.ended(key)

    def _abandon(self) -> None:
        """Leave nothing behind: not a call, not a ticket, not another job's node that waits for one of ours."""
        for visit in list(self._visits.values()):
            if visit.ticket is not None:
                visit.ticket.dropped = True
            self._cancel_call(visit)
            self._drop(visit)
        self._runner.twins.forget(self)
        self._runner.twins.stored()
        self._runner.lanes.admit()

    # Messages

    def _hear(self, visit: Visit, said: Said) -> None:
        if self._visits.get(visit.name) is not visit:  # it is over, or the lease was lost
            return
        if isinstance(said, Answer):
            self._answered(visit, said)
        elif isinstance(said, NotBegun):
            self._drop(visit)
            self._alone.add(visit.name)
            visit.undo(self._turn)
            self._todo.append(visit.name)
        else:
            visit.tell(said, self._turn)
        self._news.set()

    def _preload_others(self, busy: str) -> None:
        def hear(message: Message) -> None:
            if not self._ended:
                self._turn.say(KINDS[type(message)], None, dict(vars(message)))
                self._news.set()

        for group, engines in wanted(self.plan, self._runner.settings, besides=busy).items():
            self._spawn(preload(self._runner.pool, self.id, group, engines, hear))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
