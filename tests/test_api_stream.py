"""All of the caller's jobs live: over HTTP, and by the client over a network that loses connections."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.service import Service
from spinbot.client import AsyncClient, Client, Event
from spinbot.errors import SpinbotError
from tests.api import SUM, Api, ended, gate, serving, submit
from tests.cutting import CuttingProxy


@pytest.fixture
def api(tmp_path) -> Iterator[Api]:
    with serving(tmp_path / "home", require_keys="on") as running:
        yield running


class Listener:
    """A connection to the stream, and its messages: events, and "doubt"."""

    def __init__(self, client: httpx.Client) -> None:
        self._messages: queue.Queue[Any] = queue.Queue()
        self._client = client
        self._answer: httpx.Response | None = None
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self.next() == "doubt"

    def _read(self) -> None:
        try:
            with self._client.stream("GET", "/v1/stream") as self._answer:
                assert self._answer.headers["content-type"].startswith("text/event-stream")
                doubt = False
                for line in self._answer.iter_lines():
                    if line == "event: doubt":
                        doubt = True
                    elif line.startswith("data: "):
                        self._messages.put("doubt" if doubt else json.loads(line[6:]))
                        doubt = False
        except httpx.HTTPError:  # the test has closed it
            pass

    def next(self) -> Any:
        return self._messages.get(timeout=10)

    def kinds(self, until: str) -> list[str]:
        """What comes, to the event of that kind, or to the next doubt."""
        found: list[str] = []
        while not found or found[-1] != until:
            said = self.next()
            found.append(said if said == "doubt" else said["kind"])
        return found

    def close(self) -> None:
        assert self._answer is not None
        self._answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join()


@pytest.fixture
def anna(api: Api) -> Iterator[httpx.Client]:
    with api.client(api.keys.create("anna")[1]) as client:
        yield client


@pytest.fixture
def listener(anna: httpx.Client) -> Iterator[Listener]:
    listener = Listener(anna)
    yield listener
    listener.close()


def test_every_event_of_every_job_of_the_caller_is_heard(api, anna, listener):
    with api.client(api.keys.create("ben")[1]) as ben:
        others = submit(ben, SUM)
        ended(ben, others)
    jobs = [submit(anna, SUM) for _ in range(2)]
    stored = {job: ended(anna, job)["events"] for job in jobs}
    heard: dict[str, list[int]] = {job: [] for job in jobs}
    while any(len(heard[job]) < stored[job] for job in jobs):
        said = listener.next()
        assert set(said) == {"job", "seq", "time", "kind", "node", "data"}
        heard[said["job"]].append(said["seq"])
    assert heard == {job: list(range(1, stored[job] + 1)) for job in jobs}


def test_what_changes_a_list_without_an_event_is_doubted_within_a_second(anna, listener, tmp_path):
    anna.post("/v1/jobs", json={"graph": gate(tmp_path / "gate")})
    assert listener.kinds("node.running")[0] == "job.queued"
    (job,) = anna.get("/v1/jobs").json()["data"]

    def doubted(method: str, path: str, body: Any = None) -> None:
        while not listener._messages.empty():  # progress of the gate
            listener._messages.get()
        asked = time.monotonic()
        assert anna.request(method, f"/v1/jobs/{job['id']}{path}", json=body).is_success
        assert "doubt" in listener.kinds("doubt")
        assert time.monotonic() - asked < 1

    doubted("POST", "/priority", {"priority": 7})
    doubted("POST", "/pause")
    (tmp_path / "gate").touch()
    assert ended(anna, job["id"])["state"] == "succeeded"
    assert listener.kinds("job.succeeded")
    doubted("PUT", "/review", {"verdict": "approved"})
    doubted("DELETE", "")


def test_a_retried_job_is_heard_of_at_once(anna, listener, tmp_path):
    job = submit(anna, gate(tmp_path / "gate"))
    anna.post(f"/v1/jobs/{job}/cancel")
    listener.kinds("job.cancelled")
    (tmp_path / "gate").touch()
    anna.post(f"/v1/jobs/{job}/retry")
    kinds = listener.kinds("job.succeeded")
    assert "job.queued" in kinds


def test_who_has_gone_is_forgotten(api, anna):
    one = Listener(anna)
    one.close()
    until = time.monotonic() + 10
    while api.backend.feed.watch.watchers and time.monotonic() < until:
        api.backend.runner.wake()
        anna.get("/health/live")
    assert api.backend.feed.watch.watchers == 0


def test_the_stream_wants_a_key(api):
    with api.client() as nobody:
        assert nobody.get("/v1/stream").status_code == 401


def test_the_client_watches_and_looks_anew_after_each_lost_connection(api, tmp_path):
    key = api.keys.create("anna")[1]
    cuts = (10, 900, 1400)
    proxy = CuttingProxy(api.address, cuts)
    try:
        with Client(api.url, key) as submitting, Client(proxy.url, key) as watching:
            news = watching.watch()
            assert next(news) is None
            heard: list[Event | None] = []
            while heard.count(None) < 2:
                submitting.submit(graph=SUM)
                heard.append(next(news))
            job = submitting.submit(graph=SUM).id
            while not heard or heard[-1] is None or (heard[-1].job, heard[-1].kind) != (job, "job.succeeded"):
                heard.append(next(news))
            assert proxy.connections > len(cuts)
    finally:
        proxy.stop()


def test_the_client_watches_in_an_event_loop(api):
    async def story() -> list[str]:
        async with AsyncClient(api.url, api.keys.create("anna")[1]) as client:
            news = client.watch()
            assert await anext(news) is None
            job = await client.submit(graph=SUM)
            heard = []
            async for event in news:
                assert event is not None
                heard.append(event.kind)
                if event.ends_job:
                    break
            await news.aclose()
            assert (await client.job(job.id)).state == "succeeded"
            return heard

    heard = asyncio.run(story())
    assert (heard[0], heard[-1]) == ("job.queued", "job.succeeded")


def test_the_client_says_when_it_may_not_watch(api):
    with Client(api.url, "sb_wrong") as client, pytest.raises(SpinbotError) as refused:
        next(client.watch())
    assert refused.value.code == "bad_key"


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_each_replica_of_the_service_tells_what_any_of_them_was_asked():
    with tempfile.TemporaryDirectory(prefix="st", dir="/tmp") as folder:  # Ray's sockets want a short path
        service = Service(Path(folder), SPINBOT_PLUGINS='["tests.toys"]')
        service.start("--replicas", "2")
        try:
            with httpx.Client(base_url=service.url, timeout=60) as client:
                listeners = [Listener(client) for _ in range(4)]
                client.post("/v1/queue/pause").raise_for_status()
                job = submit(client, SUM)
                for listener in listeners:
                    assert listener.kinds("job.queued")
                asked = time.monotonic()
                client.post(f"/v1/jobs/{job}/priority", json={"priority": 7}).raise_for_status()
                for listener in listeners:
                    assert listener.kinds("doubt")
                assert time.monotonic() - asked < 1
                client.post("/v1/queue/resume").raise_for_status()
                for listener in listeners:
                    assert listener.kinds("job.succeeded")
                    listener.close()
        finally:
            service.stop()
