"""Forty jobs while every 3 s something dies: the service on Postgres and S3, and everything it needs is killed in turn.

`SPINBOT_CHAOS_JOBS` says how many jobs there are (40).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect as connect_socket

from benchmarks.service import Service
from spinbot.config import Settings
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.copies import Copies
from spinbot.store.database import connect
from spinbot.store.jobs import ENDED, JobStore
from spinbot.store.s3 import S3Artifacts
from tests import toys
from tests.kills import begun, judge_jobs, toy_graph
from tests.postgres import Postgres
from tests.s3 import S3Server

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]

JOBS = int(os.environ.get("SPINBOT_CHAOS_JOBS", "40"))
EVERY_S = 3.0
S3_AWAY_S = 10.0
PATIENCE_S = 600.0
TOYS = {
    "SPINBOT_PLUGINS": '["tests.toy_work"]',
    "SPINBOT_ENGINES": json.dumps({"script": toys.TOY, "asr": toys.BROKEN}),
    "SPINBOT_HOSTS": json.dumps(
        {"language": {"slots": ["script", "asr"]}, "media": {"processes": 2}, "speech": None, "vision": None}
    ),
    "SPINBOT_LEASE_S": "3",
    "SPINBOT_API__RATE": "1000",
}


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ch", dir="/tmp") as folder:
        yield Path(folder)


def wait_for(store: JobStore, jobs: list[str], meanwhile: Callable[[], None] = lambda: None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(store.summary(job).state not in ENDED for job in jobs):
        left = {job: store.summary(job).state for job in jobs if store.summary(job).state not in ENDED}
        assert time.monotonic() < deadline, f"have not ended: {left}"
        meanwhile()
        threading.Event().wait(0.2)


class Chaos:
    """Every 3 s something dies, by a seeded choice."""

    def __init__(self, service: Service, postgres: Postgres, s3: S3Server) -> None:
        self._service = service
        self._choices = random.Random("chaos")
        self._next = time.monotonic() + EVERY_S
        self._s3, self._s3_back = s3, 0.0
        titles = (
            "ray::ServeReplica:spinbot:api",
            "ray::ServeReplica:spinbot:planner",
            "ray::RunnerService",
            "ray::Hub",
            "ray::HostActor",
            "ray::HostActor",
        )
        self._deeds = [lambda title=title: self._kill(title) for title in titles]
        self._deeds += [postgres.restart, self._take_s3_away]
        self.done: list[str] = []

    def __call__(self) -> None:
        now = time.monotonic()
        if self._s3_back and now >= self._s3_back:
            self._s3.thaw()
            self._s3_back = 0.0
        if now >= self._next:
            self._next = now + EVERY_S
            self._choices.choice(self._deeds)()

    def end(self) -> None:
        if self._s3_back:
            self._s3.thaw()

    def _kill(self, title: str) -> None:
        found = self._service.processes(title)
        if found:  # none: it is just being started again
            self.done.append(title)
            try:
                self._choices.choice(sorted(found, key=lambda process: process.pid)).kill()
            except psutil.NoSuchProcess:
                return

    def _take_s3_away(self) -> None:
        if not self._s3_back:
            self.done.append("s3")
            self._s3.freeze()
            self._s3_back = time.monotonic() + S3_AWAY_S


def test_forty_jobs_end_well_whatever_dies(home, postgres, monkeypatch):
    s3 = S3Server()
    s3.start()
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    url, bucket = postgres.database(), s3.bucket("chaos")
    service = Service(home, SPINBOT_DATABASE_URL=url, SPINBOT_ARTIFACTS_URL=bucket, **TOYS)
    diary = home / "diary"
    engine = connect(url)
    store = JobStore(engine)
    try:
        service.start()
        jobs = [service.submit(toy_graph(f"chaos {n}", diary)) for n in range(JOBS)]
        chaos = Chaos(service, postgres, s3)

        def strike() -> None:
            chaos()

        wait_for(store, jobs, strike)
        chaos.end()
        assert len(chaos.done) >= 3, "nothing was killed"
        judge_jobs(store, S3Artifacts(bucket, Copies(home / "read", 10**9)), begun(diary), jobs)
    finally:
        service.stop()
        engine.dispose()
        s3.stop()


async def events_past_the_proxy(service: Service, job: str) -> list[tuple[int, str]]:
    """All events of an ended job, from the socket that the service names."""
    address = httpx.get(f"{service.url}/v1/events").json()["url"]
    assert address.startswith("ws://127.0.0.1:")
    assert str(service.port) not in address
    told: list[tuple[int, str]] = []
    async with connect_socket(address) as socket:
        await socket.send(json.dumps({"action": "subscribe", "job": job}))
        while not told or told[-1][1] != "job.succeeded":
            said = json.loads(await asyncio.wait_for(socket.recv(), 30))
            told += [(said["seq"], said["kind"])] if "seq" in said else []
    return told


def test_the_whole_service_is_killed_and_started_again(home):
    service = Service(home, **TOYS)
    diary = home / "diary"
    engine = connect(Settings(home=home).database)
    store = JobStore(engine)
    moments = random.Random("service")
    try:
        service.start()
        jobs = [service.submit(toy_graph(f"killed {n}", diary)) for n in range(12)]
        for _ in range(2):
            threading.Event().wait(moments.uniform(1.0, 4.0))
            service.kill()
            service.start()
        wait_for(store, jobs)
        judge_jobs(store, LocalArtifacts(home / "artifacts"), begun(diary), jobs)
        told = asyncio.run(events_past_the_proxy(service, jobs[0]))
        assert told == [(event.seq, event.kind) for event in store.events(jobs[0])]
        asked = httpx.post(f"{service.url}/v1/plan", json={"prompt": "how bees make honey"}, timeout=60)
        # The planner answers again, too: that a plan cannot run here, where no host serves the slots of a video.
        assert (asked.status_code, asked.json()["code"]) == (422, "bad_plan"), asked.text
    finally:
        service.stop()
        engine.dispose()
