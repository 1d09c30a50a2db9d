"""The preview of a graph: what is in the cache, how long the rest takes, what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.config import HostGroup
from spinbot.graphs.check import parse
from spinbot.graphs.films import Scenes, TalkingPortrait
from spinbot.graphs.graph import Expansion, Link, NodeSpec
from spinbot.graphs.node import Node, Ports, node
from spinbot.models.catalogue import load_catalogue
from spinbot.planner.costs import Costs, Run
from spinbot.planner.hardware import lacking
from spinbot.planner.past import Past, read_past
from spinbot.planner.preview import Preview, preview
from spinbot.planner.schedule import Task, elapsed, longest_chain
from tests.house import House
from tests.lab import Lab, add, link, number
from tests.toy_work import ToyWork  # noqa: F401  # publishes the node types
from tests.toys import Number

TEN_SECONDS = 10.0


@node("preview_pair", inner_slots=("script",))
class Pair(Node):
    """Expand into two doubles of the input, and their sum; tells so beforehand."""

    number: Number
    extra: int = Field(default=0, description="A third number to add")

    class Outputs(Ports):
        """The sum."""

        number: Number

    def run(self, context: CallContext) -> Expansion:
        return self.foretold()

    def foretold(self) -> Expansion:
        double = NodeSpec(type="toy_double", inputs={"number": Link(node="..", output="number")})
        extra = NodeSpec(type="toy_number", params={"value": self.extra})
        total = NodeSpec(
            type="toy_sum", inputs={"numbers": [Link(node=name, output="number") for name in ("double", "extra")]}
        )
        return Expansion(
            nodes={"double": double, "extra": extra, "sum": total},
            outputs={"number": Link(node="sum", output="number")},
        )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


def foresee(lab: Lab, nodes: dict[str, Any], *outputs: str, **options: Any) -> Preview:
    named = {name: link(name) for name in outputs or list(nodes)}
    document = {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": named}
    return preview(
        parse(document, artifacts=lab.artifacts, settings=lab.settings),
        settings=lab.settings,
        jobs=lab.database,
        artifacts=lab.artifacts,
        weights=lambda slot, engine: "w1",
        catalogue=load_catalogue(),
        past=read_past(lab.database),
        **options,
    )


def states(found: Preview) -> dict[str, str]:
    return {node.node: node.state for node in found.nodes}


def test_what_will_be_cached_is_said_before_anything_runs(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": number(1, diary), "b": number(2, diary), "sum": add("a", "b", diary), "top": add("sum", "a", diary)}
    assert states(foresee(lab, nodes)) == {"a": "run", "b": "run", "sum": "unknown", "top": "unknown"}
    assert not diary.exists()
    lab.run(nodes)
    diary.unlink()
    assert states(foresee(lab, nodes)) == dict.fromkeys(nodes, "cached")
    changed = nodes | {"b": number(3, diary)}
    assert states(foresee(lab, changed)) == {"a": "cached", "b": "run", "sum": "unknown", "top": "unknown"}
    assert not diary.exists()
    job = lab.run(changed)
    assert {name: run.state for name, run in job.nodes.items()} == {
        "a": "cached",
        "b": "succeeded",
        "sum": "succeeded",
        "top": "succeeded",
    }


def test_the_key_of_a_preview_is_the_key_of_the_job(lab):
    nodes = {"a": number(1), "twice": {"type": "toy_double", "inputs": {"number": link("a")}}}
    job = lab.run(nodes)
    assert {node.node: node.key for node in foresee(lab, nodes).nodes} == {n: run.key for n, run in job.nodes.items()}


@pytest.mark.parametrize(("cache", "state"), [("refresh", "run"), ("off", "run"), ("use", "cached")])
def test_a_node_that_wants_no_cache_is_run(lab, cache, state):
    lab.run({"a": number(5)})
    assert states(foresee(lab, {"a": number(5, cache=cache)})) == {"a": state}


def test_a_stored_result_whose_file_is_gone_is_no_hit(lab):
    nodes = {"file": {"type": "toy_file", "params": {"content": "something"}}}
    named = {"file": link("file", "text")}
    document = {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": named}
    job = lab.loop.run_until_complete(lab.runner.run(lab.runner.submit(document)))
    path = lab.artifacts.path(job.outputs["file"]["text"])
    graph = parse(document, artifacts=lab.artifacts, settings=lab.settings)

    def look() -> dict[str, str]:
        return states(
            preview(
                graph,
                settings=lab.settings,
                jobs=lab.database,
                artifacts=lab.artifacts,
                weights=lambda slot, engine: "w1",
                catalogue=load_catalogue(),
                past=Past(),
            )
        )

    assert look() == {"file": "cached"}
    path.unlink()
    assert look() == {"file": "run"}


def test_an_expansion_is_looked_into(lab):
    def pair(extra: int) -> dict[str, Any]:
        inputs = {"number": link("a")}
        return {"a": number(4), "pair": {"type": "preview_pair", "params": {"extra": extra}, "inputs": inputs}}

    assert states(foresee(lab, pair(1), "pair")) == {"a": "run", "pair": "unknown"}
    lab.run(pair(1), "pair")
    assert states(foresee(lab, pair(1), "pair")) == {"a": "cached", "pair": "cached"}
    seen = states(foresee(lab, pair(2), "pair"))
    assert seen == {
        "a": "cached",
        "pair": "expanded",
        "pair/double": "cached",
        "pair/extra": "run",
        "pair/sum": "unknown",
    }
    job = lab.run(pair(2), "pair")
    assert {name for name, run in job.nodes.items() if run.state == "cached"} == {
        name for name, state in seen.items() if state == "cached"
    }


def test_seconds_are_learned_from_runs_of_the_same_type_and_engine(lab):
    work = {"type": "toy_work", "params": {"name": "w", "diary": "", "steps": 5}}
    document = {"schema": "spinbot.graph/v1", "nodes": {"w": work}, "outputs": {"w": link("w", "text")}}
    other = document | {"nodes": {"w": {"type": "toy_think", "params": {"name": "x", "diary": "", "steps": 5}}}}
    for graph in (document, other):
        lab.loop.run_until_complete(lab.runner.run(lab.runner.submit(graph)))
    past = read_past(lab.database)
    assert past.costs.predict("toy_work", [], None).seconds >= 0.1  # five steps of 0.02 s
    assert past.costs.predict("toy_think", ["script/tests.toys:ToyEngine"], None).runs == 1
    assert past.costs.predict("toy_think", ["script/tests.toys:OtherToyEngine"], None).seconds is None
    assert past.loads.keys() == {"script/tests.toys:ToyEngine"}


def test_a_prediction_is_the_median_scaled_by_size():
    runs = [Run("toy_scaled", frozenset(), size, seconds) for size, seconds in ((10, 5), (20, 10), (10, 100))]
    costs = Costs(runs)
    assert costs.predict("toy_scaled", [], 4).seconds == pytest.approx(2)
    assert costs.predict("toy_scaled", [], 4).runs == 3
    default = Costs().predict("animate_portrait", [], TEN_SECONDS)
    assert default.runs == 0
    twice = Costs([Run("animate_portrait", frozenset(), 20, 2 * Costs().predict("animate_portrait", [], 20).seconds)])
    assert twice.predict("animate_portrait", [], TEN_SECONDS).seconds == pytest.approx(2 * default.seconds)


def test_what_is_known_of_no_node_is_said(lab):
    found = foresee(lab, {"a": number(1)})
    assert found.not_predicted == ["a"]
    lab.run({"a": number(1)})
    found = foresee(lab, {"a": number(2)})
    assert found.not_predicted == []
    assert found.nodes[0].learned_from == 1
    assert 0 <= found.computing_s == found.chain_s == found.elapsed_s


def test_the_longest_chain_and_the_time_on_few_hosts():
    def task(seconds: float, group: str | None, *needs: str) -> Task:
        return Task(seconds, group, frozenset(needs))

    tasks = {"a": task(2, "x"), "b": task(3, "x"), "c": task(1, "y", "a"), "end": task(0, None, "b", "c")}
    assert longest_chain(tasks) == 3
    assert elapsed(tasks, {"x": 2, "y": 1}, {}) == 3
    assert elapsed(tasks, {"x": 1, "y": 1}, {}) == 5
    assert elapsed(tasks, {"x": 1, "y": 1}, {"y": 7}) == 8
    assert (longest_chain({}), elapsed({}, {}, {})) == (0, 0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.database.dispose()


def test_a_video_is_predicted_sentence_by_sentence(house):
    short = house.preview(TalkingPortrait(topic="bees", seconds=6, portrait=house.portrait).graph())
    long = house.preview(TalkingPortrait(topic="bees", seconds=60, portrait=house.portrait).graph())
    assert not short.not_predicted
    assert sum(node.type == "speak_sentence" for node in short.nodes) == 1
    assert sum(node.type == "speak_sentence" for node in long.nodes) == 11
    assert all(node.guessed == node.node.startswith("perform/") for node in long.nodes)
    assert long.computing_s > 5 * short.computing_s
    assert long.computing_s > long.elapsed_s > long.chain_s > 0


def test_a_given_script_is_spoken_as_long_as_it_is(house):
    sentence = "Every sentence of this speech has about as many characters as the others. "
    found = [
        house.preview(TalkingPortrait(script=sentence * count, portrait=house.portrait).graph()) for count in (1, 4)
    ]
    spoken = [sum(n.seconds or 0 for n in f.nodes if n.type == "speak_sentence") for f in found]
    assert spoken[1] / spoken[0] == pytest.approx(4, rel=0.2)


def test_what_an_edit_costs_is_what_it_changes(house):
    """A given script is known before it runs, so the sentences that stay are found in the cache."""
    sentences = ["The harbor was quiet.", "Then a bell rang.", "Nobody moved."]

    def graph(text: str) -> dict[str, Any]:
        document = TalkingPortrait(script="Hello.", portrait=house.portrait).graph()
        params = {"sentences": [*sentences[:2], text], "title": "The Harbor"}
        return document | {"nodes": document["nodes"] | {"script": {"type": "edited_script", "params": params}}}

    before = {node.node: node for node in house.preview(graph(sentences[2])).nodes}
    assert before["script"].state == "run"
    assert before["perform/speak-1"].guessed  # the picture is not known yet, and so neither is what is made of it
    image = {"artifact": house.portrait, "width": 512, "height": 512}
    face = {"x": 0, "y": 0, "width": 9, "height": 9, "score": 1, "keypoints": [(0, 0)] * 6, "count": 1}
    for name, outputs in (("portrait", {"image": image}), ("face", {"face": face}), ("frame", {"image": image})):
        house.remember(house.preview(graph(sentences[2])), **{name: outputs})
    known = house.preview(graph(sentences[2]))
    speech = {"audio": house.portrait, "timing": house.portrait, "seconds": 2.0, "sample_rate": 24000}
    house.remember(known, **{f"perform/speak-{n}": {"speech": speech} for n in (1, 2, 3)})
    again = {node.node: node.state for node in house.preview(graph("Somebody coughed.")).nodes}
    assert [again[f"perform/speak-{n}"] for n in (1, 2, 3)] == ["cached", "cached", "run"]
    assert [again[f"perform/animate-{n}"] for n in (1, 2, 3)] == ["run", "run", "unknown"]


def test_a_script_that_cannot_be_spoken_is_previewed_like_any_other(house):
    document = TalkingPortrait(script="Hello.", portrait=house.portrait).graph()
    script = {"type": "given_script", "params": {"text": "Привет всем."}}
    found = house.preview(document | {"nodes": document["nodes"] | {"script": script}})
    assert {node.node: node.state for node in found.nodes}["script"] == "run"


def test_scenes_are_as_long_as_all_of_them(house):
    scenes = [{"topic": "spring", "seconds": 12}, {"topic": "autumn", "seconds": 12}]
    both = house.preview(Scenes(scenes=scenes, portrait=house.portrait).graph())
    one = house.preview(TalkingPortrait(topic="spring", seconds=24, portrait=house.portrait).graph())
    assert both.computing_s == pytest.approx(one.computing_s, rel=0.15)


def test_memory_is_counted_by_host_group_and_what_cannot_fit_is_named(tmp_path):
    small = House(tmp_path / "a", hosts={"language": {"memory_gb": 0.5}, "speech": {"memory_gb": 0.38}})
    found = small.preview(TalkingPortrait(topic="bees", portrait=small.portrait).graph())
    catalogue = load_catalogue()
    assert found.groups["language"].engines == {"script/smollm2": catalogue["smollm2-135m-instruct"].memory_mb << 20}
    assert found.groups["speech"].memory_bytes == sum(found.groups["speech"].engines.values())
    assert not found.fits
    assert found.missing == [
        "a node needs 1,000 MB at once, the budget of host group language is 512 MB; "
        "raise SPINBOT_HOSTS__LANGUAGE__MEMORY_GB"
    ]
    large = House(tmp_path / "b")
    assert large.preview(TalkingPortrait(topic="bees", portrait=large.portrait).graph()).fits


def test_what_a_cluster_can_never_give_is_named(tmp_path):
    house = House(tmp_path, hosts={"vision": {"num_gpus": 1}, "speech": {"num_gpus": 1, "num_cpus": 2}})
    graph = TalkingPortrait(topic="bees", portrait=house.portrait).graph()
    gib = 2**30
    for cluster, missing in (
        ([{"CPU": 8, "GPU": 2, "memory": 16 * gib}], []),
        ([{"CPU": 8, "GPU": 1}, {"CPU": 2, "GPU": 1}], []),
        ([{"CPU": 8, "GPU": 1}], ["beside the other groups no machine has 1 GPU left for host group vision"]),
        (
            [{"CPU": 1, "GPU": 2}],
            ["host group speech needs 2 CPU, no machine has more than 1 CPU"],
        ),
        (
            [{"CPU": 4, "GPU": 0}, {"CPU": 1, "GPU": 2}],
            ["host group speech needs 2 CPU, 1 GPU on one machine, none has all of it"],
        ),
        (
            [{"CPU": 4, "GPU": 2, "memory": gib / 2}],
            ["host group language needs 1,000 MB of memory, no machine has more than 512 MB of memory"],
        ),
    ):
        found = house.preview(graph, cluster=cluster)
        assert found.missing == missing
        assert found.fits == (not missing)


def test_a_cluster_without_machines_gives_nothing():
    hosts = {"gpu": HostGroup(slots=["script"], num_gpus=1)}
    found = lacking({"gpu": preview_need()}, hosts, [])
    assert found == {"gpu": ["host group gpu needs 1 GPU, no machine has more than 0 GPU"]}


def preview_need() -> Any:
    from spinbot.planner.hardware import group_needs

    hosts = {"gpu": HostGroup(slots=["script"], num_gpus=1)}
    return group_needs([(("script",), {"script": "a"})], hosts, {"script/a": 1})["gpu"]


def test_a_graph_of_many_nodes_is_previewed_whole(lab):
    nodes = {f"n{i}": number(i) for i in range(1000)}
    lab.run({name: nodes[name] for name in list(nodes)[::2]})
    found = states(foresee(lab, nodes))
    assert [found[f"n{i}"] for i in range(4)] == ["cached", "run", "cached", "run"]
    assert len(found) == 1000
