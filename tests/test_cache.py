"""The cache can be shrunk at any time: what jobs need stays, what goes is made again when it is asked for."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.actors.host import CallContext
from spinbot.cli.cache import parse_age, parse_size, size
from spinbot.errors import InputError
from spinbot.graphs.node import Node, Ports, node
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import Job, JobStore
from spinbot.store.ledger import Ledger, Turn
from spinbot.store.prune import GRACE_S, Cache
from tests.lab import Lab, link
from tests.test_cli import refused
from tests.test_jobs_cli import spinbot
from tests.toys import Text

HOURS = 3600.0


@node("cache_join")
class Join(Node):
    """Read the artifact that a text names, and make one with something added."""

    text: Text
    more: str

    class Outputs(Ports):
        """A text that names the new artifact."""

        text: Text

    def run(self, context: CallContext) -> Outputs:
        content = context.artifacts.path(self.text.text).read_bytes()
        return self.Outputs(text=Text(text=context.artifacts.put_bytes(content + self.more.encode())))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


def graph(first: str, more: str) -> dict[str, Any]:
    """An intermediate file and a final one made of it."""
    nodes = {
        "first": {"type": "toy_file", "params": {"content": first}},
        "last": {"type": "cache_join", "params": {"more": more}, "inputs": {"text": link("first", "text")}},
    }
    return {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": {"text": link("last", "text")}}


def run(lab: Lab, first: str, more: str) -> Job:
    (job,) = lab.wait(lab.runner.run(lab.runner.submit(graph(first, more))))
    assert job.state == "succeeded", job.error
    return job


def file_of(job: Job, name: str) -> str:
    return job.nodes[name].outputs["text"]["text"]


def age(lab: Lab, *artifacts: str, hours: float = 2) -> None:
    """As if these, or all, had been put that long ago."""
    then = time.time() - hours * HOURS
    for artifact in artifacts or [name for name, _, _ in lab.artifacts.stored()]:
        os.utime(lab.artifacts.path(artifact), (then, then))


def test_finished_jobs_keep_their_files_and_the_rest_is_made_again(lab):
    job = run(lab, "one", "!")
    age(lab)
    pruned = Cache(lab.jobs, lab.artifacts).prune(max_bytes=0)
    assert (pruned.artifacts, pruned.bytes) == (1, len("one"))
    assert file_of(job, "first") not in lab.artifacts
    assert lab.artifacts.path(file_of(job, "last")).read_bytes() == b"one!"
    again = run(lab, "one", "?")
    assert again.nodes["first"].state == "succeeded"
    assert lab.artifacts.path(file_of(again, "last")).read_bytes() == b"one?"


def test_a_deleted_job_keeps_nothing(lab):
    job = run(lab, "one", "!")
    age(lab)
    lab.jobs.delete(job.id)
    assert Cache(lab.jobs, lab.artifacts).prune().artifacts == 0  # still in the cache
    assert Cache(lab.jobs, lab.artifacts).prune(max_bytes=0).artifacts == 2
    assert list(lab.artifacts.stored()) == []


def test_what_a_node_has_shown_stays_with_its_job_and_goes_with_it(lab):
    job = lab.run({"show": {"type": "toy_show"}})
    shown = [event.data["artifact"] for event in lab.jobs.events(job.id) if event.kind == "node.preview"]
    age(lab)
    cache = Cache(lab.jobs, lab.artifacts)
    assert (job.state, cache.usage().needed, cache.prune(max_bytes=0).artifacts) == ("succeeded", 2, 0)
    assert all(artifact in lab.artifacts for artifact in shown)
    lab.jobs.delete(job.id)
    assert cache.prune().artifacts == 2


@pytest.mark.parametrize("state", ["queued", "running", "paused", "failed", "cancelled"])
def test_all_that_an_unfinished_job_has_stays(lab, state):
    """Its inputs, what its nodes made, and what they saved of their way; so it can go on."""
    made, saved, given = (lab.artifacts.put_bytes(text) for text in (b"made", b"saved", b"given"))
    nodes = {"a": {"type": "toy_number"}, "b": {"type": "load_image", "params": {"artifact": given}}}
    ledger = Ledger(lab.jobs, lease_s=60)
    job = ledger.claim(lab.jobs.create("half done", {"nodes": nodes, "outputs": {}}))
    turn = Turn()
    a, b = job.nodes.values()
    a.state, a.outputs, a.key = "succeeded", {"text": {"text": made}}, "key of a"
    b.state, b.checkpoint = "running", {"parts": [saved]}
    for node_run in (a, b):
        turn.change(node_run, {})
    turn.end(state)
    ledger.write(job.id, job.epoch, turn)
    age(lab)
    pruned = Cache(lab.jobs, lab.artifacts).prune(max_bytes=0, older_than_s=0)
    assert (pruned.artifacts, pruned.results) == (0, 1)
    assert all(artifact in lab.artifacts for artifact in (made, saved, given))


def test_the_least_recently_used_goes_first_and_only_as_much_as_must(lab):
    jobs = [run(lab, name * 1000, "") for name in "abc"]
    taken = run(lab, "a" * 1000, "again")  # so the first is not the oldest any more
    for job in (*jobs, taken):
        lab.jobs.delete(job.id)
    age(lab)
    before = sum(length for _, length, _ in lab.artifacts.stored())
    Cache(lab.jobs, lab.artifacts).prune(max_bytes=before - 1)
    assert file_of(jobs[1], "first") not in lab.artifacts
    assert all(file_of(job, "first") in lab.artifacts for job in (jobs[0], jobs[2]))


def test_what_was_not_used_for_long_goes(lab):
    job = run(lab, "old", "!")
    lab.jobs.delete(job.id)
    age(lab)
    assert Cache(lab.jobs, lab.artifacts).prune(older_than_s=HOURS).results == 0
    assert Cache(lab.jobs, lab.artifacts).prune(older_than_s=0).results == 2


def test_what_was_just_put_stays_whatever_the_limit(lab):
    """A node that runs has put its file, and its answer is not stored yet."""
    fresh, left = lab.artifacts.put_bytes(b"fresh"), lab.artifacts.put_bytes(b"left by a crash")
    age(lab, left)
    pruned = Cache(lab.jobs, lab.artifacts).prune(max_bytes=0)
    assert (pruned.artifacts, pruned.young_bytes) == (1, len(b"fresh"))
    assert (fresh in lab.artifacts, left in lab.artifacts) == (True, False)
    age(lab, fresh)
    lab.artifacts.put_bytes(b"fresh")  # once more: it counts from now
    assert Cache(lab.jobs, lab.artifacts).prune(max_bytes=0).artifacts == 0


def test_files_left_half_written_go_after_the_grace(lab):
    lab.artifacts.put_bytes(b"x")
    names = [".incoming-abc", ".upload-abc", ".incoming-new"]
    for name in names:
        (lab.artifacts.root / name).touch()
    long_ago = time.time() - GRACE_S - 1
    for name in names[:2]:
        os.utime(lab.artifacts.root / name, (long_ago, long_ago))
    assert Cache(lab.jobs, lab.artifacts).prune(dry_run=True).temporary == 2
    assert Cache(lab.jobs, lab.artifacts).prune().temporary == 2
    assert [path.name for path in lab.artifacts.root.glob(".*")] == [".incoming-new"]


class Rare:
    """Names that come again only after so many seconds, however fast they are asked for: they are gone meanwhile."""

    def __init__(self, *, after_s: float) -> None:
        self._after_s = after_s
        self._given: deque[tuple[str, float]] = deque()
        self._number = 0

    def name(self) -> str:
        now = time.monotonic()
        if self._given and now - self._given[0][1] > self._after_s:
            name, _ = self._given.popleft()
        else:
            name, self._number = f"rare {self._number}", self._number + 1
        self._given.append((name, now))
        return name


def test_pruning_while_jobs_run_harms_none(tmp_path, database_url):
    """Jobs take intermediates from the cache and read them, while the same are pruned again and again."""
    lab = Lab(tmp_path / "home", "local", database_url=database_url)
    enough = threading.Event()
    ended: list[Job] = []

    async def work() -> None:
        rare = Rare(after_s=5)
        number = 0
        while not enough.is_set():
            names = [f"frequent {n % 5}" if n % 2 else rare.name() for n in range(number, number + 6)]
            number += len(names)
            batch = [graph(name, f" of {number} {place}") for place, name in enumerate(names)]
            ended.extend(await asyncio.gather(*(lab.runner.run(lab.runner.submit(one)) for one in batch)))

    def run_jobs() -> None:
        lab.loop.run_until_complete(work())

    engine = connect(lab.settings.database)
    cache = Cache(JobStore(engine), LocalArtifacts(lab.settings.artifacts_dir), grace_s=1)
    working = threading.Thread(target=run_jobs)
    working.start()
    removed = 0
    try:
        while removed < 50:
            removed += cache.prune(max_bytes=0).artifacts
    finally:
        enough.set()
        working.join()
        engine.dispose()
        lab.close()
    assert {job.state for job in ended} == {"succeeded"}, [job.error for job in ended if job.error]
    assert all(file_of(job, "last") in lab.artifacts for job in ended)
    assert {job.nodes["first"].state for job in ended} == {"cached", "succeeded"}


def test_the_command_says_what_it_would_remove_and_removes_it(lab):
    run(lab, "x" * 2000, "!")
    age(lab)
    usage = json.loads(spinbot(lab, "cache", "stats", "--json").stdout)
    assert (usage["artifacts"], usage["needed"], usage["cached"], usage["cached_bytes"]) == (2, 1, 1, 2000)
    assert "cache, can be made again: 1 files, 2.0 KB" in spinbot(lab, "cache", "stats").stdout
    assert "would remove 1 results, 1 files, 2.0 KB" in (
        spinbot(lab, "cache", "prune", "--max-size", "0", "--dry-run").stdout
    )
    assert json.loads(spinbot(lab, "cache", "prune", "--max-size", "0", "--json").stdout)["bytes"] == 2000
    assert len(list(lab.artifacts.stored())) == 1
    refused(spinbot(lab, "cache", "prune", "--max-size", "big"), 2, "'big' is not a size", "10GB")
    refused(spinbot(lab, "cache", "prune", "--older-than", "long"), 2, "'long' is not a length of time", "30d")


def test_sizes_and_ages_are_written_as_people_do():
    assert [parse_size(text) for text in ("0", "500MB", "1.5 gb", "10g", "7B")] == [0, 5 * 10**8, 15 * 10**8, 10**10, 7]
    assert [parse_age(text) for text in ("90s", "12h", "30d", "2w")] == [90, 43200, 30 * 86400, 14 * 86400]
    assert [size(count) for count in (0, 999, 1500, 2 * 10**9)] == ["0 B", "999 B", "1.5 KB", "2.0 GB"]
    with pytest.raises(InputError):
        parse_size("-1GB")
