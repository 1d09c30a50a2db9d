"""The service in memory keeps the client's contract: the same methods, answers and refusals as the real one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.client import Client, Event, Picture, Recording
from spinbot.config import Settings, starter_hosts
from spinbot.errors import GraphError, InputError, NotFoundError, SpinbotError
from spinbot.serve.backend import LocalBackend
from tests.api import PORTRAIT, ROOT, SUM, TALKERS, running
from tests.fake_outputs import sound
from tests.fake_service import FakeService

STUDIO = ROOT / "app_streamlit"
PAGES = [path for path in sorted(STUDIO.rglob("*.py")) if "routes" not in path.parts]  # these have `AsyncClient`
CLIENTS = ("service", "client_for")
FAILING = {"nodes": {"f": {"type": "toy_fail"}}, "outputs": {"f": {"node": "f", "output": "number"}}}
SPOKEN = {"template": "voice_over", "params": {"script": "One is here. Two is there."}}


def public(kind: type) -> dict[str, Any]:
    return {name: member for name, member in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("name", public(FakeService))
def test_each_method_is_one_of_the_client_with_the_same_parameters(name):
    ours, theirs = inspect.signature(public(FakeService)[name]), inspect.signature(public(Client)[name])
    assert [*ours.parameters.values()] == [*theirs.parameters.values()]


def test_there_is_each_method_that_a_page_calls():
    used = {name for path in PAGES for name in _asked(path)}
    assert {"submit", "jobs_page", "resume_queue", "delete_profile"} <= used
    assert used <= {*public(FakeService), "url"}


def _asked(path: Path) -> Iterator[str]:
    for item in ast.walk(ast.parse(path.read_text())):
        if not isinstance(item, ast.Attribute):
            continue
        match item.value:
            case ast.Name(id="client") | ast.Call(func=ast.Name(id="service" | "client_for")):
                yield item.attr


@pytest.fixture(params=["fake", "real"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A client of either; whatever a test asserts holds for both."""
    if request.param == "fake":
        yield FakeService()
        return
    settings = Settings(home=tmp_path / "home", engines={"image": "drawn"} | TALKERS, hosts=starter_hosts())
    with running(LocalBackend(settings)) as api, Client(api.url) as client:
        yield client


def refusal(kind: type[SpinbotError], ask: Any) -> str:
    with pytest.raises(kind) as refused:
        ask()
    assert type(refused.value) is kind
    return refused.value.code


def test_a_person_is_made_agreed_to_and_deleted(client):
    assert client.profiles() == []
    made = client.create_profile("ada", voice="stock:alpha")
    assert (made.name, made.voice, made.consent, made.parts) == ("ada", "stock:alpha", None, [])
    assert refusal(InputError, lambda: client.create_profile("ada")) == "name_taken"
    assert refusal(InputError, lambda: client.create_profile("Ada L")) == "bad_name"
    picture = client.upload(PORTRAIT)
    voice = client.upload(sound(1.0), name="yes.wav")
    assert [(one.name, one.kind) for one in client.uploads()] == [("yes.wav", "audio"), ("demo.png", "image")]
    assert client.read(voice.artifact) == sound(1.0)
    assert refusal(InputError, lambda: client.upload(b"nothing", name="x.png")) == "unsupported_file"
    film = {"template": "talking_portrait", "params": {"script": "Hello."}, "profile": "ada"}
    assert refusal(InputError, lambda: client.plan(**film)) == "consent_required"
    assert refusal(InputError, lambda: client.attest("ada", "Ada", "tests", picture.artifact)) == "unsupported_file"
    agreed = client.attest("ada", "Ada Lovelace", "tests", voice.artifact)
    consent = agreed.consent
    assert (consent["person"], consent["purpose"], consent["sample"]) == ("Ada Lovelace", "tests", voice.artifact)
    assert refusal(InputError, lambda: client.submit(**film)) == "no_portrait"
    assert refusal(InputError, lambda: client.add_portrait("ada", voice.artifact)) == "unsupported_file"
    assert refusal(NotFoundError, lambda: client.add_portrait("ada", f"sha256:{'0' * 64}")) == "no_upload"
    assert client.add_portrait("ada", picture.artifact).version == 1
    nodes = client.plan(**film).graph["nodes"]
    assert nodes["portrait"]["params"]["artifact"] == picture.artifact
    assert nodes["perform"]["params"]["voice"] == "stock:alpha"
    assert "Ada Lovelace agreed to: tests" in nodes["finish"]["params"]["consent"]

    job = client.submit(**SPOKEN, profile="ada")
    client.wait(job.id)
    would = client.delete_profile("ada", dry_run=True)
    assert (would.deleted, would.jobs, [part.kind for part in would.parts]) == (False, [job.id], ["portrait"])
    assert picture.artifact in would.artifacts
    assert client.profile(made.id).name == "ada"
    gone = client.delete_profile("ada")
    assert (gone.deleted, gone.jobs) == (True, [job.id])
    assert refusal(NotFoundError, lambda: client.job(job.id)) == "not_found"
    assert refusal(NotFoundError, lambda: client.profile("ada")) == "no_profile"


