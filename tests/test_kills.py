"""`kill -9` of every kind of process at seeded random moments: every job ends as it should, and nothing is lost.

Each kind is killed in so many rounds: `SPINBOT_KILL_ROUNDS` with toy jobs (1) and `SPINBOT_KILL_VIDEO_ROUNDS` with the
real video job (1); `make kills` takes 20 and 3.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spinbot.graphs.films import TalkingPortrait
from spinbot.media.portraits import path as shipped_portrait
from spinbot.store.artifacts import LocalArtifacts
from tests.kills import Head, Site, at_a_random_moment, judge, kill, toy_graph

pytestmark = [pytest.mark.ray, pytest.mark.timeout(7200)]


def video_graph(site: Site, name: str) -> dict[str, Any]:
    portrait = LocalArtifacts(site.settings.artifacts_dir).put_bytes(shipped_portrait("demo").read_bytes())
    return TalkingPortrait(script=f"This is {name}. The harbor was quiet.", portrait=portrait).graph()


@dataclass(frozen=True)
class Work:
    """What runs while processes are killed: how many jobs and rounds, and how long all of it takes, about."""

    plugins: list[str]
    graph: Callable[[Site, str], dict[str, Any]]
    jobs: int
    rounds: int
    seconds: float

    def submit(self, site: Site, round_: int) -> list[str]:
        """Jobs that ask for different things, so that no result of an earlier round answers them."""
        named = [f"round {round_} number {n}" for n in range(self.jobs)]
        return [site.jobs.create(name, self.graph(site, name)) for name in named]


TOYS = Work(
    ["tests.toy_work"],
    lambda site, name: toy_graph(name, site.diary),
    jobs=3,
    rounds=int(os.environ.get("SPINBOT_KILL_ROUNDS", "1")),
    seconds=3,
)
VIDEO = Work([], video_graph, jobs=1, rounds=int(os.environ.get("SPINBOT_KILL_VIDEO_ROUNDS", "1")), seconds=12)


@pytest.fixture(params=["toys", pytest.param("video", marks=pytest.mark.models)])
def work(request: pytest.FixtureRequest) -> Work:
    return {"toys": TOYS, "video": VIDEO}[request.param]


@pytest.fixture
def site(work: Work, models: Callable[[str], Path]) -> Iterator[Site]:
    site = Site(work.plugins, models("kokoro-82m-int8").parent if work is VIDEO else None)
    yield site
    site.close()


@pytest.fixture
def cluster(site: Site, request: pytest.FixtureRequest) -> Iterator[Head]:
    head = Head(site, **getattr(request, "param", {}))
    yield head
    head.close()


def warm_up(site: Site, work: Work, round_: int = 0) -> None:
    """Let jobs run, so that every host has started."""
    jobs = work.submit(site, round_)
    site.ask("wake")
    site.wait_for(jobs)
    judge(site, jobs)


def living(site: Site, which: str) -> list[int]:
    """Pids of a service, or of the hosts of a group."""
    pids = site.ask("pids")
    return sorted(pid for name, pid in pids.items() if name.startswith((f"{which}-", "host/")) and which in name)


def test_the_driver_of_a_private_ray(site, work):
    moments = random.Random(1)
    for round_ in range(1, work.rounds + 1):
        jobs = work.submit(site, round_)
        first = site.driver("embedded")
        assert first.stdout
        first.stdout.readline()  # Ray is being started now: that takes some 4 s of what follows
        at_a_random_moment(moments, 6 + work.seconds, first.kill)
        first.communicate()
        second = site.driver("embedded")
        assert second.wait(timeout=150) == 0
        second.communicate()
        judge(site, jobs)


SERVICES = ["runner", "hub", "depot"]
HOSTS = {"toys": ["language", "media"], "video": ["speech", "vision", "media"]}
KINDS = [(kind, which) for kind, hosts in HOSTS.items() for which in [*SERVICES, *hosts]]


@pytest.mark.parametrize(("work", "which"), KINDS, indirect=["work"], ids=[f"{k}-{w}" for k, w in KINDS])
def test_an_actor(site, work, cluster, which):
    moments = random.Random(which)
    warm_up(site, work)
    for round_ in range(1, work.rounds + 1):
        targets = living(site, which)
        if not targets:  # it was killed when the last jobs had no more use for it, and nobody has needed one since
            warm_up(site, work, -round_)
            targets = living(site, which)
        jobs = work.submit(site, round_)  # the service looks for queued jobs by itself
        at_a_random_moment(moments, work.seconds, lambda targets=targets: kill(moments.choice(targets)))
        site.wait_for(jobs)
        judge(site, jobs)


@pytest.mark.parametrize("cluster", [{"second": True}], indirect=True, ids=["second-node"])
def test_the_raylet_of_a_node(site, work, cluster):
    moments = random.Random("raylet")
    warm_up(site, work)
    for round_ in range(1, work.rounds + 1):
        jobs = work.submit(site, round_)
        at_a_random_moment(moments, work.seconds, lambda: kill(cluster.raylets()[1]))
        site.wait_for(jobs)
        judge(site, jobs)
        cluster.add_node()


def rise_with_the_database(site: Site, head: Head) -> None:
    """The services' actors are gone with the head's memory: somebody must ask for them again."""
    head.start()
    site.ask("wake")


def rise_by_itself(site: Site, head: Head) -> None:
    """RocksDB remembers the detached actors: nobody needs to ask."""
    head.start()


@pytest.mark.parametrize(
    ("cluster", "rise"),
    [({"rocksdb": False}, rise_with_the_database), ({"rocksdb": True}, rise_by_itself)],
    indirect=["cluster"],
    ids=["default", "rocksdb"],
)
def test_the_whole_head(site, work, cluster, rise: Callable[[Site, Head], None]):
    moments = random.Random("head")
    warm_up(site, work)
    for round_ in range(1, work.rounds + 1):
        jobs = work.submit(site, round_)
        at_a_random_moment(moments, work.seconds, cluster.kill_all)
        rise(site, cluster)
        site.wait_for(jobs)
        judge(site, jobs)
