"""What the service says of itself: capabilities, health, metrics, and the names of the first design."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spinbot.graphs.templates import TEMPLATES
from tests.api import SUM, Api, ended, serving, submit
from tests.lab import link


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


DOUBLE = {
    "nodes": {
        "a": {"type": "toy_number", "params": {"value": 21}},
        "b": {"type": "toy_double", "inputs": {"number": link("a")}},
    },
    "outputs": {"b": link("b")},
}


def test_capabilities_name_what_can_be_asked_for_and_what_runs(client):
    ended(client, submit(client, DOUBLE))
    found = client.get("/v1/capabilities").json()
    assert {entry["name"] for entry in found["templates"]} == set(TEMPLATES)
    assert "toy_add" in {node["type"] for node in found["nodes"]}
    assert found["slots"]["tts"]["default"] == "kokoro"
    assert found["silent"] == []
    host = next(said for said in found["hosts"].values() if said["group"] == "language")
    assert set(host) == {"group", "busy", "pid", "machine", "cpus", "memory_bytes", "engines", "cuda", "node", "system"}
    assert host["engines"].keys() == {"script/tests.toys:ToyEngine"}
    assert client.get("/api/capabilities").json()["groups"] == found["groups"]


def test_capabilities_answer_and_name_what_does_not(api, client):
    hosts = api.backend.hosts

    async def silent() -> dict[str, dict[str, Any]]:
        await asyncio.sleep(3600)
        return {}

    try:
        api.backend.hosts = silent
        answer = client.get("/v1/capabilities")
    finally:
        api.backend.hosts = hosts
    assert answer.json()["silent"] == ["hosts"]
    assert "talking_portrait" in answer.text


def test_node_types_and_templates_come_with_their_schema(client):
    nodes = {node["type"]: node for node in client.get("/v1/node-types").json()["data"]}
    assert nodes["speak"]["params"]["speed"]["maximum"] == 2
    templates = {entry["name"]: entry for entry in client.get("/v1/templates").json()["data"]}
    assert templates["scenes"]["parameters"]["properties"]["scenes"]["minItems"] == 2


def test_the_service_is_ready_until_its_database_is_gone(tmp_path):
    with serving(tmp_path) as api, api.client() as client:
        assert client.get("/health/live").json() == {"status": "ok"}
        assert client.get("/health/ready").json() == {"ready": True, "reasons": {}}
        for file in tmp_path.glob("spinbot.db*"):
            file.unlink()
        (tmp_path / "spinbot.db").write_bytes(b"not a database" * 100)
        api.backend.engine.dispose()
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert "database" in answer.json()["reasons"]
        assert client.get("/health/live").status_code == 200
        stored = client.get("/v1/jobs")
        assert (stored.status_code, stored.json()["code"]) == (503, "database_unavailable")
        assert stored.headers["Retry-After"]


def test_metrics_count_what_happened(client):
    ended(client, submit(client, SUM))
    ended(client, submit(client, SUM))
    lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#"))
    assert float(lines['spinbot_jobs_total{outcome="succeeded"}']) >= 2
    assert float(lines["spinbot_cache_hits_total"]) >= 3
    assert float(lines['spinbot_node_seconds_count{engine="none",outcome="succeeded",type="toy_add"}']) >= 1
    assert float(lines["spinbot_queue_wait_seconds_count"]) >= 2
    assert float(lines['spinbot_http_request_seconds_count{method="POST",route="/v1/jobs",status="202"}']) >= 2
    assert float(lines['spinbot_stored_jobs{state="succeeded"}']) >= 2
    assert not [name for name in lines if not name.startswith("spinbot_")]


def test_metrics_tell_the_memory_of_each_gpu_once(api, client):
    hosts = api.backend.hosts
    gpu = {"name": "toy", "memory_bytes": 24 << 30, "free_bytes": 20 << 30}

    async def two_hosts_of_one_machine() -> dict[str, dict[str, Any]]:
        said = {"machine": "studio", "cuda": [gpu], "engines": {}}
        return {"vision-1": said, "language-1": said}

    try:
        api.backend.hosts = two_hosts_of_one_machine
        text = client.get("/metrics").text
    finally:
        api.backend.hosts = hosts
    told = [line for line in text.splitlines() if line.startswith("spinbot_gpu_memory_used_bytes{")]
    assert [line.rsplit(" ", 1)[0] for line in told] == ['spinbot_gpu_memory_used_bytes{gpu="0",machine="studio"}']
    assert float(told[0].rsplit(" ", 1)[1]) == 4 << 30


def test_metrics_have_no_label_that_grows_with_the_jobs(client):
    jobs = [submit(client, SUM) for _ in range(3)]
    for job in jobs:
        ended(client, job)
    text = client.get("/metrics").text
    assert not [job for job in jobs if job in text]


def test_a_misspelt_query_parameter_is_refused(client):
    answer = client.get("/v1/jobs?stauts=failed")
    assert (answer.status_code, answer.json()["hint"]) == (422, "did you mean 'status'?")


def test_a_video_is_begun_by_its_old_name(tmp_path):
    with serving(tmp_path) as api, api.client() as client:
        client.post("/v1/queue/pause")
        answer = client.post("/api/generate", json={"prompt": "how bees fly"})
        assert answer.status_code == 202
        job = answer.json()["jobId"]
        assert answer.headers["Location"] == f"/api/status/{job}"
        assert client.get(f"/api/status/{job}").json()["status"] == "pending"
        assert client.get(f"/v1/jobs/{job}").json()["name"] == "talking_portrait"
