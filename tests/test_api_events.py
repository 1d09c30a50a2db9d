"""Events of a job: by SSE, by long poll and over WebSockets. Nobody misses one, nobody gets one twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.api import SUM, Api, ended, gate, serving, stream, submit


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in events]


def test_a_stream_has_every_event_from_the_first_to_the_jobs_end(client):
    events = stream(client, submit(client, SUM))
    assert numbers(events) == list(range(1, len(events) + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("job.queued", "job.succeeded")


def test_a_stream_goes_on_behind_the_last_event_that_was_seen(client):
    job = submit(client, SUM)
    last = ended(client, job)["events"]
    assert numbers(stream(client, job, headers={"Last-Event-ID": "3"})) == list(range(4, last + 1))
    assert numbers(stream(client, job, params={"after": 4}, headers={"Last-Event-ID": "1"})) == list(range(5, last + 1))


def test_a_browser_is_told_that_there_is_nothing_left_to_come(client):
    job = submit(client, SUM)
    last = ended(client, job)["events"]
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(last)}).status_code == 204
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_a_long_poll_waits_for_what_comes_and_answers_json(client, tmp_path):
    job = submit(client, gate(tmp_path / "gate"))
    accept = {"Accept": "application/json"}
    first = client.get(f"/v1/jobs/{job}/events", headers=accept).json()
    assert (first["events"][0]["kind"], first["ended"]) == ("job.queued", False)
    (tmp_path / "gate").touch()
    seen = first["events"]
    while not (page := client.get(f"/v1/jobs/{job}/events?after={seen[-1]['seq']}&wait=30", headers=accept).json())[
        "ended"
    ]:
        seen += page["events"]
    seen += page["events"]
    assert numbers(seen) == list(range(1, page["last"] + 1))
    assert client.get(f"/v1/jobs/{job}/events?wait=61", headers=accept).status_code == 422


def test_one_socket_follows_several_jobs(api, client):
    jobs = [submit(client, SUM) for _ in range(3)]
    seen: dict[str, list[int]] = {job: [] for job in jobs}
    with api.socket() as socket:
        for job in jobs:
            socket.send(json.dumps({"action": "subscribe", "job": job}))
        open_jobs = set(jobs)
        while open_jobs:
            said = json.loads(socket.recv(timeout=30))
            if "kind" in said:
                assert set(said) == {"job", "seq", "time", "kind", "node", "data"}
                seen[said["job"]].append(said["seq"])
                if said["kind"] == "job.succeeded":
                    open_jobs.discard(said["job"])
            else:
                assert said["type"] == "subscribed"
    for job in jobs:
        assert seen[job] == list(range(1, len(seen[job]) + 1))


def test_where_no_proxy_is_there_is_no_way_past_it(client):
    assert client.get("/v1/events").json() == {"url": None}


def test_a_socket_goes_on_where_the_one_before_it_ended(api, client):
    job = submit(client, SUM)
    last = ended(client, job)["events"]
    with api.socket() as socket:
        socket.send(json.dumps({"action": "subscribe", "job": job, "after": last - 2}))
        said = [json.loads(socket.recv(timeout=30)) for _ in range(3)]
    assert numbers([message for message in said if "seq" in message]) == [last - 1, last]


def test_a_socket_says_what_is_wrong_and_stays_open(api, client, tmp_path):
    job = submit(client, gate(tmp_path / "gate"))
    with api.socket() as socket:
        for text, code in (
            ("nonsense", "bad_request_fields"),
            ('{"action": "dance", "job": "x"}', "bad_request_fields"),
            (json.dumps({"action": "subscribe", "job": "0" * 12}), "not_found"),
            ("x" * 5000, "bad_message"),
        ):
            socket.send(text)
            said = json.loads(socket.recv(timeout=30))
            assert (said["type"], said["error"]["code"]) == ("error", code)
        socket.send(json.dumps({"action": "subscribe", "job": job}))
        while json.loads(socket.recv(timeout=30)).get("kind") != "node.running":
            pass
        socket.send(json.dumps({"action": "unsubscribe", "job": job}))
        while json.loads(socket.recv(timeout=30)).get("type") != "unsubscribed":
            pass
    client.post(f"/v1/jobs/{job}/cancel")
    assert ended(client, job)["state"] == "cancelled"


def test_a_hundred_sockets_on_one_job_all_get_everything(api, client, tmp_path):
    job = submit(client, gate(tmp_path / "gate"))
    url = api.url.replace("http", "ws") + "/v1/events"

    async def follow(ready: asyncio.Semaphore) -> list[int]:
        async with connect(url, open_timeout=60) as socket:
            await socket.send(json.dumps({"action": "subscribe", "job": job}))
            seen = []
            while True:
                said = json.loads(await socket.recv())
                if "seq" in said:
                    seen.append(said["seq"])
                    if said["kind"] == "node.running":
                        ready.release()
                    if said["kind"] == "job.succeeded":
                        return seen

    async def all_of_them() -> list[list[int]]:
        ready = asyncio.Semaphore(0)
        followers = [asyncio.create_task(follow(ready)) for _ in range(100)]
        for _ in followers:
            await ready.acquire()
        (tmp_path / "gate").touch()
        return await asyncio.gather(*followers)

    seen = asyncio.run(all_of_them())
    last = ended(client, job)["events"]
    assert all(numbers == list(range(1, last + 1)) for numbers in seen)


def test_a_retried_job_goes_on_in_the_same_stream(api, client, tmp_path):
    job = submit(client, gate(tmp_path / "gate"))
    with api.socket() as socket:
        socket.send(json.dumps({"action": "subscribe", "job": job}))
        seen: list[dict[str, Any]] = []

        def until(kind: str) -> None:
            while not seen or seen[-1]["kind"] != kind:
                said = json.loads(socket.recv(timeout=30))
                if "seq" in said:
                    seen.append(said)

        until("node.running")
        client.post(f"/v1/jobs/{job}/cancel")
        until("job.cancelled")
        (tmp_path / "gate").touch()
        client.post(f"/v1/jobs/{job}/retry")
        until("job.succeeded")
    assert numbers(seen) == list(range(1, len(seen) + 1))


def test_the_first_designs_socket_tells_state_and_progress(api, client):
    job = submit(client, SUM)
    with api.socket("/ws") as socket:
        socket.send(json.dumps({"action": "subscribe", "jobId": job}))
        said = []
        while not said or said[-1].get("status") != "completed":
            said.append(json.loads(socket.recv(timeout=30)))
        socket.send(json.dumps({"action": "subscribe", "jobId": "nope"}))
        failed = json.loads(socket.recv(timeout=30))
    assert {"action": "response", "message": "subscribed", "jobId": job} in said
    updates = [message for message in said if message.get("type") == "update"]
    assert all(set(update) == {"type", "jobId", "status", "progress"} for update in updates)
    assert updates[-1]["progress"] == 1.0
    assert [update["progress"] for update in updates] == sorted(update["progress"] for update in updates)
    assert (failed["message"], failed["jobId"]) == ("failed", "nope")
    status = client.get(f"/api/status/{job}").json()
    assert (status["status"], status["progress"], status["outputs"]) == ("completed", 1.0, {"sum": {"value": 5}})


def test_a_page_of_another_origin_cannot_open_a_socket(api):
    for path in ("/v1/events", "/ws"):
        with pytest.raises(InvalidStatus) as refused:
            api.socket(path, origin="https://evil.example")
        assert refused.value.response.status_code == 403