def test_a_version_goes_and_what_needs_it_is_told(client):
    client.create_profile("ada")
    client.attest("ada", "Ada Lovelace", "tests")
    first = client.upload(PORTRAIT).artifact
    second = client.upload(PORTRAIT.read_bytes() + b"\0", name="b.png").artifact
    client.add_portrait("ada", first)
    client.add_portrait("ada", second)
    assert [part.version for part in client.profile("ada").parts] == [2, 1]
    would = client.delete_part("ada", "portrait", 2, dry_run=True)
    assert (would.deleted, would.artifacts, would.kept, would.jobs) == (False, [second], [], [])
    assert client.delete_part("ada", "portrait", 2).deleted
    assert [part.artifact for part in client.profile("ada").parts] == [first]
    assert refusal(NotFoundError, lambda: client.delete_part("ada", "portrait", 2)) == "no_part"
    client.pause_queue()
    job = client.submit(template="talking_portrait", params={"script": "Hello."}, profile="ada").id
    assert refusal(InputError, lambda: client.delete_part("ada", "portrait", 1)) == "job_running"
    assert refusal(InputError, lambda: client.delete_profile("ada")) == "job_running"
    client.cancel(job)
    client.wait(job)
    would = client.delete_part("ada", "portrait", 1, dry_run=True)
    assert (would.artifacts, would.kept, would.jobs) == ([], [first], [job])


def test_a_training_is_asked_for(client):
    client.pause_queue()
    client.create_profile("ada")
    artifact = client.upload(PORTRAIT).artifact
    given = {"pictures": [Picture(artifact=artifact, name="a.png")], "settings": {"max_train_steps": 2}}
    assert refusal(InputError, lambda: client.train("ada", **given)) == "consent_required"
    client.attest("ada", "Ada Lovelace", "tests")
    job = client.train("ada", **given, priority=5)
    assert (job.name, job.state, job.priority) == ("train_look", "queued", 5)
    assert client.job(job.id).graph["nodes"]["look"]["params"]["settings"] == {"max_train_steps": 2}
    heard = client.train("ada", recordings=[Recording(artifact=artifact, name="a.wav")])
    assert heard.name == "train_voice"
    wrong = given | {"settings": {"max_train_steps": "many"}}
    assert refusal(InputError, lambda: client.train("ada", **wrong)) == "bad_request_fields"
    assert refusal(InputError, lambda: client.train("ada")) == "bad_input"
    assert refusal(NotFoundError, lambda: client.train("nobody", **given)) == "no_profile"


def test_a_job_runs_is_judged_and_edited(client):
    job = client.submit(**SPOKEN, idempotency_key="one")
    assert (job.name, job.title, job.state) == ("voice_over", "One is here.", "queued")
    assert client.submit(**SPOKEN, idempotency_key="one").id == job.id
    other = SPOKEN | {"priority": 1}
    assert refusal(InputError, lambda: client.submit(**other, idempotency_key="one")) == "idempotency_conflict"
    heard: list[Event] = []
    ended = client.wait(job.id, heard.append)
    assert (ended.state, ended.progress) == ("succeeded", 1.0)
    assert ended.result()["script"]["sentences"] == ["One is here.", "Two is there."]
    assert [event.seq for event in heard] == list(range(1, ended.events + 1))
    assert heard[-1].kind == "job.succeeded"
    assert {node.state for node in ended.nodes.values()} == {"succeeded"}
    for ask in (client.cancel, client.pause):
        assert refusal(InputError, lambda ask=ask: ask(job.id)) == "job_ended"
    for ask in (client.resume, client.retry):
        assert refusal(InputError, lambda ask=ask: ask(job.id)) == "wrong_state"
    assert refusal(InputError, lambda: client.set_priority(job.id, 7)) == "job_ended"
    judged = client.review(job.id, "rejected", "too short")
    assert (judged.review, judged.note) == ("rejected", "too short")
    assert refusal(InputError, lambda: client.review(job.id, "great")) == "bad_request_fields"
    assert client.review(job.id, None).review is None
    new = client.edit(job.id, 2, "Nobody is there.")
    assert client.wait(new.id).result()["script"]["sentences"] == ["One is here.", "Nobody is there."]
    assert refusal(InputError, lambda: client.edit(job.id, 3, "Three.")) == "bad_input"
    assert refusal(InputError, lambda: client.edit(job.id, 1, "...")) == "empty_script"
    assert client.sidecar(job.id)["graph"] == ended.graph
    assert not client.credentials(ended.result()["speech"]["audio"]).has_manifest
    client.delete(job.id)
    assert refusal(NotFoundError, lambda: client.job(job.id)) == "not_found"


