"""What a job does from its submission to its end, on both pools: the one in this process and the one on Ray."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

import pytest

import tests.toys as toys
from spinbot.actors.host import CallContext
from spinbot.errors import GraphError
from spinbot.graphs.node import Node, Ports, node
from spinbot.store.jobs import Job
from spinbot.store.ledger import Ledger, Turn
from tests.lab import Lab, add, link, number


@node("runner_odd_figure")
class OddFigure(Node):
    """Report what is no number."""

    class Outputs(Ports):
        """Never."""

        number: toys.Number

    def run(self, context: CallContext) -> Outputs:
        context.figures(1, {"loss": math.nan})
        return self.Outputs(number=toys.Number(value=1))


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("home"), request.param)
    yield lab
    lab.close()


def test_a_graph_is_computed_and_its_outputs_named(lab):
    job = lab.run({"a": number(1), "b": number(2), "sum": add("a", "b")}, "sum")
    assert (job.state, job.outputs) == ("succeeded", {"sum": {"value": 3}})
    assert [event.seq for event in lab.jobs.events(job.id)] == list(range(1, job.events + 1))
    assert lab.kinds(job)[0] == "job.queued"
    assert lab.kinds(job)[-1] == "job.succeeded"


def test_nodes_that_do_not_need_each_other_run_side_by_side(lab, tmp_path):
    # Each waits for the other: one after another they would never end.
    meet = {n: {"type": "toy_meet", "params": {"meeting": str(tmp_path), "name": n}} for n in ("a", "b")}
    assert lab.run(meet).state == "succeeded"


def test_a_node_is_not_run_again_for_the_same_question(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": number(20, str(diary)), "b": number(22, str(diary)), "sum": add("a", "b", str(diary))}
    first, second = lab.run(nodes, "sum"), lab.run(nodes, "sum")
    assert first.outputs == second.outputs == {"sum": {"value": 42}}
    assert sorted(diary.read_text().split("\n")) == ["", "add 20 22", "number 20", "number 22"]
    assert {run.state for run in second.nodes.values()} == {"cached"}


def test_a_changed_parameter_runs_that_node_and_what_follows_from_it(lab, tmp_path):
    diary = tmp_path / "diary"
    before = {"a": number(30, str(diary)), "b": number(31, str(diary)), "sum": add("a", "b", str(diary))}
    after = before | {"b": number(32, str(diary))}
    lab.run(before, "sum")
    diary.unlink()
    job = lab.run(after, "sum")
    assert job.outputs == {"sum": {"value": 62}}
    assert {name: run.state for name, run in job.nodes.items()} == {"a": "cached", "b": "succeeded", "sum": "succeeded"}
    assert sorted(diary.read_text().split()) == sorted(["number", "32", "add", "30", "32"])


@pytest.mark.parametrize(("cache", "state"), [("refresh", "succeeded"), ("off", "succeeded"), ("use", "cached")])
def test_a_node_says_whether_it_wants_the_cache(lab, cache, state):
    lab.run({"a": number(40)})
    assert lab.run({"a": number(40, cache=cache)}).nodes["a"].state == state


def test_a_cached_result_whose_file_is_gone_is_made_again(lab):
    node = {"f": {"type": "toy_file", "params": {"content": "precious"}}}
    graph = {"schema": "spinbot.graph/v1", "nodes": node, "outputs": {"text": link("f", "text")}}

    def run() -> Job:
        return lab.loop.run_until_complete(lab.runner.run(lab.runner.submit(graph)))

    artifact = run().outputs["text"]["text"]
    lab.artifacts.path(artifact).unlink()
    again = run()
    assert again.nodes["f"].state == "succeeded"
    assert lab.artifacts.path(artifact).read_bytes() == b"precious"


def test_a_node_shows_figures_and_files_in_the_order_in_which_they_were_made(lab):
    job = lab.run({"show": {"type": "toy_show"}})
    shown = [event for event in lab.jobs.events(job.id, after=2) if event.kind in ("node.figures", "node.preview")]
    assert {event.node for event in shown} == {"show"}
    first, second = (event.data["artifact"] for event in shown if event.kind == "node.preview")
    assert [(event.kind, event.data) for event in shown] == [
        ("node.figures", {"step": 1, "figures": {"loss": 1.0}}),
        ("node.preview", {"artifact": first, "kind": "audio", "caption": "after 1", "step": 1}),
        ("node.figures", {"step": 2, "figures": {"loss": 0.5}}),
        ("node.preview", {"artifact": second, "kind": "audio", "caption": "after 2", "step": 2}),
    ]
    assert lab.artifacts.path(second).read_bytes() == b"step 2"


@pytest.mark.parametrize("lab", ["local"], indirect=True)
def test_a_figure_that_is_no_number_is_a_defect_and_never_stored(lab):
    job = lab.run({"show": {"type": "runner_odd_figure"}})
    assert job.error["code"] == "internal"
    assert "loss at step 1: no finite number" in job.error["message"]
    assert "node.figures" not in lab.kinds(job)


def test_an_engine_is_loaded_once_for_all_jobs(lab):
    loaded = 0
    for value in (50, 51, 52):
        nodes = {"a": number(value), "twice": {"type": "toy_double", "inputs": {"number": link("a")}}}
        job = lab.run(nodes, "twice")
        assert job.outputs == {"twice": {"value": 2 * value}}
        loaded += lab.kinds(job).count("model.loaded")
    assert loaded <= 1  # an earlier test may have loaded it
    assert lab.pool.resident("language") == {f"script/{toys.TOY}"}


def test_a_failing_node_fails_the_job_with_its_cause_and_remedy(lab):
    bad = {"type": "toy_fail"}
    job = lab.run({"a": number(60), "bad": bad, "sum": add("a", "bad")}, "sum")
    assert job.state == "failed"
    assert (job.error["code"], job.error["message"], job.error["hint"]) == (
        "unhappy",
        "the toy is unhappy",
        "be nice to it",
    )
    assert job.nodes["bad"].state == "failed"
    assert job.nodes["sum"].state == "skipped"


def test_a_defect_in_a_node_is_reported_with_its_traceback(lab):
    job = lab.run({"bad": {"type": "toy_fail", "params": {"how": "defect"}}})
    assert (job.state, job.error["code"]) == ("failed", "internal")
    assert "ZeroDivisionError" in job.error["message"]
    assert any("toys.py" in line for line in job.error["details"][0]["log_tail"])


def test_an_engine_that_cannot_load_says_so_and_the_host_lives_on(lab):
    broken = {"type": "toy_broken", "inputs": {"number": link("a")}}
    job = lab.run({"a": number(70), "never": broken}, "never")
    assert (job.error["error"], job.error["hint"]) == ("ModelError", "spinbot models pull toy")
    sound = {"type": "toy_double", "inputs": {"number": link("a")}}
    assert lab.run({"a": number(71), "twice": sound}, "twice").outputs == {"twice": {"value": 142}}


def test_cancel_stops_a_running_node_and_what_waits_behind_it(lab, tmp_path):
    forever = {"type": "toy_forever", "params": {"started": str(tmp_path / "diary")}}
    graph = {
        "schema": "spinbot.graph/v1",
        "nodes": {"long": forever, "sum": add("long", "long")},
        "outputs": {"sum": link("sum")},
    }
    job = lab.runner.submit(graph)

    async def run_and_cancel() -> Job:
        begun = asyncio.Event()
        stop = lab.runner.listen(lambda event: begun.set() if event.kind == "node.progress" else None)
        running = asyncio.create_task(lab.runner.run(job))
        await begun.wait()
        lab.runner.ask(job, "cancel")
        stop()
        return await running

    ended = lab.loop.run_until_complete(run_and_cancel())
    assert ended.state == "cancelled"
    assert {run.state for run in ended.nodes.values()} == {"cancelled"}
    assert lab.run({"a": number(80)}).state == "succeeded"


def test_a_job_goes_on_from_its_finished_nodes(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": number(90, str(diary), cache="off"), "b": number(1, str(diary)), "sum": add("a", "b", str(diary))}
    job = lab.submit(nodes, "sum")
    # As a runner that died behind its first node leaves it.
    dead = Ledger(lab.jobs, lease_s=0)
    claimed = dead.claim(job)
    turn, run = Turn(), claimed.nodes["a"]
    run.state, run.outputs = "succeeded", {"number": {"value": 90}}
    turn.change(run, {})
    dead.write(job, claimed.epoch, turn)
    ended = lab.loop.run_until_complete(lab.runner.run(job))
    assert ended.outputs == {"sum": {"value": 91}}
    assert "number 90" not in diary.read_text()


def test_a_submitted_job_is_its_runners_until_the_lease_runs_out(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": number(7, str(diary), cache="off")}
    graph = {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": {"a": link("a")}}
    kept = lab.runner.submit(graph)
    assert lab.another_runner().ledger.claim(kept) is None
    late = lab.another_runner()
    late.ledger = Ledger(lab.jobs, lease_s=0)
    lost = late.submit(graph)
    ended = lab.wait(lab.runner.run(kept), lab.runner.run(lost))
    ended += lab.wait(late.run(lost))  # another had it meanwhile: its result counts
    assert [job.outputs for job in ended] == [{"a": {"value": 7}}] * 3
    assert diary.read_text().count("number 7") == 2


def test_bad_graphs_are_refused_before_anything_is_stored(lab):
    before = len(lab.jobs.recent(1000))
    with pytest.raises(GraphError):
        lab.runner.submit({"schema": "spinbot.graph/v1", "nodes": {"a": {"type": "nope"}}, "outputs": {}})
    assert len(lab.jobs.recent(1000)) == before


@pytest.mark.ray
@pytest.mark.parametrize("lab", ["ray"], indirect=True)
def test_a_host_that_dies_is_started_again_and_the_node_with_it(lab, tmp_path):
    job = lab.run({"crash": {"type": "toy_crash", "params": {"marker": str(tmp_path / "marker")}}})
    assert job.outputs == {"crash": {"value": 7}}
    assert job.nodes["crash"].attempt == 2
