"""Keys, owners, scopes, tickets, origins and rates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.api import PORTRAIT, SUM, Api, ended, serving, submit
from tests.lab import link


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), require_keys="on", api={"rate": 10_000, "burst": 10_000}) as running:
        yield running


def key(api: Api, owner: str, *scopes: str) -> str:
    return api.keys.create(owner, scopes=scopes or ("read", "write"))[1]


@pytest.fixture(scope="module")
def anna(api: Api) -> Iterator[httpx.Client]:
    with api.client(key(api, "anna")) as opened:
        yield opened


@pytest.fixture(scope="module")
def ben(api: Api) -> Iterator[httpx.Client]:
    with api.client(key(api, "ben")) as opened:
        yield opened


def test_without_a_key_nothing_is_answered_but_health_and_documents(api):
    with api.client() as nobody:
        for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/metrics"), ("GET", "/nothing")):
            answer = nobody.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "no_key")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        for path in ("/health/live", "/health/ready", "/openapi.json", "/docs"):
            assert nobody.get(path).status_code == 200
        used = re.findall(r'(?:src|href)="([^"]+)"|url: \'([^\']+)\'', nobody.get("/docs").text)
        assert len(used) >= 4  # the script, its style, the icon and the document: all of it from this server
        for path in map("".join, used):
            assert path.startswith("/")
            assert nobody.get(path).status_code == 200
        assert nobody.post("/v1/audio/speech", json={}).json()["error"]["type"] == "authentication_error"


def test_a_key_that_is_wrong_or_revoked_opens_nothing(api):
    made, secret = api.keys.create("carl")
    with api.client(secret) as carl:
        assert carl.get("/v1/jobs").status_code == 200
        api.keys.revoke(made.id)
        assert carl.get("/v1/jobs").json()["code"] == "bad_key"
    with api.client("sb_nonsense") as nobody:
        assert nobody.get("/v1/jobs").json()["code"] == "bad_key"


def test_a_scope_opens_what_it_is_for(api):
    with api.client(key(api, "dora", "read")) as dora:
        assert dora.get("/v1/jobs").status_code == 200
        refused = dora.post("/v1/jobs", json={"graph": SUM})
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    with api.client(key(api, "emil")) as emil:
        assert emil.post("/v1/queue/pause").json()["code"] == "missing_scope"
    with api.client(key(api, "root", "admin")) as root:
        assert root.post("/v1/queue/resume").json()["paused"] is False


def test_another_owners_job_is_not_there_in_exactly_the_words_of_an_unknown_one(api, anna, ben):
    job = submit(anna, SUM)
    ended(anna, job)
    unknown = "0" * 12
    routes = [
        ("GET", "/v1/jobs/{}"),
        ("DELETE", "/v1/jobs/{}"),
        *[("POST", f"/v1/jobs/{{}}/{verb}") for verb in ("cancel", "pause", "resume", "retry")],
        ("GET", "/v1/jobs/{}/events"),
        ("GET", "/v1/videos/{}"),
        ("DELETE", "/v1/videos/{}"),
        ("GET", "/v1/videos/{}/content"),
        ("GET", "/api/status/{}"),
    ]
    for method, path in routes:
        theirs, none = (ben.request(method, path.format(name)) for name in (job, unknown))
        assert theirs.status_code == none.status_code == 404, path
        assert theirs.text.replace(job, unknown) == none.text
    priority = ben.post(f"/v1/jobs/{job}/priority", json={"priority": 1})
    assert priority.status_code == 404
    assert ben.get("/v1/jobs").json()["total"] == 0
    assert anna.get(f"/v1/jobs/{job}").status_code == 200


def test_another_owners_job_cannot_be_followed_by_socket(api, anna, ben):
    job = submit(anna, SUM)
    secret = ben.headers["Authorization"]
    for path, wish in (("/v1/events", {"job": job}), ("/ws", {"jobId": job})):
        with api.socket(path, additional_headers={"Authorization": secret}) as socket:
            socket.send(json.dumps({"action": "subscribe"} | wish))
            said = json.loads(socket.recv(timeout=30))
            assert said.get("type") == "error" or said["message"] == "failed"


def test_what_a_running_job_shows_is_there_for_its_owner_alone(anna, ben, tmp_path):
    show = {"type": "toy_show", "params": {"steps": 1, "gate": str(tmp_path / "gate")}}
    job = submit(anna, {"nodes": {"show": show}, "outputs": {"number": link("show")}})
    path, shown, after = f"/v1/jobs/{job}/events", [], 0
    while not shown:
        wait = {"after": after, "wait": 30}
        page = anna.get(path, params=wait, headers={"Accept": "application/json"}).json()
        after, shown = page["last"], [event for event in page["events"] if event["kind"] == "node.preview"]
    file = f"/v1/artifacts/{shown[0]['data']['artifact']}"
    assert anna.get(f"/v1/jobs/{job}").json()["state"] == "running"
    assert (anna.get(file).content, ben.get(file).status_code) == (b"step 1", 404)
    (tmp_path / "gate").touch()
    assert ended(anna, job)["state"] == "succeeded"
    assert (anna.get(file).content, ben.get(file).status_code) == (b"step 1", 404)
    assert anna.delete(f"/v1/jobs/{job}").status_code == 204
    assert anna.get(file).status_code == 404


def test_another_owners_files_are_not_there(anna, ben):
    artifact = anna.post("/v1/uploads", files={"file": PORTRAIT.read_bytes() + b"anna"}).json()["artifact"]
    assert anna.get(f"/v1/artifacts/{artifact}").status_code == 200
    for method in ("GET", "HEAD"):
        assert ben.request(method, f"/v1/artifacts/{artifact}").status_code == 404
    assert ben.get("/v1/uploads").json()["data"] == []
    unknown = "sha256:" + "0" * 64
    graphs = [
        {
            "nodes": {"a": {"type": "load_image", "params": {"artifact": name}}},
            "outputs": {"a": {"node": "a", "output": "image"}},
        }
        for name in (artifact, unknown)
    ]
    theirs, none = (ben.post("/v1/jobs", json={"graph": graph}).json()["details"] for graph in graphs)
    assert theirs[0]["code"] == none[0]["code"] == "missing_artifact"
    # Who names a file in a job of his own has not thereby got it.
    assert ben.get(f"/v1/artifacts/{artifact}").status_code == 404


def test_another_owners_idempotency_key_is_another_key(anna, ben):
    headers = {"Idempotency-Key": "the same"}
    jobs = {client.post("/v1/jobs", json={"graph": SUM}, headers=headers).json()["id"] for client in (anna, ben)}
    assert len(jobs) == 2


def test_a_ticket_opens_one_socket_in_its_owners_name(api, anna):
    job = submit(anna, SUM)
    ticket = anna.post("/v1/tickets").json()["ticket"]
    with api.socket(f"/v1/events?ticket={ticket}") as socket:
        socket.send(json.dumps({"action": "subscribe", "job": job}))
        assert "error" not in json.loads(socket.recv(timeout=30))
    for query in (f"?ticket={ticket}", "?ticket=nonsense", ""):
        with pytest.raises(InvalidStatus) as refused:
            api.socket(f"/v1/events{query}")
        assert refused.value.response.status_code == 401


def test_a_ticket_opens_no_ordinary_request(api, anna):
    ticket = anna.post("/v1/tickets").json()["ticket"]
    with api.client() as nobody:
        assert nobody.get("/v1/jobs", params={"ticket": ticket}).status_code == 401


def test_too_many_requests_are_told_when_to_come_again(tmp_path):
    with (
        serving(tmp_path, require_keys="on", api={"rate": 0.01, "burst": 3}) as api,
        api.client(key(api, "fast")) as fast,
        api.client(key(api, "slow")) as slow,
    ):
        answers = [fast.get("/v1/queue") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["code"] == "rate_limited"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 101
        assert slow.get("/v1/queue").status_code == 200
        assert fast.get("/health/live").status_code == 200


def test_without_keys_pages_of_other_origins_and_other_names_of_the_host_are_refused(tmp_path):
    with serving(tmp_path, allowed_origins=["http://studio.example"]) as api, api.client() as client:

        def origin(name: str) -> int:
            return client.post("/v1/jobs", json={"graph": SUM}, headers={"Origin": name}).status_code

        assert origin("https://evil.example") == 403
        assert origin("null") == 403
        assert origin("http://studio.example") == 202
        assert origin(api.url) == 202
        rebound = client.get("/v1/jobs", headers={"Host": "evil.example"})
        assert (rebound.status_code, rebound.json()["code"]) == (400, "bad_host")
        # Programs that insist on a key may send any; one that looks like ours must be right.
        assert client.get("/v1/jobs", headers={"Authorization": "Bearer unused"}).status_code == 200
        assert client.get("/v1/jobs", headers={"Authorization": "Bearer sb_wrong"}).status_code == 401


def test_deletions_are_in_the_audit_log(api, anna):
    job = submit(anna, SUM)
    ended(anna, job)
    anna.delete(f"/v1/jobs/{job}")
    from spinbot.store.audit import Audit

    assert [(e.action, e.owner) for e in Audit(api.backend.engine).entries(subject=job)] == [("job.delete", "anna")]
