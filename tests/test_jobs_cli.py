"""Jobs from the command line: listing, pausing, cancelling, taking up again, exporting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.store.ledger import Ledger, Turn
from tests.lab import Lab, add, link, number
from tests.test_cli import refused

ROOT = Path(__file__).parent.parent


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


def environment(home: Path) -> dict[str, str]:
    """The command knows the toys, and so do the hosts that it starts."""
    toys = {"SPINBOT_PLUGINS": '["tests.toys"]', "PYTHONPATH": str(ROOT)}
    return os.environ | {"SPINBOT_HOME": str(home), "COLUMNS": "160"} | toys


def spinbot(lab: Lab, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spinbot.cli.main", *map(str, arguments)]
    env = environment(lab.settings.root)
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)


def document(nodes: dict[str, Any], *outputs: str) -> dict[str, Any]:
    return {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": {name: link(name) for name in outputs}}


def interrupted(lab: Lab) -> str:
    """A job whose runner died when its first node was done."""
    job = lab.submit({"a": number(1, cache="off"), "b": number(2), "sum": add("a", "b")}, "sum")
    dead = Ledger(lab.jobs, lease_s=0)
    claimed = dead.claim(job)
    turn, run = Turn(), claimed.nodes["a"]
    turn.end("running")
    run.state, run.outputs = "succeeded", {"number": {"value": 40}}
    turn.change(run, {"outputs": run.outputs})
    dead.write(job, claimed.epoch, turn)
    return job


def finished(lab: Lab, **outputs: Any) -> str:
    """A job that succeeded with these outputs."""
    graph = {"nodes": {"a": number(1)}, "outputs": {name: link("a") for name in outputs}}
    ledger = Ledger(lab.jobs, lease_s=5)
    job = ledger.claim(lab.jobs.create("talking_portrait", graph))
    turn, run = Turn(), job.nodes["a"]
    run.state, run.outputs = "succeeded", outputs
    turn.change(run, {})
    turn.end("succeeded", outputs=outputs)
    ledger.write(job.id, job.epoch, turn)
    return job.id


def state(lab: Lab, job: str) -> str:
    return lab.jobs.get(job).state


def test_a_job_whose_runner_died_is_listed_as_interrupted(lab):
    job, queued = interrupted(lab), lab.submit({"a": number(1)})
    lines = spinbot(lab, "jobs").stdout.splitlines()
    assert next(line.split()[2] for line in lines if job in line) == "interrupted"
    assert next(line.split()[2] for line in lines if queued in line) == "queued"
    shown = spinbot(lab, "jobs", "show", job).stdout
    assert f"{job} graph: interrupted" in shown
    assert "a: succeeded" in shown
    told = json.loads(spinbot(lab, "jobs", "show", job, "--json").stdout)
    assert (told["state"], told["nodes"]["a"]["state"], told["log"][0]["kind"]) == (
        "interrupted",
        "succeeded",
        "job.queued",
    )


def test_a_job_that_nobody_runs_is_cancelled_at_once(lab):
    for job in (lab.submit({"a": number(1)}), interrupted(lab)):
        run = spinbot(lab, "jobs", "cancel", job)
        assert (run.returncode, state(lab, job)) == (0, "cancelled"), run.stderr
        assert f"spinbot jobs retry {job}" in run.stdout
    assert lab.jobs.get(job).nodes["a"].state == "succeeded"


def test_a_paused_job_can_be_cancelled_and_then_forgotten(lab):
    job = lab.submit({"a": number(1)})
    assert spinbot(lab, "jobs", "pause", job).returncode == 0
    assert state(lab, job) == "paused"
    assert spinbot(lab, "jobs", "pause", job).returncode == 0
    refused(spinbot(lab, "jobs", "delete", job), 2, "is paused", f"spinbot jobs cancel {job}")
    assert spinbot(lab, "jobs", "cancel", job).returncode == 0
    assert state(lab, job) == "cancelled"
    assert spinbot(lab, "jobs", "delete", job).returncode == 0
    refused(spinbot(lab, "jobs", "show", job), 3, f"no job '{job}'", "spinbot jobs")


@pytest.mark.parametrize(
    ("wish", "waits", "becomes"),
    [("pause", "node long to end", "paused"), ("cancel", "node long to stop", "cancelled")],
)
def test_a_job_that_another_process_runs_is_waited_for(lab, tmp_path, wish, waits, becomes):
    gate = tmp_path / "gate"
    stop_at = "toy_gate" if wish == "pause" else "toy_forever"
    long = {"type": stop_at, "params": {"gate": str(gate)} if wish == "pause" else {}}
    job = lab.submit({"long": long, "sum": add("long", "long")}, "sum")
    running = threading.Thread(target=lab.loop.run_until_complete, args=[lab.runner.run(job)])
    running.start()
    while lab.jobs.get(job).nodes["long"].state != "running":
        threading.Event().wait(0.01)
    command = [sys.executable, "-m", "spinbot.cli.main", "jobs", wish, job]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment(lab.settings.root)}
    with subprocess.Popen(command, **pipes) as run:
        if wish == "pause":
            assert waits in run.stderr.readline()
            assert run.poll() is None
            gate.touch()
        said, _ = run.communicate(timeout=60)
    running.join()
    assert f"{job}: {becomes}" in said
    assert (state(lab, job), lab.jobs.get(job).nodes["sum"].attempt) == (becomes, 0)


def test_what_cannot_be_asked_of_a_job_is_said_with_what_can(lab):
    done = lab.run({"a": number(1)}).id
    failed = lab.run({"a": {"type": "toy_fail"}}).id
    refused(spinbot(lab, "jobs", "cancel", done), 2, "has ended", f"spinbot jobs show {done}")
    refused(spinbot(lab, "jobs", "resume", failed), 2, "is failed", f"spinbot jobs retry {failed}")
    refused(spinbot(lab, "jobs", "retry", lab.submit({"a": number(1)})), 2, "is queued", "spinbot jobs resume")
    refused(spinbot(lab, "jobs", "export", done), 2, "makes no video", f"spinbot jobs show {done}")
    refused(spinbot(lab, "jobs", "resume", "-o", "x.mp4"), 2, "for one job", "resume JOB")
    refused(spinbot(lab, "jobs", "pause", "nope"), 3, "no job 'nope'", "spinbot jobs")


def test_the_video_of_a_job_is_written_again(lab, tmp_path):
    video = {"artifact": lab.artifacts.put_bytes(b"an mp4"), "width": 8, "height": 6, "fps": 25, "seconds": 1.5}
    run = spinbot(lab, "jobs", "export", finished(lab, video=video), "-o", tmp_path / "again.mp4")
    assert run.returncode == 0, run.stderr
    assert "again.mp4: 1.5 s, 8x6" in run.stdout
    assert (tmp_path / "again.mp4").read_bytes() == b"an mp4"
    assert json.loads((tmp_path / "again.json").read_text())["nodes"]["a"]["state"] == "succeeded"


@pytest.mark.ray
def test_jobs_are_taken_up_from_their_finished_nodes(lab, tmp_path):
    """One by its name, then all that are left; then one that failed."""
    paused = lab.submit({"a": number(7)})
    lab.jobs.ask(paused, "pause")
    lab.wait(lab.runner.run(paused))
    run = spinbot(lab, "jobs", "resume", paused)
    assert (run.returncode, state(lab, paused)) == (0, "succeeded"), run.stderr
    diary = tmp_path / "diary"
    flaky = {"type": "toy_flaky", "params": {"diary": str(diary)}, "retry": {"attempts": 1}}
    died, failing, queued = interrupted(lab), lab.submit({"a": flaky}), lab.submit({"a": number(8)})
    run = spinbot(lab, "jobs", "resume")
    assert run.returncode == 6, run.stderr
    assert [state(lab, job) for job in (died, failing, queued)] == ["succeeded", "failed", "succeeded"]
    assert lab.jobs.get(died).outputs == {"sum": {"value": 42}}
    assert "the toy did not answer" in run.stderr
    run = spinbot(lab, "jobs", "retry", failing)
    assert (run.returncode, state(lab, failing)) == (0, "succeeded"), run.stderr
    assert "no job is interrupted or queued" in spinbot(lab, "jobs", "resume").stdout
