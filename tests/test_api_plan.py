"""Prompts over HTTP: what is understood, by whom it was chosen, what comes of it, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spinbot.config import Settings, starter_hosts
from spinbot.serve.backend import LocalBackend
from tests.api import PORTRAIT, Api, running, serving


@pytest.fixture(scope="module")
def toys(tmp_path_factory) -> Iterator[Api]:
    """Its script engine is no language model."""
    with serving(tmp_path_factory.mktemp("toys")) as api:
        yield api


@pytest.fixture(scope="module")
def real(tmp_path_factory, models) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("real")
    (home / "models").symlink_to(models("smollm2-135m-instruct").parent)
    with running(LocalBackend(Settings(home=home, hosts=starter_hosts()))) as api:
        yield api


def plan(api: Api, **work: Any) -> dict[str, Any]:
    with api.client() as client:
        answer = client.post("/v1/plan", json=work, timeout=120)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.models
def test_the_language_model_plans_on_its_host_and_nothing_is_stored(real):
    found = plan(real, prompt="make a 12 second vertical video about how bees make honey, with captions")
    assert found["plan"]["template"] == "talking_portrait"
    assert found["plan"]["params"]["seconds"] == 12
    assert "bees" in found["plan"]["params"]["topic"]
    assert found["plan"]["reasons"]["topic"]["by"] == "model"
    assert not [note for note in found["plan"]["notes"] if "language model" in note]
    assert "cached" not in {node["state"] for node in found["preview"]["nodes"]}
    with real.client() as client:
        assert client.get("/v1/jobs").json()["total"] == 0
        again = client.post("/v1/plan", json={"graph": found["graph"]})
    assert again.json()["graph"] == found["graph"]


@pytest.mark.models
def test_several_scenes_become_a_graph_of_several_segments(real):
    found = plan(real, prompt="three scenes: first a dragon greets us, then it sings, finally it sleeps")
    assert found["plan"]["template"] == "scenes"
    scenes = found["plan"]["params"]["scenes"]
    assert len(scenes) == 3
    types = [node["type"] for node in found["graph"]["nodes"].values()]
    assert types.count("write_script") == 3


def test_without_a_language_model_the_plan_says_so(toys):
    found = plan(toys, prompt="how bees make honey, 20 seconds")
    assert found["plan"]["params"]["seconds"] == 20
    assert "no language model was there to choose with" in found["plan"]["notes"]


def test_where_the_language_model_cannot_be_loaded_the_plan_says_why(tmp_path):
    with serving(tmp_path, engines={}) as api:  # the starter's engines, and no models
        found = plan(api, prompt="how bees make honey, 20 seconds")
    reasons = [note for note in found["plan"]["notes"] if note.startswith("the language model did not answer: ")]
    assert len(reasons) == 1
    assert "smollm2" in reasons[0]


def test_the_first_event_of_a_prompts_job_tells_its_plan(toys):
    with toys.client() as client:
        work = {"prompt": "say: Hello there, everybody."}
        job = submitted(client, work, "hello")
        events = client.get(f"/v1/jobs/{job}/events", headers={"Accept": "application/json"}).json()
        assert submitted(client, work, "hello") == job
        conflict = client.post("/v1/jobs", json={"prompt": "say: No."}, headers={"Idempotency-Key": "hello"})
    queued = events["events"][0]
    assert queued["kind"] == "job.queued"
    assert queued["data"]["plan"]["params"]["script"] == "Hello there, everybody."
    assert conflict.json()["code"] == "idempotency_conflict"


def submitted(client: httpx.Client, work: dict[str, Any], key: str) -> str:
    answer = client.post("/v1/jobs", json=work, headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["id"]
    return job


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ({"prompt": "  "}, "empty_prompt"),
        ({"prompt": "bees", "template": "voice_over"}, "bad_request_fields"),
        ({"prompt": "bees", "params": {"seconds": 9}}, "bad_request_fields"),
        ({"prompt": "bees", "params": {"portrait": 7}}, "bad_portrait"),
        ({"prompt": "bees", "params": {"portrait": f"sha256:{'0' * 64}"}}, "bad_portrait"),
        ({}, "bad_request_fields"),
    ],
)
def test_what_cannot_be_planned_is_refused_before_anything_is_stored(toys, work, code):
    with toys.client() as client:
        before = client.get("/v1/jobs").json()["total"]
        for route in ("/v1/plan", "/v1/jobs"):
            answer = client.post(route, json=work)
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert client.get("/v1/jobs").json()["total"] == before


def test_a_portrait_of_another_owner_is_not_there(tmp_path):
    with serving(tmp_path) as api:
        secrets = [api.keys.create(name)[1] for name in ("ada", "bob")]
        with api.client(secrets[0]) as client:
            portrait = client.post("/v1/uploads", files={"file": PORTRAIT.read_bytes() + b"ada"}).json()["artifact"]
        answers = []
        for secret in secrets:
            with api.client(secret) as client:
                answers.append(client.post("/v1/plan", json={"prompt": "bees", "params": {"portrait": portrait}}))
    assert [answer.status_code for answer in answers] == [200, 422]
    assert answers[1].json()["code"] == "bad_portrait"
