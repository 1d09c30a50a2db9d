"""Leases and turns: what a runner writes is whole, numbered without a gap, and written by the holder alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from spinbot.errors import InputError, LeaseLostError
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger, Turn

GRAPH = {"nodes": {"a": {}, "b": {}}}


@pytest.fixture
def store(database_url: str) -> Iterator[JobStore]:
    engine = connect(database_url)
    yield JobStore(engine)
    engine.dispose()


def elsewhere(ledger: Ledger) -> Ledger:
    """As if the ledger's runner were on another machine, where nobody here can see whether it lives."""
    ledger.name = "faraway:1:0.00:" + ledger.name.rsplit(":", 1)[1]
    return ledger


def offered(ledger: Ledger) -> list[str]:
    return [job.id for job in ledger.claimable()]


def succeed(run, key: str | None = None) -> Turn:
    turn = Turn()
    run = replace(run, state="succeeded", key=key, outputs={"x": 1})
    turn.change(run, {"outputs": run.outputs})
    return turn


def start(run, key: str) -> Turn:
    turn = Turn()
    turn.change(replace(run, state="running", key=key), {})
    return turn


def test_a_turn_is_stored_whole_with_consecutive_numbers(store):
    ledger = Ledger(store, lease_s=5)
    job = ledger.claim(store.create("toy", GRAPH))
    turn = Turn()
    turn.end("running")
    turn.say("log", None, {"message": "hello"})
    written = ledger.write(job.id, job.epoch, turn)
    assert ([event.seq for event in written.events], written.busy) == ([2, 3], set())
    assert replace(job, **written.job) == store.get(job.id)
    ledger.write(job.id, job.epoch, succeed(job.nodes["a"], "k"))
    found = store.get(job.id)
    assert (found.state, found.nodes["a"].state, found.nodes["a"].outputs) == ("running", "succeeded", {"x": 1})
    assert [event.seq for event in store.events(job.id)] == [1, 2, 3, 4]
    assert store.events(job.id, after=3)[0].data == {"outputs": {"x": 1}}
    assert ledger.known(["k", "other"]) == {"k": {"x": 1}}


def test_only_one_runner_gets_a_job(store):
    job = store.create("toy", GRAPH)
    first, second = elsewhere(Ledger(store, lease_s=60)), elsewhere(Ledger(store, lease_s=60))
    assert first.claim(job) is not None
    assert second.claim(job) is None
    assert second.claimable() == []


def test_a_silent_runner_loses_its_job_and_its_late_writes(store):
    job = store.create("toy", GRAPH)
    silent, next_one = elsewhere(Ledger(store, lease_s=0.0)), Ledger(store, lease_s=60)
    before = silent.claim(job)
    assert offered(next_one) == [job]
    after = next_one.claim(job)
    assert after.epoch == before.epoch + 1
    with pytest.raises(LeaseLostError):
        silent.write(job, before.epoch, succeed(before.nodes["a"], "k"))
    assert store.get(job).nodes["a"].state == "pending"
    assert [event.seq for event in store.events(job)] == [1]


def test_a_renewed_lease_holds(store):
    job = store.create("toy", GRAPH)
    ledger = elsewhere(Ledger(store, lease_s=0.5))
    ledger.claim(job)
    ledger._lease_s = 60.0
    ledger.renew([job])
    assert store.get(job).lease_until > time.time() + 50
    assert Ledger(store, lease_s=60).claim(job) is None


