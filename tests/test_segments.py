"""A talking video out of sentences: what it shows and says, what an edit makes anew, what a crash costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbot.actors.pool import local_pool
from spinbot.cli.studio import Studio
from spinbot.config import Settings
from spinbot.engines.base import no_progress
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.engines.talking_head.motion import blinks
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.edit import edit_sentence
from spinbot.graphs.films import TalkingPortrait
from spinbot.graphs.graph import Expansion
from spinbot.graphs.node import NODES
from spinbot.graphs.nodes.segments import JoinSegments, PerformScript, segment_seed
from spinbot.media.audio import join_wavs, read_audio, write_wav
from spinbot.media.portraits import path as shipped_portrait
from spinbot.media.probe import probe
from spinbot.media.score import eye_openness, mouth_opening
from spinbot.media.timing import Timing
from spinbot.media.video import read_frames
from spinbot.store.jobs import Job

SENTENCES = [
    "The harbor was quiet.",
    "Nobody had seen the ship for years!",
    "Then a bell rang.",
    "Those who remembered her name spoke of her with lowered voices, and never after dark.",
]
ID = "sha256:" + "0" * 64


class Workshop:
    """A home of its own with a runner in this process."""

    def __init__(self, home: Path, models: Path) -> None:
        home.mkdir(exist_ok=True)
        (home / "models").symlink_to(models)
        self.studio = Studio(Settings(home=home))
        self.loop = asyncio.new_event_loop()
        self.pool = local_pool(self.studio.settings)
        self.runner = self.studio.runner(self.pool)

    def run(self, graph: dict[str, Any]) -> Job:
        return self.goes_on(self.runner.submit(graph))

    def goes_on(self, job: str) -> Job:
        """Run a stored job, one that was cancelled too."""
        self.studio.jobs.reopen(job)
        return self.loop.run_until_complete(self.runner.run(job))

    def talk(self, *sentences: str) -> dict[str, Any]:
        """A graph in which the shipped portrait says the sentences."""
        portrait = self.studio.artifacts.put_bytes(shipped_portrait("demo").read_bytes())
        return TalkingPortrait(script="\n\n".join(sentences), portrait=portrait, seed=3).graph()

    def path(self, artifact: str) -> Path:
        return self.studio.artifacts.path(artifact)

    def close(self) -> None:
        self.loop.run_until_complete(self.pool.close())
        self.loop.close()


@pytest.fixture(scope="module")
def installed(models: Callable[[str], Path]) -> Path:
    return models("kokoro-82m-int8").parent


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path_factory.mktemp("home"), installed)
    yield workshop
    workshop.close()


@pytest.fixture(scope="module")
def job(workshop: Workshop) -> Job:
    job = workshop.run(workshop.talk(*SENTENCES))
    assert job.state == "succeeded", job.error
    return job


def output(job: Job, node: str, port: str) -> dict[str, Any]:
    return job.nodes[f"perform/{node}"].outputs[port]


@pytest.mark.models
def test_picture_and_sound_of_each_sentence_are_equally_long(workshop, job):
    at = 0
    for number, sentence in enumerate(job.outputs["speech"]["sentences"], start=1):
        speech, video = output(job, f"speak-{number}", "speech"), output(job, f"animate-{number}", "video")
        samples, rate = read_audio(workshop.path(speech["audio"]))
        frames = probe(workshop.path(video["artifact"])).frames
        assert len(samples) * 25 == frames * rate
        assert at / 25 < sentence["start"] < sentence["end"] <= (at + frames) / 25
        at += frames
    whole = job.outputs["speech"]
    assert (whole["seconds"], probe(workshop.path(job.outputs["video"]["artifact"])).frames) == (at / 25, at)
    assert len(read_audio(workshop.path(whole["audio"]))[0]) == round(whole["seconds"] * whole["sample_rate"])


@pytest.mark.models
def test_the_whole_is_its_sentences(workshop, job):
    whole = read_frames(workshop.path(output(job, "join", "video")["artifact"]))
    for number in (1, 2, 3, 4):
        for frame in read_frames(workshop.path(output(job, f"animate-{number}", "video")["artifact"])):
            np.testing.assert_array_equal(frame, next(whole))
    assert next(whole, None) is None
    timing = Timing.model_validate_json(workshop.path(job.outputs["speech"]["timing"]).read_bytes())
    assert " ".join(word.text for word in timing.words) == " ".join(SENTENCES)
    for kind in (timing.words, timing.phonemes):
        assert all(a.end <= b.start + 1e-6 for a, b in pairwise(kind))
    assert [s["text"] for s in job.outputs["speech"]["sentences"]] == SENTENCES
    assert [s["word_error"] <= 0.2 for s in job.outputs["speech"]["sentences"]] == [True] * 4


@pytest.mark.models
def test_sentences_join_without_a_jump(workshop, job, models):
    face = MediapipeFaceEngine(models)
    face.load(no_progress)
    films = [
        list(read_frames(workshop.path(output(job, f"animate-{number}", "video")["artifact"])))
        for number in range(1, len(SENTENCES) + 1)
    ]
    still = films[0][0]
    mesh = face.mesh(still, face.detect(still)[0])
    eyes = [eye_openness(face.track(frame, mesh).points) for film in films for frame in film]
    jumps = [np.abs(b.astype(int) - a).mean() for film in films for a, b in pairwise(film)]
    for before, after in pairwise(films):
        assert np.abs(after[0].astype(int) - before[-1]).mean() < 0.75 * max(jumps)
        for frame in (before[-1], after[0]):
            points = face.track(frame, mesh).points
            assert mouth_opening(points) < 0.02
            assert eye_openness(points) > 0.9 * np.median(eyes)


@pytest.mark.models
def test_an_edit_makes_one_sentence_anew(workshop, job):
    edited = edit_sentence(job.graph, job.outputs["script"], 3, "Then somebody  coughed.")
    again = workshop.run(edited)
    assert again.outputs["script"]["sentences"] == [*SENTENCES[:2], "Then somebody coughed.", SENTENCES[3]]
    made = {name for name, run in again.nodes.items() if run.state == "succeeded" and run.expansion is None}
    inner = {f"perform/{name}" for name in ("speak-3", "animate-3", "join")}
    assert made == {"script", "captions", "finish", "score"} | inner
    for name in ("speak-1", "animate-1", "speak-2", "animate-2", "speak-4", "animate-4"):
        assert again.nodes[f"perform/{name}"].state == "cached"
        assert again.nodes[f"perform/{name}"].outputs == job.nodes[f"perform/{name}"].outputs


@pytest.mark.models
def test_another_machine_interrupted_in_a_sentence_makes_the_same_bytes(job, installed, tmp_path):
    other = Workshop(tmp_path / "home", installed)
    stop = other.runner.listen(
        lambda event: other.runner.ask(event.job, "cancel") if event.kind == "node.saved" else None
    )
    cut = other.run(other.talk(*SENTENCES))
    stop()
    assert cut.state == "cancelled"
    (chunk,) = cut.nodes["perform/animate-4"].checkpoint["chunks"]
    assert probe(other.path(chunk)).frames == 100
    again = other.goes_on(cut.id)
    other.close()
    notes = [event.data["message"] for event in other.studio.jobs.events(again.id) if event.kind == "log"]
    frames = round(output(again, "animate-4", "video")["seconds"] * 25)
    assert f"goes on at frame 101 of {frames}" in notes
    for name in ("video", "poster"):
        assert len(again.outputs[name]["content"]) == 64
        assert again.outputs[name]["content"] == job.outputs[name]["content"]
    assert again.outputs["speech"] == job.outputs["speech"]


def script(*sentences: str) -> values.Script:
    return values.Script(title="Ships", sentences=list(sentences))


def expand(*sentences: str) -> Expansion:
    image = values.Image(artifact=ID, width=8, height=8)
    return PerformScript(script=script(*sentences), image=image, seed=1).run(None)


def test_a_sentence_knows_nothing_of_the_others():
    old, new = expand(*SENTENCES), expand("Nobody came.", *SENTENCES[1:])
    for number in (2, 3, 4):
        for name in (f"speak-{number}", f"animate-{number}"):
            assert new.nodes[name] == old.nodes[name]
    moved = expand(SENTENCES[1], SENTENCES[0], *SENTENCES[2:])
    assert moved.nodes["speak-1"] == old.nodes["speak-2"]
    assert moved.nodes["animate-1"].params == old.nodes["animate-2"].params


def test_eyes_blink_as_people_do_over_many_short_sentences():
    random = np.random.default_rng(0)
    closures = []
    for number in range(120):
        frames = int(random.uniform(2, 3) * 25)
        closure = blinks(np.random.default_rng(segment_seed(0, f"Sentence {number}.")), frames, 25)
        assert (closure[0], closure[-1]) == (0, 0)
        closures.append(closure)
    whole = np.concatenate(closures)
    shut = np.flatnonzero((whole[1:] > 0.5) & (whole[:-1] <= 0.5)) / 25
    assert 10 <= len(shut) / (len(whole) / 25 / 60) <= 26
    assert np.diff(shut).max() < 10
    first = [np.argmax(closure > 0.5) for closure in closures if closure.any()]
    assert np.std(first) > 0.3 * 25


def graph(kind: str = "given_script") -> dict[str, Any]:
    text = {"text": " ".join(SENTENCES)}
    return {
        "schema": "spinbot.graph/v1",
        "name": "talking_portrait",
        "nodes": {"script": {"type": kind, "params": text}, "other": {"type": "given_script", "params": text}},
        "outputs": {"script": {"node": "script", "output": "script"}},
    }


def test_an_edit_leaves_the_rest_of_the_graph_and_of_the_script():
    stamp = values.Stamp(slot="script", engine="smollm2", weights="w")
    old = script("Dr. Lee arrived", "at 7 p.m. sharp.", "Nobody knew.").model_copy(
        update={"visual": "a harbor", "made_by": [stamp]}
    )
    new = edit_sentence(graph(), old.model_dump(), 3, "Everyone knew. All of them.")
    assert new["nodes"]["other"] == graph()["nodes"]["other"]
    assert {k: v for k, v in new.items() if k != "nodes"} == {k: v for k, v in graph().items() if k != "nodes"}
    spec = new["nodes"]["script"]
    made = NODES[spec["type"]](**spec["params"]).run(None).script
    assert made == old.model_copy(update={"sentences": [*old.sentences[:2], "Everyone knew. All of them."]})
    assert edit_sentence(new, made.model_dump(), 3, "Nobody knew.")["nodes"]["script"]["type"] == "edited_script"


@pytest.mark.parametrize(
    ("number", "text", "message"),
    [
        (0, "Yes.", "the script has 4 sentences; there is no sentence 0"),
        (5, "Yes.", "the script has 4 sentences; there is no sentence 5"),
        (1, " ... ", "no word to speak"),
        (1, "Это по-русски.", "English"),
        (1, "word " * 2001, "the limit is 2,000"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(number, text, message):
    with pytest.raises(InputError, match=message):
        edit_sentence(graph(), script(*SENTENCES).model_dump(), number, text)


def test_only_a_graph_with_a_script_can_be_edited():
    for document in ({"nodes": {}}, {"nodes": {"script": {"type": "load_image", "params": {"artifact": ID}}}}):
        with pytest.raises(InputError, match="no script to edit"):
            edit_sentence(document, script("Yes.").model_dump(), 1, "No.")


def test_segments_that_do_not_fit_are_refused():
    speech = values.Speech(audio=ID, timing=ID, seconds=2.0, sample_rate=24000)
    video = values.Video(artifact=ID, width=8, height=8, fps=25, seconds=2.04)
    for videos, speeches, message in (
        ([], [], "0 videos and 0 recordings"),
        ([video], [], "1 videos and 0 recordings"),
        ([video], [speech], "segment 1 shows 2.040 s and says 2.000 s"),
    ):
        with pytest.raises(InputError, match=message):
            JoinSegments(videos=videos, speeches=speeches, script=script("Yes.")).run(None)


def test_recordings_are_joined_sample_by_sample(tmp_path):
    random = np.random.default_rng(0)
    sizes, paths = (500, 1, 333), []
    for size in sizes:
        paths.append(tmp_path / f"{size}.wav")
        write_wav(paths[-1], random.uniform(-1, 1, size).astype(np.float32), 24000)
    assert join_wavs(paths, tmp_path / "all.wav") == list(sizes)
    whole, rate = read_audio(tmp_path / "all.wav")
    assert rate == 24000
    np.testing.assert_array_equal(whole, np.concatenate([read_audio(path)[0] for path in paths]))
    write_wav(tmp_path / "other.wav", np.zeros(5, np.float32), 22050)
    with pytest.raises(InputError, match="the recordings differ"):
        join_wavs([paths[0], tmp_path / "other.wav"], tmp_path / "all.wav")
    (tmp_path / "no.wav").write_text("no sound")
    with pytest.raises(InputError, match=r"no\.wav is no WAV file"):
        join_wavs([tmp_path / "no.wav"], tmp_path / "all.wav")
