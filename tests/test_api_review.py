"""What is done with a job that has succeeded: a verdict on it, and a sentence of it said otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spinbot.client import Client
from spinbot.errors import InputError, NotFoundError
from spinbot.store.profiles import Profiles
from tests.api import SUM, TALKERS, Api, ended, gate, serving, submit
from tests.test_api_profiles import profile, refusal


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), TALKERS, require_keys="on") as running:
        yield running


@pytest.fixture
def key(api: Api) -> str:
    return api.keys.create("anna", scopes=("read", "write"))[1]


@pytest.fixture
def client(api: Api, key: str) -> Iterator[httpx.Client]:
    with api.client(key) as opened:
        yield opened


@pytest.fixture
def ben(api: Api) -> Iterator[httpx.Client]:
    with api.client(api.keys.create("ben", scopes=("read", "write"))[1]) as opened:
        yield opened


def speech(client: httpx.Client, script: str, **more: Any) -> dict[str, Any]:
    """A job that has said it."""
    answer = client.post("/v1/jobs", json={"template": "voice_over", "params": {"script": script}} | more)
    assert answer.status_code == 202, answer.text
    return ended(client, answer.json()["id"])


def test_a_verdict_stands_with_the_job_until_it_is_taken_back(client):
    job = submit(client, SUM)
    before = ended(client, job)
    assert (before["review"], before["note"]) == (None, "")
    tag = client.get(f"/v1/jobs/{job}").headers["ETag"]
    said = client.put(f"/v1/jobs/{job}/review", json={"verdict": "rejected", "note": "the sum is too small"})
    assert said.status_code == 200
    assert (said.json()["review"], said.json()["note"]) == ("rejected", "the sum is too small")
    after = client.get(f"/v1/jobs/{job}", headers={"If-None-Match": tag})
    assert (after.status_code, after.json()["review"]) == (200, "rejected")
    assert client.put(f"/v1/jobs/{job}/review", json={"verdict": "approved"}).json()["note"] == ""
    assert client.put(f"/v1/jobs/{job}/review", json={"verdict": None}).json()["review"] is None


def test_only_who_owns_a_job_that_succeeded_reviews_it(client, ben, tmp_path):
    job = submit(client, gate(tmp_path / "gate"))
    assert refusal(client.put(f"/v1/jobs/{job}/review", json={"verdict": "approved"})) == (409, "wrong_state")
    (tmp_path / "gate").touch()
    ended(client, job)
    assert refusal(ben.put(f"/v1/jobs/{job}/review", json={"verdict": "approved"})) == (404, "not_found")
    for body in ({}, {"verdict": "great"}, {"verdict": "approved", "note": "x" * 1001}):
        assert refusal(client.put(f"/v1/jobs/{job}/review", json=body)) == (422, "bad_request_fields")
    assert client.get(f"/v1/jobs/{job}").json()["review"] is None


def test_lists_are_filtered_by_verdict_by_name_and_by_what_the_title_says(client):
    def listed(**query: Any) -> list[str]:
        page = client.get("/v1/jobs", params={"limit": 200} | query).json()
        assert page["total"] == len(page["data"])
        return [job["id"] for job in page["data"]]

    good, bad, new = (
        submit(client, SUM | {"name": "judged", "title": f"The {word}"}) for word in ("one", "two", "ten")
    )
    for job in (good, bad, new):
        ended(client, job)
    broken = submit(client, {"name": "judged", "nodes": {"f": {"type": "toy_fail"}}, "outputs": {"f": FAILED}})
    assert ended(client, broken)["state"] == "failed"
    client.put(f"/v1/jobs/{good}/review", json={"verdict": "approved"})
    client.put(f"/v1/jobs/{bad}/review", json={"verdict": "rejected"})
    assert listed(name="judged", review="approved") == [good]
    assert listed(name="judged", review="rejected") == [bad]
    assert listed(name="judged", review="open") == [new]
    assert listed(name=["judged", "nothing"]) == [broken, new, bad, good]
    assert listed(name="judge") == []
    assert listed(q="THE T") == [new, bad]
    assert set(listed(q="judged")) == {good, bad, new, broken}
    assert client.get("/v1/jobs", params={"review": "great"}).status_code == 422
    assert client.get("/v1/jobs", params={"name": "x" * 201}).status_code == 422


FAILED = {"node": "f", "output": "number"}


def test_one_sentence_is_said_otherwise_in_a_new_job(client):
    old = speech(client, "One is here. Two is there. Three is gone.", priority=3)
    body = {"sentence": 2, "text": "Nobody is there."}
    answer = client.post(f"/v1/jobs/{old['id']}/edit", json=body, headers={"Idempotency-Key": "second thoughts"})
    assert answer.status_code == 202
    new = ended(client, answer.json()["id"])
    assert answer.headers["Location"] == f"/v1/jobs/{new['id']}"
    assert (new["state"], new["name"], new["title"]) == ("succeeded", "voice_over", "One is here.")
    assert new["outputs"]["script"]["sentences"] == ["One is here.", "Nobody is there.", "Three is gone."]
    again = client.post(f"/v1/jobs/{old['id']}/edit", json=body, headers={"Idempotency-Key": "second thoughts"})
    assert again.json()["id"] == new["id"]
    other = client.post(
        f"/v1/jobs/{old['id']}/edit", json=body | {"sentence": 1}, headers={"Idempotency-Key": "second thoughts"}
    )
    assert refusal(other) == (409, "idempotency_conflict")


def test_what_cannot_be_edited_is_refused(client, ben, tmp_path):
    old = speech(client, "One is here. Two is there.")
    path, body = f"/v1/jobs/{old['id']}/edit", {"sentence": 1, "text": "Yes."}
    assert refusal(ben.post(path, json=body)) == (404, "not_found")
    for wrong in ({"sentence": 0}, {"text": ""}, {"sentence": "1"}, {"voice": "x"}):
        assert refusal(client.post(path, json=body | wrong)) == (422, "bad_request_fields")
    for wrong in ({"sentence": 3}, {"text": "..."}, {"text": "Это по-русски."}):
        assert client.post(path, json=body | wrong).status_code == 422
    running = submit(client, gate(tmp_path / "gate"))
    assert refusal(client.post(f"/v1/jobs/{running}/edit", json=body)) == (409, "wrong_state")
    (tmp_path / "gate").touch()
    assert ended(client, running)["state"] == "succeeded"
    without = client.post(f"/v1/jobs/{running}/edit", json=body)
    assert (without.status_code, "no script" in without.json()["detail"]) == (422, True)


def test_an_edit_is_of_the_same_person(api, client):
    person = profile(client, "cara", voice="toy:low")
    old = speech(client, "One is here. Two is there.", profile="cara")
    new = client.post(f"/v1/jobs/{old['id']}/edit", json={"sentence": 1, "text": "Nobody."}).json()
    ended(client, new["id"])
    assert Profiles(api.backend.engine).used_by(new["id"]) == person["id"]
    gone = client.delete("/v1/profiles/cara").json()
    assert gone["jobs"] == [old["id"], new["id"]]


def test_the_client_reviews_edits_and_turns_pages(api, key):
    with Client(api.url, key) as client:
        made = [
            client.submit(template="voice_over", params={"script": f"Page {n}. It is turned."}).id for n in range(3)
        ]
        for job in made:
            client.wait(job)
        assert client.review(made[0], "approved", "well said").note == "well said"
        mine = {"names": ("voice_over",), "text": "page"}
        assert [job.id for job in client.jobs(**mine, review="approved")] == [made[0]]
        assert [job.id for job in client.jobs(**mine, review="open", limit=1)] == [made[2]]
        first = client.jobs_page(**mine, limit=2)
        assert ([job.title for job in first.data], first.total) == (["Page 2.", "Page 1."], 3)
        last = client.jobs_page(**mine, limit=2, cursor=first.next)
        assert ([job.id for job in last.data], last.next, last.total) == ([made[0]], None, 3)
        new = client.edit(made[1], 2, "It is torn.")
        assert client.wait(new.id).result()["script"]["sentences"] == ["Page 1.", "It is torn."]
        assert client.review(made[0], None).review is None
        with pytest.raises(InputError, match="no sentence 3"):
            client.edit(made[1], 3, "It is lost.")
        with pytest.raises(NotFoundError):
            client.review("0" * 12, "approved")
