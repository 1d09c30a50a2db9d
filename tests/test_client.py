"""The Python client against a real service, blocking and in an event loop, over a network that loses connections."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.client import Client, Event, Picture, Recording
from spinbot.config import Settings, starter_hosts
from spinbot.errors import GraphError, InputError, NodeTimeoutError, NotFoundError, SpinbotError
from spinbot.media.portraits import path as shipped_portrait
from spinbot.media.probe import probe
from spinbot.serve.backend import LocalBackend
from tests.api import ROOT, Api, running, serving
from tests.lab import add, number
from tests.test_docs import blocks
from tests.test_jobs_cli import document


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Api]:
    """A service with the engines that trainings need; none is loaded while its queue is paused."""
    with running(LocalBackend(Settings(home=tmp_path / "training", hosts=starter_hosts()))) as api:
        yield api


SUM = document({"a": number(1), "b": number(2), "sum": add("a", "b")}, "sum")
SUM["outputs"]["sum"]["output"] = "number"


def gated(gate: Path, **params: Any) -> dict[str, Any]:
    return document({"a": {"type": "toy_gate", "params": {"gate": str(gate)} | params}}, "a")


def test_a_job_is_submitted_and_waited_for(connect):
    client = connect()
    job = client.submit(graph=SUM, priority=3)
    heard: list[Event] = []
    ended = client.wait(job.id, heard.append)
    assert ended.result() == {"sum": {"value": 3}}
    assert (ended.priority, ended.progress, ended.nodes["sum"].state) == (3, 1.0, "succeeded")
    assert [event.seq for event in heard] == list(range(1, ended.events + 1))
    assert heard[-1].kind == "job.succeeded"
    assert [event.seq for event in client.events(job.id, after=heard[-2].seq)] == [heard[-1].seq]
    assert list(client.events(job.id, after=heard[-1].seq)) == []


def test_events_are_neither_missed_nor_doubled_when_connections_break(connect, lossy, tmp_path):
    """The answer to the first request breaks within its head, the others within an event or between two."""
    job = connect().submit(graph=document({"a": _steps(60, tmp_path)}, "a"))
    whole = connect().wait(job.id)
    cuts = (10, 700, 900, 1101, 1302, 1503)
    proxy = lossy(*cuts)
    client = connect(proxy.url)
    heard = list(client.events(job.id))
    assert [event.seq for event in heard] == list(range(1, whole.events + 1))
    assert heard == list(connect().events(job.id))
    assert proxy.connections > len(cuts)


def test_a_stream_goes_on_while_the_job_runs_behind_a_broken_connection(connect, lossy, tmp_path):
    gate = tmp_path / "gate"
    job = connect().submit(graph=gated(gate))
    client = connect(lossy(1200).url)
    heard = []
    for event in client.events(job.id):
        heard.append(event)
        if event.kind == "node.running":
            gate.touch()
    assert [event.seq for event in heard] == list(range(1, len(heard) + 1))
    assert heard[-1].kind == "job.succeeded"


def test_a_request_whose_answer_is_lost_makes_one_job(connect, lossy):
    proxy = lossy(0, 30)
    job = connect(proxy.url).submit(graph=SUM)
    assert [found.id for found in connect().jobs()] == [job.id]
    assert proxy.connections == 3


def test_the_same_idempotency_key_is_the_same_job_and_no_other(connect):
    client = connect()
    first = client.submit(graph=SUM, idempotency_key="monday")
    assert client.submit(graph=SUM, idempotency_key="monday").id == first.id
    assert client.submit(graph=SUM).id != first.id
    with pytest.raises(InputError, match="monday") as refused:
        client.submit(graph=SUM, priority=1, idempotency_key="monday")
    assert refused.value.code == "idempotency_conflict"


def test_what_must_not_be_done_twice_is_not_sent_twice(connect, lossy, tmp_path):
    job = connect().submit(graph=document({"a": _flaky(tmp_path)}, "a"))
    assert connect().wait(job.id).state == "failed"
    proxy = lossy(0)
    with pytest.raises(SpinbotError, match="does not answer") as lost:
        connect(proxy.url).retry(job.id)
    assert (lost.value.code, proxy.connections) == ("unreachable", 1)


def test_jobs_come_page_by_page(connect, served):
    client = connect()
    stored = [served.backend.jobs.create("many", SUM) for _ in range(203)]
    for job in stored[:3]:
        served.backend.jobs.ask(job, "pause")
    assert {job.id for job in client.jobs(text="man")} == set(stored)
    assert len({job.id for job in client.jobs(limit=150)}) == 150
    assert list(client.jobs(text="few")) == []


def test_a_job_is_paused_resumed_cancelled_tried_again_and_forgotten(connect, tmp_path):
    client = connect()
    client.pause_queue()
    job = client.submit(graph=SUM).id
    assert client.pause(job).state in ("queued", "paused")
    paused = client.wait(job)
    assert (paused.state, paused.nodes["a"].state) == ("paused", "pending")
    assert client.wait(job, after=paused.events).state == "paused"
    client.resume_queue()
    with pytest.raises(SpinbotError, match="is paused"):
        paused.result()
    assert client.set_priority(job, 7).priority == 7
    client.resume(job)
    assert client.wait(job, after=paused.events).result() == {"sum": {"value": 3}}

    forever = client.submit(graph=document({"a": {"type": "toy_forever"}}, "a")).id
    client.cancel(forever)
    assert client.wait(forever).state == "cancelled"
    with pytest.raises(InputError, match="has ended") as refused:
        client.cancel(forever)
    assert refused.value.code == "job_ended"
    client.delete(forever)
    with pytest.raises(NotFoundError, match=forever):
        client.job(forever)

    failed = client.submit(graph=document({"a": _flaky(tmp_path)}, "a")).id
    with pytest.raises(NodeTimeoutError, match="the toy did not answer"):
        client.wait(failed).result()
    again = client.retry(failed)
    assert client.wait(failed, after=again.events).result() == {"a": {"value": 2}}


def test_the_queue_is_paused_and_goes_on(connect):
    client = connect()
    assert client.pause_queue().paused
    job = client.submit(graph=SUM).id
    assert client.queue().jobs["queued"] == 1
    assert not client.resume_queue().paused
    assert client.wait(job).state == "succeeded"


def test_refusals_are_the_errors_that_the_service_means(connect):
    client = connect()
    with pytest.raises(GraphError, match="2 faults") as faulty:
        client.submit(graph=document({"a": number(-1), "b": {"type": "toy_nmber"}}, "a", "b"))
    assert {fault["node"] for fault in faulty.value.details} == {"a", "b"}
    with pytest.raises(NotFoundError, match="no job 'nope'") as unknown:
        client.job("nope")
    assert "spinbot jobs" in unknown.value.hint
    with pytest.raises(NotFoundError):
        list(client.events("nope"))
    with pytest.raises(InputError) as template:
        client.submit(template="talking_portrat")
    assert "talking_portrait" in template.value.hint + template.value.message
    with pytest.raises((InputError, NotFoundError), match="nobody"):
        client.speech("Hello.", voice="nobody")  # in OpenAI's shape


def test_a_key_is_sent_and_a_missing_one_is_named(connect, tmp_path):
    with serving(tmp_path / "keyed", require_keys="on") as keyed:
        with pytest.raises(InputError, match="a key is required") as refused:
            connect(keyed.url).queue()
        assert refused.value.code == "no_key"
        _, secret = keyed.keys.create("test", owner=None, scopes=["read", "write"])
        assert not connect(keyed.url, key=secret).queue().paused


def test_who_asks_too_often_waits_as_told(connect, tmp_path):
    with serving(tmp_path / "slow", api={"rate": 2, "burst": 1}) as slow:
        client = connect(slow.url)
        assert [client.queue().paused for _ in range(3)] == [False] * 3
        impatient = connect(slow.url, patience_s=0.0)
        with pytest.raises(InputError) as refused:
            [impatient.queue() for _ in range(3)]
        assert refused.value.code == "rate_limited"


def test_no_service_is_an_error_with_a_remedy(connect):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SpinbotError, match=f"http://127.0.0.1:{port} does not answer") as refused:
        connect(f"http://127.0.0.1:{port}").capabilities()
    assert refused.value.code == "unreachable"
    assert "spinbot up" in refused.value.hint
    for url in ("localhost:8000", "ftp://x", "http://"):
        with pytest.raises(InputError, match="no address of a service"):
            connect(url)


def test_what_there_is_to_ask_for(connect):
    client = connect()
    assert {"talking_portrait", "voice_over"} <= {template.name for template in client.templates()}
    assert "toy_number" in {kind.type for kind in client.node_types()}
    assert "kokoro-82m-int8" in {model.id for model in client.models()}
    assert client.voices()[0].language.startswith("en")
    capabilities = client.capabilities()
    assert capabilities.slots["tts"]["default"] == "kokoro"
    assert capabilities.silent == []
    assert client.me().name == "local"
    assert client.cluster().machines[0].alive
    assert len(client.queue_history(hours=2, points=4).points) == 4
    plan = client.plan(graph=SUM)
    assert plan.preview["nodes"][0]["state"] == "run"
    assert client.submit(graph=plan.graph).name == "graph"


def test_a_profile_is_made_agreed_to_used_and_deleted(connect):
    client = connect()
    made = client.create_profile("ada", voice="any:female")
    assert [profile.id for profile in client.profiles()] == [made.id]
    assert client.add_portrait("ada", client.upload(shipped_portrait("demo")).artifact).version == 1
    work = {"template": "talking_portrait", "params": {"script": "Hello."}, "profile": "ada"}
    with pytest.raises(InputError, match="nothing says that ada agreed"):
        client.plan(**work)
    assert client.attest("ada", "Ada Lovelace", "tests").consent["person"] == "Ada Lovelace"
    graph = client.plan(**work).graph
    assert graph["nodes"]["perform"]["params"]["voice"] == "any:female"
    job = client.submit(graph=SUM, profile="ada")
    client.wait(job.id)
    assert client.delete_profile("ada", dry_run=True).jobs == [job.id]
    assert client.delete_profile("ada").deleted
    with pytest.raises(NotFoundError):
        client.job(job.id)


def test_server_and_key_come_from_the_environment(served, monkeypatch):
    monkeypatch.setenv("SPINBOT_SERVER", f"{served.url}/")
    monkeypatch.setenv("SPINBOT_API_KEY", "sb_wrong")
    with Client() as client:
        assert client.url == served.url
        with pytest.raises(InputError, match="not valid"):
            client.queue()


def test_a_training_is_begun_and_a_version_deleted(connect, training):
    client = connect(training.url)
    client.create_profile("ada")
    client.attest("ada", "Ada Lovelace", "tests")
    client.pause_queue()
    artifact = client.upload(shipped_portrait("demo")).artifact
    job = client.train(
        "ada", pictures=[Picture(artifact=artifact, name="a.png")], settings={"max_train_steps": 2}, priority=5
    )
    look = client.job(job.id).graph["nodes"]["look"]
    assert (job.name, job.priority, look["params"]["settings"]) == ("train_look", 5, {"max_train_steps": 2})
    again = {"recordings": [Recording(artifact=artifact, name="a.wav", text="Hello.")], "idempotency_key": "one"}
    assert client.train("ada", **again).id == client.train("ada", **again).id
    with pytest.raises(InputError, match="either pictures"):
        client.train("ada")
    client.add_portrait("ada", artifact)
    with pytest.raises(InputError) as needed:
        client.delete_part("ada", "portrait", 1)
    assert needed.value.code == "job_running"
    other = client.upload(shipped_portrait("demo").read_bytes() + b"\0", name="b.png").artifact
    client.add_portrait("ada", other)
    assert client.delete_part("ada", "portrait", 2, dry_run=True).artifacts == [other]
    assert client.delete_part("ada", "portrait", 2).deleted
    assert [part.artifact for part in client.profile("ada").parts] == [artifact]


def _steps(steps: int, folder: Path) -> dict[str, Any]:
    return {"type": "toy_steps", "params": {"steps": steps, "diary": str(folder / "steps")}}


def _flaky(folder: Path) -> dict[str, Any]:
    return {"type": "toy_flaky", "params": {"diary": str(folder / "flaky")}, "retry": {"attempts": 1}}


@pytest.mark.models
@pytest.mark.timeout(900)
def test_the_example_of_the_documentation_runs(tmp_path, models):
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(models("kokoro-82m-int8").parent)
    (tmp_path / "me.png").write_bytes(shipped_portrait("demo").read_bytes())
    (example,) = blocks("docs/client.md", "python")
    with serving(home, {}) as api:
        env = os.environ | {"SPINBOT_SERVER": api.url, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-W", "error", "-c", example]
        run = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "job.succeeded" in run.stdout.splitlines()[-1]
    assert probe(tmp_path / "hello.mp4").frames > 20
