"""The command line where another process does the work: everything over HTTP, nothing in this machine's home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.cli.where import announced, running_service
from spinbot.config import Settings
from spinbot.media.portraits import path as shipped_portrait
from spinbot.media.probe import probe
from tests.api import PORTRAIT, Api, serving
from tests.lab import add, number
from tests.test_cli import COMMAND, refused
from tests.test_jobs_cli import document

SUM = document({"a": number(1), "b": number(2), "sum": add("a", "b")}, "sum")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path / "service") as api:
        yield api


def environment(home: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPINBOT_")}
    return clean | {"SPINBOT_HOME": str(home), "COLUMNS": "160"}


def spinbot(api: Api, folder: Path, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "--server", api.url, *map(str, arguments)]
    env = environment(folder / "unused")
    return subprocess.run(command, capture_output=True, text=True, input=stdin, env=env, cwd=folder)


def written(folder: Path, graph: dict[str, Any]) -> Path:
    path = folder / "graph.json"
    path.write_text(json.dumps(graph))
    return path


def test_a_graph_is_checked_and_run_by_the_service(api, tmp_path):
    file = written(tmp_path, SUM)
    assert spinbot(api, tmp_path, "graph", "check", file).stdout == "graph: 3 nodes, no fault\n"
    run = spinbot(api, tmp_path, "graph", "run", file)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"sum": {"value": 3}}
    assert "sum: running" in run.stderr  # the same display, from the event stream
    (job,) = api.backend.jobs.recent()
    assert (job.name, job.state) == ("graph", "succeeded")
    assert not (tmp_path / "unused").exists()


def test_all_faults_of_a_graph_come_from_the_service(api, tmp_path):
    file = written(tmp_path, document({"a": number(-1), "b": {"type": "toy_nmber"}}, "a", "b"))
    check = spinbot(api, tmp_path, "graph", "check", file)
    assert check.returncode == 2
    assert len(check.stdout.splitlines()) == 2
    refused(spinbot(api, tmp_path, "graph", "run", file), 2, "2 faults", "spinbot nodes")


def test_jobs_of_the_service_are_listed_shown_and_traced(api, tmp_path):
    job = spinbot_job(api, tmp_path)
    assert job in spinbot(api, tmp_path, "jobs").stdout
    (listed,) = json.loads(spinbot(api, tmp_path, "jobs", "--json").stdout)
    assert (listed["id"], listed["state"]) == (job, "succeeded")
    assert "sum: succeeded" in spinbot(api, tmp_path, "jobs", "show", job).stdout
    shown = json.loads(spinbot(api, tmp_path, "jobs", "show", job, "--json").stdout)
    assert [event["seq"] for event in shown["log"]] == list(range(1, shown["events"] + 1))
    assert "accounted for" in spinbot(api, tmp_path, "trace", job, "-o", "trace.json").stdout
    logged = spinbot(api, tmp_path, "logs", job).stdout
    assert "job.queued" in logged
    assert "job.succeeded" in logged
    assert json.loads((tmp_path / "trace.json").read_text())["otherData"]["job"] == job
    refused(spinbot(api, tmp_path, "jobs", "export", job), 2, "makes no video", f"spinbot jobs show {job}")
    refused(spinbot(api, tmp_path, "jobs", "show", "nope"), 3, "no job 'nope'", "spinbot jobs")


def spinbot_job(api: Api, folder: Path) -> str:
    assert spinbot(api, folder, "graph", "run", written(folder, SUM)).returncode == 0
    return api.backend.jobs.recent(1)[0].id


def test_jobs_of_the_service_are_cancelled_tried_again_paused_resumed_and_forgotten(api, tmp_path):
    diary = str(tmp_path / "diary")
    flaky = {"type": "toy_flaky", "params": {"diary": diary}, "retry": {"attempts": 1}}
    run = spinbot(api, tmp_path, "graph", "run", written(tmp_path, document({"a": flaky}, "a")))
    assert (run.returncode, run.stderr.splitlines()[-1]) == (6, "error: the toy did not answer")
    failed = api.backend.jobs.recent(1)[0].id
    refused(spinbot(api, tmp_path, "jobs", "resume", failed), 2, "is failed", f"spinbot jobs retry {failed}")
    retry = spinbot(api, tmp_path, "jobs", "retry", failed)
    assert (retry.returncode, api.backend.jobs.summary(failed).state) == (0, "succeeded"), retry.stderr

    with api.client() as client:
        client.post("/v1/queue/pause")
        waiting = client.post("/v1/jobs", json={"graph": SUM}).json()["id"]
        pause = spinbot(api, tmp_path, "jobs", "pause", waiting)
        assert (pause.returncode, api.backend.jobs.summary(waiting).state) == (0, "paused"), pause.stderr
        client.post("/v1/queue/resume")
    resume = spinbot(api, tmp_path, "jobs", "resume", waiting)
    assert (resume.returncode, api.backend.jobs.summary(waiting).state) == (0, "succeeded"), resume.stderr

    with api.client() as client:
        forever = client.post("/v1/jobs", json={"graph": document({"a": {"type": "toy_forever"}}, "a")}).json()["id"]
    cancel = spinbot(api, tmp_path, "jobs", "cancel", forever)
    assert (cancel.returncode, api.backend.jobs.summary(forever).state) == (0, "cancelled"), cancel.stderr
    assert "deleted" in spinbot(api, tmp_path, "jobs", "delete", forever).stdout
    assert forever not in {job.id for job in api.backend.jobs.recent()}


def test_ctrl_c_cancels_the_job_of_the_service(api, tmp_path):
    file = written(tmp_path, document({"a": {"type": "toy_forever"}}, "a"))
    command = [*COMMAND, "--server", api.url, "graph", "run", str(file)]
    env = environment(tmp_path / "unused")
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "a: running" in line:
                break
        run.send_signal(signal.SIGINT)
        rest = run.stderr.read()
        assert run.wait(timeout=60) == 130, rest
    assert api.backend.jobs.recent(1)[0].state == "cancelled"


def test_a_service_of_the_same_home_is_used_unless_told_otherwise(api, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    settings = Settings(home=home)

    def listed(*options: str) -> list[dict[str, Any]]:
        command = [*COMMAND, *options, "jobs", "--json"]
        run = subprocess.run(command, capture_output=True, text=True, env=environment(home), check=True)
        found: list[dict[str, Any]] = json.loads(run.stdout)
        return found

    job = api.backend.jobs.create("there", SUM)
    with announced(settings, api.url):
        assert [found["id"] for found in listed()] == [job]
        assert listed("--local") == []
        stale = json.loads((home / "service.json").read_text())
    assert not (home / "service.json").exists()
    (home / "service.json").write_text(json.dumps(stale | {"started": 1.0}))  # its process is gone
    assert running_service(settings) == ""
    assert listed() == []


def test_what_cannot_be_done_with_a_server_says_so(api, tmp_path):
    refused(spinbot(api, tmp_path, "cache", "stats"), 2, "cache works on this machine", "leave out --server")
    refused(spinbot(api, tmp_path, "models", "verify"), 2, "models verify works on this machine", "--server")
    refused(spinbot(api, tmp_path, "--local", "jobs"), 2, "exclude each other", "one of them")
    dead = subprocess.run(
        [*COMMAND, "--server", "http://127.0.0.1:9", "jobs"], capture_output=True, text=True, env=environment(tmp_path)
    )
    refused(dead, 1, "http://127.0.0.1:9 does not answer", "spinbot up")


@pytest.mark.models
@pytest.mark.timeout(900)
def test_a_video_is_made_by_the_service_and_brought_here(tmp_path, models: Callable[[str], Path]):
    home = tmp_path / "service"
    home.mkdir()
    (home / "models").symlink_to(models("kokoro-82m-int8").parent)
    portrait = tmp_path / "me.png"
    portrait.write_bytes(shipped_portrait("demo").read_bytes())
    with serving(home, {}) as api:
        voices = spinbot(api, tmp_path, "voices").stdout
        assert "stock:kumo" in voices
        nobody = spinbot(api, tmp_path, "generate", "a topic", "--voice", "nobody")
        refused(nobody, 3, "no voice 'nobody'", "stock:kumo")
        made = ["generate", "--portrait", "me.png", "--voice", "stock:kumo", "-o", "out.mp4", "--json"]
        run = spinbot(api, tmp_path, *made, "--script", "-", stdin="Hello from far away. This is short.")
        assert run.returncode == 0, run.stderr
        told = json.loads(run.stdout)
        assert sorted(path.name for path in tmp_path.glob("out.*")) == [
            "out.json",
            "out.mp4",
            "out.png",
            "out.srt",
            "out.vtt",
        ]
        assert probe(tmp_path / "out.mp4").frames == round(told["seconds"] * 25)
        assert json.loads((tmp_path / "out.json").read_text())["job"] == told["job"]
        edited = [
            "generate",
            "--edit",
            told["job"],
            "--sentence",
            "2",
            "This was edited.",
            "-o",
            "edited.mp4",
            "--json",
        ]
        run = spinbot(api, tmp_path, *edited)
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["script"] == "Hello from far away. This was edited."
        assert (tmp_path / "edited.mp4").stat().st_size > 10_000
        again = spinbot(api, tmp_path, "jobs", "export", told["job"], "-o", "again.mp4")
        assert again.returncode == 0, again.stderr
        assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()
        assert "kokoro-82m-int8" in spinbot(api, tmp_path, "models", "list").stdout
        assert "param voice" in spinbot(api, tmp_path, "nodes", "speak").stdout
    assert not (tmp_path / "unused").exists()


def test_profiles_of_the_service_are_made_shown_and_deleted(api, tmp_path):
    agreed = ("--person", "Bea", "--purpose", "tests")
    made = spinbot(api, tmp_path, "profile", "create", "bea", "--portrait", PORTRAIT, "--voice", "toy:low", *agreed)
    assert made.stdout == "bea: ready\n", made.stderr
    assert "Bea" in spinbot(api, tmp_path, "profile", "list").stdout
    shown = json.loads(spinbot(api, tmp_path, "profile", "show", "bea", "--json").stdout)
    assert (shown["consent"]["purpose"], shown["parts"][0]["kind"], shown["voice"]) == ("tests", "portrait", "toy:low")
    refused(spinbot(api, tmp_path, "profile", "create", "bea"), 2, "already", "spinbot profile show bea")
    assert spinbot(api, tmp_path, "profile", "delete", "bea").stdout.endswith("are gone\n")
    refused(spinbot(api, tmp_path, "profile", "show", "bea"), 3, "no profile 'bea'", "spinbot profile")
    assert not (tmp_path / "unused").exists()
