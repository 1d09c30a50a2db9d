"""A video's sidecar is enough to make it again, and what comes out otherwise is named."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.actors.host import CallContext
from spinbot.errors import InputError, ModelError, NotFoundError
from spinbot.graphs.export import sidecar
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.reproduce import check_inputs, check_weights, compare, document, read_sidecar
from spinbot.graphs.values import Video
from spinbot.store.jobs import Job
from tests.lab import Lab, add, link, number
from tests.toys import Number

ticks = itertools.count()


@node("reproduce_clock")
class Clock(Node):
    """Answer another number each time."""

    class Outputs(Ports):
        """It."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        return self.Outputs(number=Number(value=next(ticks)))


@node("reproduce_signed")
class Signed(Node):
    """Answer the same content each time, under another signature."""

    seconds: float = 1.0

    class Outputs(Ports):
        """It."""

        video: Video

    def run(self, context: CallContext) -> Outputs:
        signed = context.artifacts.put_bytes(f"content, signed at {next(ticks)}".encode())
        video = Video(artifact=signed, width=8, height=6, fps=25, seconds=self.seconds, content="c0" * 32)
        return self.Outputs(video=video)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("home"), "local")
    yield lab
    lab.close()


def again(lab: Lab, told: dict[str, Any]) -> Job:
    (job,) = lab.wait(lab.runner.run(lab.runner.submit(document(told))))
    assert job.state == "succeeded", job.error
    return job


def recorded(job: Job) -> dict[str, Any]:
    """The sidecar as it is read back."""
    read: dict[str, Any] = json.loads(json.dumps(sidecar(job)))
    return read


def test_every_node_is_made_again_and_found_identical(lab, tmp_path):
    diary = tmp_path / "diary"
    twice = {"type": "toy_double", "inputs": {"number": link("sum")}}
    told = recorded(
        lab.run({"a": number(1, diary), "b": number(2, diary), "sum": add("a", "b", diary), "twice": twice})
    )
    made = diary.read_text()
    job = again(lab, told)
    assert diary.read_text() == 2 * made
    assert [(one.node, one.difference) for one in compare(told, job)] == [(n, "") for n in ("a", "b", "sum", "twice")]


def test_the_first_node_that_differs_is_named_before_what_follows_from_it(lab):
    told = recorded(lab.run({"sum": add("a", "clock"), "a": number(1), "clock": {"type": "reproduce_clock"}}))
    different = [one for one in compare(told, again(lab, told)) if one.difference]
    assert [one.node for one in different] == ["clock", "sum"]
    assert different[0].difference.startswith("outputs.number.value was ")


def test_the_parts_of_an_expansion_are_made_again_and_compared(lab):
    nodes = {"a": number(3), "all": {"type": "toy_double_all", "params": {"times": 1}, "inputs": {"number": link("a")}}}
    told = recorded(lab.run(nodes, "all"))
    compared = compare(told, again(lab, told))
    assert [(one.node, one.difference) for one in compared] == [
        (n, "") for n in ("a", "all/double-0", "all/sum", "all")
    ]
    told["nodes"]["all/double-0"]["outputs"]["number"]["value"] = 7
    assert next(one.node for one in compare(told, again(lab, told)) if one.difference) == "all/double-0"


def test_what_is_signed_is_compared_by_its_content(lab):
    job = lab.runner.submit(
        {
            "schema": "spinbot.graph/v1",
            "nodes": {"v": {"type": "reproduce_signed"}},
            "outputs": {"v": link("v", "video")},
        }
    )
    told = recorded(lab.wait(lab.runner.run(job))[0])
    made = again(lab, told)
    assert made.outputs["v"]["artifact"] != told["nodes"]["v"]["outputs"]["video"]["artifact"]
    assert [one.difference for one in compare(told, made)] == [""]
    video = told["nodes"]["v"]["outputs"]["video"]
    video["made_by"] = [{"slot": "tts", "engine": "x", "weights": ""}]
    assert "made_by" in compare(told, made)[0].difference
    video |= {"made_by": [], "seconds": 2.0}
    assert compare(told, made)[0].difference == "outputs.video.seconds was 2.0, is 1.0"


def test_other_weights_are_refused_by_name(lab):
    twice = {"type": "toy_double", "inputs": {"number": link("a")}}
    told = recorded(lab.run({"a": number(4), "twice": twice}, "twice"))
    check_weights(told, lambda slot, engine: "w1")
    with pytest.raises(ModelError, match=r"ToyEngine \(script\) has other weights .* node twice") as refused:
        check_weights(told, lambda slot, engine: "w2")
    assert refused.value.exit_code == 4


def test_an_input_that_is_gone_is_named(lab):
    gone = "sha256:" + "0" * 64
    told = {"graph": {"nodes": {"portrait": {"type": "load_image", "params": {"artifact": gone}}}}, "nodes": {}}
    with pytest.raises(NotFoundError, match="node portrait starts from") as refused:
        check_inputs(told, lab.artifacts)
    assert refused.value.hint
    there = {"graph": {"nodes": {"p": {"params": {"artifact": lab.artifacts.put_bytes(b"x")}}}}, "nodes": {}}
    check_inputs(there, lab.artifacts)


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"graph": {}}'])
def test_a_video_without_its_sidecar_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "v.json").write_text(content)
    with pytest.raises(InputError, match=r"sidecar|JSON") as refused:
        read_sidecar(tmp_path / "v.mp4")
    assert "beside each video" in refused.value.hint


@pytest.mark.ray
@pytest.mark.models
def test_a_real_video_is_made_again_bit_by_bit(tmp_path: Path, models: Callable[[str], Path]):
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(models("kokoro-82m-int8").parent)
    out = tmp_path / "hello.mp4"

    def spinbot(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "spinbot.cli.main", *map(str, arguments)]
        env = os.environ | {"SPINBOT_HOME": str(home), "COLUMNS": "160"}
        return subprocess.run(command, capture_output=True, text=True, input="Hello from a small video.", env=env)

    made = spinbot("generate", "--script", "-", "-o", out)
    assert made.returncode == 0, made.stderr
    run = spinbot("reproduce", out, "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["identical"]
    assert len(told["nodes"]) >= 9
    sidecar_file = out.with_suffix(".json")
    changed = json.loads(sidecar_file.read_text())
    name, node_told = next((n, t) for n, t in changed["nodes"].items() if t["engines"])
    node_told["engines"] = dict.fromkeys(node_told["engines"], "other")
    sidecar_file.write_text(json.dumps(changed))
    refused = spinbot("reproduce", out)
    assert refused.returncode == 4
    assert f"node {name}" in refused.stderr
