"""What people know a job by: where titles come from, where they are found, and that nothing is made anew for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.errors import GraphError, InputError
from spinbot.graphs.films import Scenes, Script, TalkingPortrait, VoiceOver
from spinbot.graphs.graph import Graph
from spinbot.graphs.nodes.script import GivenScript
from spinbot.graphs.templates import TEMPLATES, Picture, PictureCheck
from spinbot.media.words import split_sentences
from tests.api import TALKERS, Api, ended, serving
from tests.house import House
from tests.lab import Lab, add, number
from tests.test_jobs_cli import document, spinbot

ID = "sha256:" + "1" * 64


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


@pytest.mark.parametrize(
    ("template", "title"),
    [
        (TalkingPortrait(topic=" why the  sky\nis blue", portrait=ID), "why the sky is blue"),
        (TalkingPortrait(script="Hello, you. Here I am.", portrait=ID), "Hello, you."),
        (
            VoiceOver(script="One two three four five six seven eight nine ten."),
            "One two three four five six seven eight",
        ),
        (Scenes(scenes=[{"topic": "spring"}, {"topic": "autumn"}], portrait=ID), "spring"),
        (Script(topic="x" * 300), "x" * 197 + "..."),
        (Picture(prompt="a red boat"), "a red boat"),
        (PictureCheck(pictures=[{"artifact": ID, "name": "a.png"}]), ""),
    ],
)
def test_a_template_is_known_by_what_it_is_about(template, title):
    made = template.graph()
    assert made.get("title", "") == title
    graph = Graph.model_validate(made)
    assert (graph.title, graph.name, graph.to_json().get("title", "")) == (title, template.name, title)


def test_a_title_is_in_no_cache_key(lab):
    nodes = {"a": number(1), "b": number(2), "sum": add("a", "b")}
    plain = document(nodes, "sum")
    for titled in (plain, plain | {"title": "two numbers"}, plain | {"title": "other words", "name": "sum"}):
        job = lab.loop.run_until_complete(lab.runner.run(lab.runner.submit(titled)))
        assert (job.state, job.title) == ("succeeded", titled.get("title", ""))
        made = [run.state for run in job.nodes.values()]
        assert made == (["succeeded"] * 3 if titled is plain else ["cached"] * 3)


def test_a_title_that_is_none_is_refused(lab):
    for wrong in ("x" * 201, 3):
        with pytest.raises(GraphError, match="title"):
            lab.runner.submit(document({"a": number(1)}, "a") | {"title": wrong})


def test_the_list_of_the_command_line_shows_titles(lab):
    job = lab.runner.submit(document({"a": number(1)}, "a") | {"title": "A [bold] title"})
    assert "A [bold] title" in spinbot(lab, "jobs").stdout
    assert "A [bold] title" in spinbot(lab, "jobs", "show", job).stdout
    (listed,) = json.loads(spinbot(lab, "jobs", "--json").stdout)
    assert listed["title"] == "A [bold] title"


def test_a_video_of_the_topic_takes_the_script_that_was_written_alone(tmp_path):
    house = House(tmp_path)
    said: dict[str, Any] = {"topic": "why bees dance", "seconds": 12, "seed": 3}
    alone = house.preview(Script(**said).graph())
    video = house.preview(TalkingPortrait(**said, portrait=house.portrait).graph())
    assert [node.type for node in alone.nodes] == ["write_script"]
    assert alone.nodes[0].key == next(node.key for node in video.nodes if node.node == "script")
    assert TEMPLATES["script"] is Script
    for nothing in ("", "123 ..."):
        with pytest.raises((InputError, ValueError)):
            Script(topic=nothing)


SENTENCES = [
    "Bees dance to tell each other where flowers are.",
    'One of them asked Dr. Frisch: "Is it far?"',
    "It is 3.5 km, i.e. not far!",
    "No one knows why...",
    "A line that ends without a stop",
    "they said, and it begins small",
]


def test_a_script_that_is_given_back_as_text_has_the_same_sentences():
    text = "\n\n".join(SENTENCES)
    assert split_sentences(text) == SENTENCES
    assert GivenScript(text=text).run(None).script.sentences == SENTENCES


def test_a_topic_becomes_a_script_over_http_and_the_script_a_recording(tmp_path):
    with serving(tmp_path / "home", TALKERS) as api, api.client() as client:
        job = made(api, client, {"template": "script", "params": {"topic": "the sea"}})
        assert (job["name"], job["title"], job["state"]) == ("script", "the sea", "succeeded")
        assert list(job["outputs"]) == ["script"]
        sentences = [*job["outputs"]["script"]["sentences"], "It is wide."]
        spoken = made(api, client, {"template": "voice_over", "params": {"script": "\n\n".join(sentences)}})
        assert spoken["outputs"]["script"]["sentences"] == sentences == ["This is about the sea.", "It is wide."]


def made(api: Api, client: Any, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return ended(client, answer.json()["id"])
