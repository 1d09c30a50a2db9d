"""Profiles over HTTP: nobody is used without consent, and whoever is deleted is gone with all that was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from spinbot.store.audit import Audit
from spinbot.store.profiles import Profiles
from tests.api import PORTRAIT, TALKERS, Api, ended, serving

CONSENT = {"person": "Ada Lovelace", "purpose": "videos about mathematics"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), TALKERS, require_keys="on") as running:
        yield running


@pytest.fixture(scope="module")
def anna(api: Api) -> Iterator[httpx.Client]:
    with api.client(api.keys.create("anna", scopes=("read", "write"))[1]) as opened:
        yield opened


@pytest.fixture(scope="module")
def ben(api: Api) -> Iterator[httpx.Client]:
    with api.client(api.keys.create("ben", scopes=("read", "write"))[1]) as opened:
        yield opened


def upload(client: httpx.Client, data: bytes | None = None) -> str:
    content = PORTRAIT.read_bytes() if data is None else data
    answer = client.post("/v1/uploads", files={"file": ("me.png", content)})
    assert answer.status_code == 201, answer.text
    return answer.json()["artifact"]


def profile(client: httpx.Client, name: str, **fields: Any) -> dict[str, Any]:
    """A profile that can be used: with consent and a portrait."""
    assert client.post("/v1/profiles", json={"name": name} | fields).status_code == 201
    assert client.put(f"/v1/profiles/{name}/consent", json=CONSENT).status_code == 200
    assert client.post(f"/v1/profiles/{name}/portraits", json={"artifact": upload(client)}).status_code == 201
    return client.get(f"/v1/profiles/{name}").json()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def film(client: httpx.Client, name: str, **params: Any) -> httpx.Response:
    body = {"template": "talking_portrait", "params": {"script": "Hello."} | params, "profile": name}
    return client.post("/v1/jobs", json=body)


def test_a_person_is_used_only_with_consent_and_a_portrait(anna):
    made = anna.post("/v1/profiles", json={"name": "ada", "voice": "toy:high"})
    assert (made.status_code, made.headers["Location"]) == (201, f"/v1/profiles/{made.json()['id']}")
    assert refusal(film(anna, "ada")) == (422, "consent_required")
    attested = anna.put("/v1/profiles/ada/consent", json=CONSENT).json()["consent"]
    assert (attested["person"], attested["attested_by"]) == ("Ada Lovelace", "anna")
    assert refusal(film(anna, "ada")) == (422, "no_portrait")
    portrait = upload(anna)
    added = anna.post("/v1/profiles/ada/portraits", json={"artifact": portrait}).json()
    assert (added["kind"], added["version"], added["artifact"]) == ("portrait", 1, portrait)
    job = film(anna, "ada").json()["id"]
    nodes = anna.get(f"/v1/jobs/{job}").json()["graph"]["nodes"]
    assert nodes["portrait"]["params"]["artifact"] == portrait
    assert nodes["perform"]["params"]["voice"] == "toy:high"
    today = datetime.now(UTC).date()
    consent = f"Ada Lovelace agreed to: videos about mathematics; attested by anna on {today}"
    assert nodes["finish"]["params"]["consent"] == consent
    anna.post(f"/v1/jobs/{job}/cancel")


def test_what_is_given_besides_a_profile_fits_or_is_refused(anna):
    profile(anna, "bea", voice="toy:high")
    assert refusal(film(anna, "bea", look="a man")) == (422, "no_look")
    assert refusal(film(anna, "bea", consent="all fine")) == (422, "two_faces")
    both = {"prompt": "bees", "profile": "bea", "params": {"portrait": upload(anna)}}
    assert refusal(anna.post("/v1/jobs", json=both)) == (422, "bad_request_fields")
    spoken = {"template": "voice_over", "params": {"script": "Hello.", "voice": "toy:low"}, "profile": "bea"}
    planned = anna.post("/v1/plan", json=spoken).json()
    assert planned["graph"]["nodes"]["speech"]["params"]["voice"] == "toy:low"


def test_a_prompt_is_planned_with_the_person_of_a_profile(anna):
    made = profile(anna, "gil", voice="toy:high")
    asked = {"prompt": "how bees make honey, 20 seconds", "profile": "gil"}
    planned = anna.post("/v1/plan", json=asked, timeout=60).json()
    nodes = planned["graph"]["nodes"]
    assert nodes["portrait"]["params"]["artifact"] == made["parts"][0]["artifact"]
    assert nodes["finish"]["params"]["consent"].startswith("Ada Lovelace agreed to")
    assert planned["plan"]["params"]["voice"] == "toy:high"
    assert planned["plan"]["reasons"]["voice"] == {"by": "spinbot", "why": "profile gil"}
    job = anna.post("/v1/jobs", json=asked, timeout=60).json()["id"]
    assert anna.delete("/v1/profiles/gil?dry_run=true").json()["jobs"] == [job]
    anna.post("/v1/profiles", json={"name": "hal"})
    assert refusal(anna.post("/v1/jobs", json=asked | {"profile": "hal"})) == (422, "consent_required")
    anna.post(f"/v1/jobs/{job}/cancel")
    ended(anna, job)
    assert anna.delete("/v1/profiles/gil").status_code == 200


def test_nobody_sees_or_uses_the_profiles_of_others(anna, ben):
    made = profile(anna, "cleo")
    assert "cleo" not in [found["name"] for found in ben.get("/v1/profiles").json()["data"]]
    for ask in (
        lambda: ben.get(f"/v1/profiles/{made['id']}"),
        lambda: ben.put("/v1/profiles/cleo/consent", json=CONSENT),
        lambda: ben.delete(f"/v1/profiles/{made['id']}"),
        lambda: film(ben, "cleo"),
    ):
        assert refusal(ask()) == (404, "no_profile")
    ben.post("/v1/profiles", json={"name": "dan"})
    other = upload(anna, PORTRAIT.read_bytes() + b"\0")
    assert refusal(ben.post("/v1/profiles/dan/portraits", json={"artifact": other})) == (404, "no_upload")
    assert ben.get(f"/v1/artifacts/{other}").status_code == 404


@pytest.mark.parametrize(
    ("name", "code"), [("Ada Lovelace", "bad_name"), ("../etc", "bad_name"), ("", "bad_request_fields")]
)
def test_a_name_that_is_none_is_refused(anna, name, code):
    assert refusal(anna.post("/v1/profiles", json={"name": name})) == (422, code)


def test_a_name_is_not_given_twice(anna):
    anna.post("/v1/profiles", json={"name": "eve"})
    assert refusal(anna.post("/v1/profiles", json={"name": "eve"})) == (409, "name_taken")


def test_deleting_says_what_goes_and_takes_it(api, anna):
    data = PORTRAIT.read_bytes() + b"\0\0"
    assert anna.post("/v1/profiles", json={"name": "fay"}).status_code == 201
    anna.put("/v1/profiles/fay/consent", json=CONSENT)
    portrait = upload(anna, data)
    anna.post("/v1/profiles/fay/portraits", json={"artifact": portrait})
    spoken = {"template": "voice_over", "params": {"script": "Hello from fay."}, "profile": "fay"}
    job = anna.post("/v1/jobs", json=spoken).json()["id"]
    speech = ended(anna, job)["outputs"]["speech"]["audio"]
    would = anna.delete("/v1/profiles/fay?dry_run=true").json()
    assert (would["deleted"], would["jobs"]) == (False, [job])
    assert {portrait, speech} <= set(would["artifacts"])
    assert anna.get(f"/v1/artifacts/{speech}").status_code == 200
    gone = anna.delete("/v1/profiles/fay").json()
    assert (gone["deleted"], gone["jobs"], gone["artifacts"]) == (True, [job], would["artifacts"])
    assert refusal(anna.get("/v1/profiles/fay")) == (404, "no_profile")
    assert anna.get(f"/v1/jobs/{job}").status_code == 404
    for artifact in would["artifacts"]:
        assert anna.get(f"/v1/artifacts/{artifact}").status_code == 404
        assert artifact not in api.backend.artifacts
    deeds = [entry.action for entry in Audit(api.backend.engine).entries(owner="anna") if entry.data["name"] == "fay"]
    assert deeds == ["profile.delete", "profile.use", "profile.consent", "profile.create"]


def put(api: Api, content: bytes) -> str:
    return api.backend.artifacts.put_bytes(content)


def learned(api: Api, owner: str, name: str, tag: str) -> dict[str, str]:
    """A look of the profile whose training is not stored any more; its artifacts by what they are."""
    files = {what: put(api, f"{tag} {what}".encode()) for what in ("look", "kohya", "samples", "curve")}
    data = {"kohya": files["kohya"], "samples": [{"artifact": files["samples"]}], "curve": {"artifact": files["curve"]}}
    profiles = Profiles(api.backend.engine)
    profiles.add(profiles.get(name, owner), "look", files["look"], data)
    return files


def test_whatever_a_profile_names_can_be_read_by_its_owner_alone(api, anna, ben):
    anna.post("/v1/profiles", json={"name": "iris"})
    files = learned(api, "anna", "iris", "iris")
    [part] = anna.get("/v1/profiles/iris").json()["parts"]
    assert (part["kind"], part["artifact"], part["data"]["kohya"]) == ("look", files["look"], files["kohya"])
    for what, artifact in files.items():
        assert anna.get(f"/v1/artifacts/{artifact}").text == f"iris {what}"
        assert ben.get(f"/v1/artifacts/{artifact}").status_code == 404
    assert anna.get(f"/v1/artifacts/{put(api, b'of nobody')}").status_code == 404


def test_a_version_is_deleted_with_its_files_and_its_number(api, anna, ben):
    profile(anna, "jo")
    first, second = (learned(api, "anna", "jo", tag) for tag in ("first", "second"))
    path = "/v1/profiles/jo/parts/look/2"
    assert refusal(ben.delete(path)) == (404, "no_profile")
    would = anna.delete(f"{path}?dry_run=true").json()
    assert (would["deleted"], would["part"]["version"], would["kept"], would["jobs"]) == (False, 2, [], [])
    assert set(would["artifacts"]) == set(second.values())
    assert anna.get(f"/v1/artifacts/{second['kohya']}").status_code == 200
    gone = anna.delete(path).json()
    assert gone == would | {"deleted": True}
    for artifact in second.values():
        assert artifact not in api.backend.artifacts
    parts = anna.get("/v1/profiles/jo").json()["parts"]
    assert [(part["kind"], part["version"]) for part in parts] == [("look", 1), ("portrait", 1)]
    assert anna.get(f"/v1/artifacts/{first['kohya']}").status_code == 200
    assert refusal(anna.delete(path)) == (404, "no_part")
    assert refusal(anna.delete("/v1/profiles/jo/parts/hat/1")) == (422, "bad_request_fields")
    learned(api, "anna", "jo", "third")
    parts = anna.get("/v1/profiles/jo").json()["parts"]
    assert [part["version"] for part in parts if part["kind"] == "look"] == [3, 1]
    deeds = [entry.action for entry in Audit(api.backend.engine).entries(owner="anna") if entry.data["name"] == "jo"]
    assert deeds[0] == "profile.delete_part"


def test_what_jobs_need_of_a_version_stays_with_them(api, anna, tmp_path):
    data = PORTRAIT.read_bytes() + b"\0kim"
    anna.post("/v1/profiles", json={"name": "kim"})
    anna.put("/v1/profiles/kim/consent", json=CONSENT)
    portrait = upload(anna, data)
    anna.post("/v1/profiles/kim/portraits", json={"artifact": portrait})
    graph = {
        "nodes": {
            "gate": {"type": "toy_gate", "params": {"gate": str(tmp_path / "gate")}, "cache": "off"},
            "load": {"type": "load_image", "params": {"artifact": portrait}, "after": ["gate"]},
        },
        "outputs": {"image": {"node": "load", "output": "image"}},
    }
    job = anna.post("/v1/jobs", json={"graph": graph, "profile": "kim"}).json()["id"]
    path = "/v1/profiles/kim/parts/portrait/1"
    assert refusal(anna.delete(path)) == (409, "job_running")
    assert anna.get("/v1/profiles/kim").json()["parts"]
    (tmp_path / "gate").touch()
    ended(anna, job)
    gone = anna.delete(path).json()
    assert (gone["artifacts"], gone["kept"], gone["jobs"]) == ([], [portrait], [job])
    assert portrait not in [entry["artifact"] for entry in anna.get("/v1/uploads").json()["data"]]
    assert anna.get(f"/v1/artifacts/{portrait}").status_code == 200  # the job shows it
    assert refusal(film(anna, "kim")) == (422, "no_portrait")