def test_the_job_of_a_process_of_this_machine_that_died_is_free_at_once(store, database_url):
    job = store.create("toy", GRAPH)
    program = """
import os, sys
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger, Turn
ledger = Ledger(JobStore(connect(sys.argv[1])), lease_s=3600)
job = ledger.claim(sys.argv[2])
run = job.nodes["a"]
run.state, run.outputs, run.key = "succeeded", {"x": 1}, "k"
turn = Turn()
turn.end("running")
turn.change(run, {})
ledger.write(job.id, job.epoch, turn)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, database_url, job], check=False)
    ledger = Ledger(store, lease_s=60)
    assert offered(ledger) == [job]
    found = ledger.claim(job)
    assert (found.state, found.nodes["a"].state, found.nodes["a"].outputs) == ("running", "succeeded", {"x": 1})
    assert [event.seq for event in store.events(job)] == [1, 2, 3]
    assert ledger.known(["k"]) == {"k": {"x": 1}}


def test_the_same_node_is_not_begun_while_another_runner_runs_it(store):
    one, two = elsewhere(Ledger(store, lease_s=60)), elsewhere(Ledger(store, lease_s=60))
    mine, theirs = one.claim(store.create("toy", GRAPH)), two.claim(store.create("toy", GRAPH))
    assert one.write(mine.id, mine.epoch, start(mine.nodes["a"], "same")).busy == set()
    refused = two.write(theirs.id, theirs.epoch, start(theirs.nodes["b"], "same"))
    assert (refused.events, refused.busy) == ([], {"same"})
    assert store.get(theirs.id).nodes["b"].state == "pending"
    assert len(store.events(theirs.id)) == 1
    one.write(mine.id, mine.epoch, succeed(mine.nodes["a"], "same"))
    assert two.write(theirs.id, theirs.epoch, start(theirs.nodes["b"], "same")).busy == set()


def test_a_dead_runners_node_blocks_nobody(store):
    dead, alive = elsewhere(Ledger(store, lease_s=0.0)), Ledger(store, lease_s=60)
    theirs, mine = dead.claim(store.create("toy", GRAPH)), alive.claim(store.create("toy", GRAPH))
    dead.write(theirs.id, theirs.epoch, start(theirs.nodes["a"], "same"))
    assert alive.write(mine.id, mine.epoch, start(mine.nodes["a"], "same")).busy == set()


def test_jobs_are_offered_by_priority_then_by_age(store):
    old, new = store.create("toy", GRAPH), store.create("toy", GRAPH)
    urgent = store.create("toy", GRAPH, priority=5)
    assert offered(Ledger(store, lease_s=5)) == [urgent, old, new]


def test_a_failed_job_is_opened_again_with_its_finished_nodes(store):
    ledger = Ledger(store, lease_s=60)
    job = ledger.claim(store.create("toy", GRAPH))
    turn = succeed(job.nodes["a"], "k")
    turn.change(replace(job.nodes["b"], state="failed", error={"message": "no"}), {})
    turn.end("failed", error={"message": "no"}, lease_until=0.0)
    ledger.write(job.id, job.epoch, turn)
    store.reopen(job.id)
    found = store.get(job.id)
    assert (found.state, found.error) == ("queued", None)
    assert {name: run.state for name, run in found.nodes.items()} == {"a": "succeeded", "b": "pending"}
    assert [event.kind for event in store.events(job.id)][-1] == "job.queued"


def test_what_has_succeeded_is_neither_opened_nor_stopped(store):
    ledger = Ledger(store, lease_s=60)
    job = ledger.claim(store.create("toy", GRAPH))
    turn = Turn()
    turn.end("succeeded", outputs={})
    ledger.write(job.id, job.epoch, turn)
    with pytest.raises(InputError, match="has succeeded"):
        store.reopen(job.id)
    with pytest.raises(InputError, match="has ended"):
        store.ask(job.id, "cancel")


@pytest.mark.parametrize("name", ["a half of a pair: \ud800", "x" * 300 + "\x00"])
def test_a_job_that_the_database_does_not_take_is_refused_and_the_next_one_is_stored(store, name):
    ledger = Ledger(store, lease_s=5)
    if "\x00" in name and store.engine.dialect.name == "sqlite":
        assert ledger.enter(name, GRAPH, priority=0, profile=None).name == name  # it takes any text
    else:
        with pytest.raises(InputError) as refused:
            ledger.enter(name, GRAPH, priority=0, profile=None)
        assert refused.value.code == "bad_text"
    entered = ledger.enter("toy", GRAPH, priority=0, profile=None)
    assert store.get(entered.id) == ledger.read(entered.id) == entered
    assert offered(ledger) == []