def test_a_job_fails_waits_and_is_cancelled(client):
    failed = client.wait(client.submit(graph=FAILING).id)
    assert (failed.state, failed.error["code"], failed.nodes["f"].state) == ("failed", "unhappy", "failed")
    with pytest.raises(InputError, match="the toy is unhappy"):
        failed.result()
    assert refusal(InputError, lambda: client.review(failed.id, "approved")) == "wrong_state"
    assert refusal(InputError, lambda: client.edit(failed.id, 1, "Hm.")) == "wrong_state"
    client.pause_queue()
    assert client.retry(failed.id).state == "queued"
    assert refusal(InputError, lambda: client.delete(failed.id)) == "job_running"
    assert client.set_priority(failed.id, 100).priority == 100
    assert refusal(InputError, lambda: client.set_priority(failed.id, 101)) == "bad_request_fields"
    client.cancel(failed.id)
    assert client.wait(failed.id).state == "cancelled"
    waiting = client.submit(**SPOKEN).id
    client.pause(waiting)
    assert client.wait(waiting).state == "paused"
    queue = client.queue()
    assert (queue.paused, queue.jobs) == (True, {"cancelled": 1, "paused": 1})
    assert client.resume(waiting).state == "queued"
    assert not client.resume_queue().paused
    assert client.wait(waiting).state == "succeeded"


def test_lists_are_filtered_and_come_in_pages(client):
    client.pause_queue()
    first = client.submit(**SPOKEN).id
    second = client.submit(template="voice_over", params={"script": "Three is here."}).id
    third = client.submit(graph=SUM).id
    client.resume_queue()
    for job in (first, second, third):
        client.wait(job)
    client.review(first, "approved")

    def listed(**query: Any) -> list[str]:
        return [job.id for job in client.jobs(**query)]

    assert listed() == [third, second, first]
    assert listed(limit=2) == [third, second]
    assert listed(names=("voice_over",)) == [second, first]
    assert listed(text="THREE") == [second]
    assert listed(text="voice") == [second, first]
    assert listed(review="approved") == [first]
    assert listed(review="open", names=("voice_over", "nothing")) == [second]
    assert listed(states=("failed", "queued")) == []
    page = client.jobs_page(limit=2)
    assert ([job.id for job in page.data], page.total) == ([third, second], 3)
    rest = client.jobs_page(limit=2, cursor=page.next)
    assert ([job.id for job in rest.data], rest.next) == ([first], None)
    for wrong in ({"limit": 500}, {"review": "great"}):
        assert refusal(InputError, lambda wrong=wrong: client.jobs_page(**wrong)) == "bad_request_fields"


def test_what_there_is_not_is_refused(client):
    no_artifact = f"sha256:{'0' * 64}"
    for ask in (client.job, client.cancel, client.pause, client.resume, client.retry, client.delete, client.sidecar):
        assert refusal(NotFoundError, lambda ask=ask: ask("nope")) == "not_found"
    for ask in (client.read, client.credentials):
        assert refusal(NotFoundError, lambda ask=ask: ask(no_artifact)) == "no_artifact"
    assert refusal(NotFoundError, lambda: client.pull_model("nope")) == "unknown_model"
    assert refusal(InputError, lambda: client.submit(template="talking_portrat")) == "unknown_template"
    assert refusal(InputError, client.submit) == "bad_request_fields"
    nobody = {"template": "talking_portrait", "params": {"topic": "bees"}}
    assert refusal(InputError, lambda: client.plan(**nobody)) == "no_portrait"
    assert refusal(NotFoundError, lambda: client.plan(**nobody, profile="nobody")) == "no_profile"
    photo = {"template": "talking_portrait", "params": {"topic": "bees", "portrait": no_artifact}}
    assert refusal(GraphError, lambda: client.plan(**photo)) == "bad_graph"
    assert refusal(InputError, lambda: client.speech("", voice="")) == "bad_request_fields"
    assert refusal(InputError, lambda: client.speech("Hello.", voice="nobody")) == "unknown_voice"
    assert refusal(InputError, lambda: client.queue_history(hours=-1)) == "bad_request_fields"


def test_the_installation_is_described_alike(client):
    assert (client.me().name, client.me().scopes) == ("local", ["read", "write", "admin"])
    found = client.capabilities()
    assert {"default", "engines"} <= found.slots["tts"].keys()
    assert {"name", "models"} <= found.slots["tts"]["engines"][0].keys()
    assert {"slots", "memory_gb", "processes", "num_gpus", "idle_s"} <= found.groups["speech"].keys()
    assert [one.name for one in client.templates()] == [one.name for one in found.templates]
    assert all(model.licence and model.bytes and model.memory_bytes for model in client.models())
    assert client.voices()[0].id
    assert len(client.queue_history(hours=2, points=4).points) == 4
    assert client.cluster().links == {"dashboard": None, "grafana": None}
    preview = client.plan(template="talking_portrait", params={"topic": "bees", "look": "a woman"}).preview
    assert {"nodes", "elapsed_s", "groups", "fits", "missing"} <= preview.keys()
    assert {"node", "type", "state", "seconds", "engines"} <= preview["nodes"][0].keys()
    assert client.speech("Hello.", voice=client.voices()[0].id)[:4] == b"RIFF"


def test_a_model_is_pulled_by_a_job(client):
    client.pause_queue()
    name = client.models()[-1].id
    job = client.pull_model(name)
    assert (job.name, job.title, job.state) == ("fetch_model", name, "queued")
    client.cancel(job.id)
    assert client.wait(job.id).state == "cancelled"
