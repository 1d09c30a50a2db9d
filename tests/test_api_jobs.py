"""Jobs over HTTP, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from spinbot.config import QueueLimits
from tests.api import SUM, Api, ended, gate, serving, submit
from tests.lab import number


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), webhook_hosts=["hooks.example"]) as running:
        yield running


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


def test_a_job_is_stored_before_it_is_answered_and_runs_to_its_end(client):
    answer = client.post("/v1/jobs", json={"graph": SUM, "priority": 3})
    assert answer.status_code == 202
    job = answer.json()["id"]
    assert answer.headers["Location"] == f"/v1/jobs/{job}"
    found = ended(client, job)
    assert (found["state"], found["outputs"], found["progress"]) == ("succeeded", {"sum": {"value": 5}}, 1.0)
    assert found["priority"] == 3
    assert found["nodes"]["sum"]["state"] in ("succeeded", "cached")


def test_every_fault_of_a_graph_is_named_at_once(client):
    graph = {
        "nodes": {
            "a": {"type": "toy_numbr"},
            "b": {"type": "toy_number", "params": {"value": -1, "valu": 2}},
            "c": {"type": "toy_add", "inputs": {"left": {"node": "x", "output": "number"}}},
        },
        "outputs": {"sum": {"node": "c", "output": "numbr"}},
    }
    answer = client.post("/v1/jobs", json={"graph": graph})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "bad_graph"
    found = {(fault["node"], fault["field"], fault["code"]) for fault in problem["details"]}
    assert {
        ("a", "type", "unknown_type"),
        ("b", "value", "bad_value"),
        ("b", "valu", "unknown_field"),
        ("c", "left", "unknown_node"),
        ("c", "right", "missing_field"),
        ("", "outputs.sum", "unreachable_output"),
    } <= found
    assert "toy_number" in next(fault["hint"] for fault in problem["details"] if fault["node"] == "a")


def test_a_misshapen_graph_names_the_faults_of_its_other_nodes_too(client):
    graph = {"nodes": {"a": {"tipe": "toy_number"}, "b": {"type": "nope"}}}
    details = client.post("/v1/jobs", json={"graph": graph}).json()["details"]
    assert {(fault["node"], fault["field"]) for fault in details} >= {("a", "tipe"), ("b", "type"), ("", "outputs")}


def test_faults_of_a_templates_parameters_are_named_by_field(client):
    answer = client.post("/v1/jobs", json={"template": "voice_over", "params": {"script": 3, "sead": 1}})
    assert answer.status_code == 422
    assert {fault["field"] for fault in answer.json()["details"]} == {"script", "sead"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request_fields"),
        ({"template": "voice_over", "graph": SUM}, "bad_request_fields"),
        ({"template": "voiceover"}, "unknown_template"),
        ({"template": "voice_over", "params": {}}, "empty_script"),
        ({"graph": SUM, "priority": 101}, "bad_request_fields"),
        ({"graph": SUM, "colour": "red"}, "bad_request_fields"),
        ({"graph": SUM, "webhook": "ftp://hooks.example/x"}, "bad_webhook"),
        ({"graph": SUM, "webhook": "http://169.254.169.254/latest"}, "bad_webhook"),
    ],
)
def test_a_request_that_cannot_be_used_is_refused_with_a_code(client, body, code):
    answer = client.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_same_idempotency_key_makes_one_job_and_another_request_is_a_conflict(client):
    headers = {"Idempotency-Key": "order-66"}
    first = client.post("/v1/jobs", json={"graph": SUM}, headers=headers)
    again = client.post("/v1/jobs", json={"graph": SUM}, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    other = client.post("/v1/jobs", json={"graph": SUM, "priority": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


def test_a_job_that_has_not_changed_is_not_sent_again(client):
    job = submit(client, SUM)
    ended(client, job)
    first = client.get(f"/v1/jobs/{job}")
    same = client.get(f"/v1/jobs/{job}", headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"/v1/jobs/{job}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_jobs_are_listed_page_by_page_and_found_by_name_and_state(client):
    jobs = [submit(client, SUM | {"name": f"listed {n}"}) for n in range(5)]
    for job in jobs:
        ended(client, job)
    seen, cursor = [], None
    while True:
        query = {"q": "listed", "status": "succeeded", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/jobs", params=query).json()
        assert page["total"] == 5
        seen += [job["id"] for job in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == jobs[::-1]
    assert client.get("/v1/jobs", params={"q": "listed", "status": "failed"}).json()["total"] == 0
    assert client.get("/v1/jobs", params={"status": "lost"}).status_code == 422
    assert client.get("/v1/jobs", params={"cursor": "nonsense"}).json()["code"] == "bad_cursor"


def test_a_running_job_is_cancelled_retried_and_then_deleted(client, tmp_path):
    job = submit(client, gate(tmp_path / "gate"))
    assert client.delete(f"/v1/jobs/{job}").json()["code"] == "job_running"
    assert client.post(f"/v1/jobs/{job}/retry").json()["code"] == "wrong_state"
    assert client.post(f"/v1/jobs/{job}/cancel").status_code == 202
    assert ended(client, job)["state"] == "cancelled"
    assert client.post(f"/v1/jobs/{job}/cancel").json()["code"] == "job_ended"
    (tmp_path / "gate").touch()
    assert client.post(f"/v1/jobs/{job}/retry").status_code == 202
    assert ended(client, job)["state"] == "succeeded"
    assert client.post(f"/v1/jobs/{job}/resume").json()["code"] == "wrong_state"
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    gone = client.get(f"/v1/jobs/{job}")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


def test_a_paused_job_goes_on_when_it_is_resumed(client):
    client.post("/v1/queue/pause")
    job = submit(client, SUM | {"nodes": SUM["nodes"] | {"a": number(30)}})
    asked = client.post(f"/v1/jobs/{job}/pause").json()
    assert asked["wish"] == "pause" or asked["state"] == "paused"  # the runner may have done it already
    client.post("/v1/queue/resume")
    after, kinds = 0, []
    while "job.paused" not in kinds:
        page = client.get(f"/v1/jobs/{job}/events?after={after}&wait=30", headers={"Accept": "application/json"}).json()
        kinds += [event["kind"] for event in page["events"]]
        after = page["last"]
    assert client.post(f"/v1/jobs/{job}/pause").json()["state"] == "paused"
    assert client.post(f"/v1/jobs/{job}/resume").status_code == 202
    assert ended(client, job)["outputs"] == {"sum": {"value": 33}}


def test_while_the_queue_is_paused_no_job_begins_but_one_can_be_cancelled(client):
    assert client.post("/v1/queue/pause").json()["paused"] is True
    try:
        waiting, unwanted = (submit(client, SUM | {"nodes": SUM["nodes"] | {"a": number(n)}}) for n in (40, 41))
        client.post(f"/v1/jobs/{unwanted}/cancel")
        assert ended(client, unwanted)["state"] == "cancelled"
        assert client.get(f"/v1/jobs/{waiting}").json()["state"] == "queued"
        assert client.post(f"/v1/jobs/{waiting}/priority", json={"priority": 7}).json()["priority"] == 7
        assert client.get("/v1/queue").json()["jobs"]["queued"] >= 1
    finally:
        assert client.post("/v1/queue/resume").json()["paused"] is False
    assert ended(client, waiting)["outputs"] == {"sum": {"value": 43}}
    assert client.post(f"/v1/jobs/{waiting}/priority", json={"priority": 7}).json()["code"] == "job_ended"


def test_an_owner_has_no_more_open_jobs_than_the_limit(tmp_path):
    with serving(tmp_path, queue=QueueLimits(open_of_owner=2)) as api, api.client() as client:
        held = gate(tmp_path / "gate")
        submit(client, held)
        second = submit(client, held)
        answer = client.post("/v1/jobs", json={"graph": SUM})
        assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
        assert client.get("/v1/jobs").json()["total"] == 2
        client.post(f"/v1/jobs/{second}/cancel")
        assert ended(client, second)["state"] == "cancelled"
        assert client.post("/v1/jobs", json={"graph": SUM}).status_code == 202
        (tmp_path / "gate").touch()


def test_a_failed_jobs_error_has_its_cause_and_a_hint(client):
    graph = {"nodes": {"f": {"type": "toy_fail"}}, "outputs": {"f": {"node": "f", "output": "number"}}}
    error = ended(client, submit(client, graph))["error"]
    assert (error["code"], error["hint"]) == ("unhappy", "be nice to it")


def test_a_plan_tells_what_would_run_and_stores_nothing(client):
    before = client.get("/v1/jobs").json()["total"]
    plan = client.post("/v1/plan", json={"graph": SUM}).json()
    assert {node["node"] for node in plan["preview"]["nodes"]} == {"a", "b", "sum"}
    assert plan["graph"]["outputs"] == SUM["outputs"]
    assert client.get("/v1/jobs").json()["total"] == before
    assert client.post("/v1/plan", json={"graph": {}}).json()["code"] == "bad_graph"


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_a_job_that_is_not_there_is_said_to_be_unknown(client, verb):
    answer = client.post(f"/v1/jobs/{'0' * 12}/{verb}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_unknown_paths_and_methods_are_problems_too(client):
    unknown = client.get("/v1/nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_route")
    wrong = client.put("/v1/queue")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["Allow"]) == (405, "method_not_allowed", "GET")


def test_a_defect_is_told_without_its_traceback(api, client, monkeypatch):
    def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(api.backend.jobs, "counts", broken)
    answer = client.get("/v1/queue")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_an_artifact_that_nobody_gave_the_caller_is_not_in_the_store_for_him(api, client):
    artifact = api.backend.artifacts.put_bytes(b"somebody else's")
    graph = {
        "nodes": {"a": {"type": "load_image", "params": {"artifact": artifact}}},
        "outputs": {"a": {"node": "a", "output": "image"}},
    }
    answer = client.post("/v1/jobs", json={"graph": graph})
    assert [fault["code"] for fault in answer.json()["details"]] == ["missing_artifact"]
    assert Path(api.backend.artifacts.path(artifact)).is_file()
