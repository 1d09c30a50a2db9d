"""`kill -9` of every kind of process at seeded random moments: every job ends as it should, and nothing is lost.

`SPINBOT_KILL_ROUNDS` says how often each kind is killed (2; `make kills` takes 20).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import pytest

from tests.kills import Head, Site, at_a_random_moment, judge, kill, toy_graph

pytestmark = [pytest.mark.ray, pytest.mark.timeout(3600)]

ROUNDS = int(os.environ.get("SPINBOT_KILL_ROUNDS", "2"))
JOBS = 3


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(["tests.toys"])
    yield site
    site.close()


@pytest.fixture
def cluster(site: Site, request: pytest.FixtureRequest) -> Iterator[Head]:
    head = Head(site, **getattr(request, "param", {}))
    yield head
    head.close()


def submit(site: Site, round_: int) -> list[str]:
    """Jobs that ask for different things, so that no result of an earlier round answers them."""
    named = [f"round{round_}-{n}" for n in range(JOBS)]
    return [site.jobs.create(name, toy_graph(name, site.diary)) for name in named]


def warm_up(site: Site) -> dict[str, int]:
    """Let one job run, so that every host has started, and answer the pids."""
    jobs = submit(site, 0)
    site.ask("wake")
    site.wait_for(jobs)
    judge(site, jobs)
    found: dict[str, int] = site.ask("pids")
    return found


def test_the_driver_of_a_private_ray(site):
    moments = random.Random(1)
    for round_ in range(1, ROUNDS + 1):
        jobs = submit(site, round_)
        first = site.driver("embedded")
        assert first.stdout
        first.stdout.readline()  # Ray is being started now: that takes some 4 s of what follows
        at_a_random_moment(moments, 9.0, first.kill)
        first.communicate()
        second = site.driver("embedded")
        assert second.wait(timeout=150) == 0
        second.communicate()
        judge(site, jobs)


@pytest.mark.parametrize("which", ["runner", "hub", "depot", "language", "media"])
def test_an_actor(site, cluster, which):
    moments = random.Random(which)
    warm_up(site)
    for round_ in range(1, ROUNDS + 1):
        pids = site.ask("pids")
        targets = sorted(pid for name, pid in pids.items() if name.startswith((f"{which}-", "host/")) and which in name)
        jobs = submit(site, round_)  # the service looks for queued jobs by itself
        at_a_random_moment(moments, 3.0, lambda targets=targets: kill(moments.choice(targets)))
        site.wait_for(jobs)
        judge(site, jobs)


@pytest.mark.parametrize("cluster", [{"second": True}], indirect=True)
def test_the_raylet_of_a_node(site, cluster):
    moments = random.Random("raylet")
    warm_up(site)
    for round_ in range(1, ROUNDS + 1):
        jobs = submit(site, round_)
        at_a_random_moment(moments, 3.0, lambda: kill(cluster.raylets()[1]))
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
def test_the_whole_head(site, cluster, rise: Callable[[Site, Head], None]):
    moments = random.Random("head")
    warm_up(site)
    for round_ in range(1, ROUNDS + 1):
        jobs = submit(site, round_)
        at_a_random_moment(moments, 3.0, cluster.kill_all)
        rise(site, cluster)
        site.wait_for(jobs)
        judge(site, jobs)
