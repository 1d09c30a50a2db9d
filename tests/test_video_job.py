"""The main job on Ray with the real models: what a finished video holds, shows and says."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from spinbot.cli.studio import Studio
from spinbot.config import Settings
from spinbot.engines.asr.whisper import WhisperBaseEngine
from spinbot.engines.base import no_progress
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.graphs.export import export
from spinbot.graphs.films import TalkingPortrait
from spinbot.media.audio import read_audio
from spinbot.media.credentials import read
from spinbot.media.portraits import path as shipped_portrait
from spinbot.media.probe import probe
from spinbot.media.score import away_from_face, psnr
from spinbot.media.video import read_frames
from spinbot.media.words import word_error_rate
from spinbot.store.jobs import Job

pytestmark = [pytest.mark.ray, pytest.mark.models]

SCRIPT = (
    "On the 3rd of May 1968, Dr. Marie Lindqvist paid $42.50 for a small red boat. "
    "She sailed it across the bay at 7:30 a.m., and nobody at NASA ever knew."
)


class Session:
    """One event loop, one pool and one store for all jobs of this file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.studio = Studio(Settings(home=home))
        self.loop = asyncio.new_event_loop()
        self.runner = self.studio.runner()

    def portrait(self, picture: bytes) -> str:
        return self.studio.artifacts.put_bytes(picture)

    def run(self, graph: dict[str, Any]) -> Job:
        return self.loop.run_until_complete(self.runner.run(self.runner.submit(graph)))

    def log(self, job: Job, kind: str) -> list[dict[str, Any]]:
        return [event.data | {"node": event.node} for event in self.studio.jobs.events(job.id) if event.kind == kind]

    def close(self) -> None:
        self.loop.run_until_complete(self.studio.pool.close())
        self.loop.close()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, models: Callable[[str], Path]) -> Iterator[Session]:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models("kokoro-82m-int8").parent)
    session = Session(home)
    yield session
    session.close()


@pytest.fixture(scope="module")
def drawn(session: Session) -> Job:
    """The shipped portrait speaks, without head movement."""
    portrait = session.portrait(shipped_portrait("demo").read_bytes())
    job = session.run(TalkingPortrait(script=SCRIPT, portrait=portrait, sway=0).graph())
    assert job.state == "succeeded", job.error
    return job


@pytest.fixture(scope="module")
def photo(session: Session) -> Job:
    """The astronaut speaks, without head movement."""
    portrait = session.portrait(png(data.astronaut()))
    job = session.run(TalkingPortrait(script=SCRIPT, portrait=portrait, sway=0).graph())
    assert job.state == "succeeded", job.error
    return job


@pytest.fixture(params=["drawn", "photo"])
def job(request: pytest.FixtureRequest) -> Job:
    return request.getfixturevalue(request.param)


def png(pixels: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, "PNG", **options)
    return file.getvalue()


def video_of(session: Session, job: Job) -> Path:
    return session.studio.artifacts.path(job.outputs["video"]["artifact"])


def test_the_video_plays_anywhere(session, job):
    info = probe(video_of(session, job))
    assert (info.video_codec, info.audio_codec, info.faststart) == ("h264", "aac", True)
    assert (info.width, info.height, info.fps) == (512, 512, 25)
    assert abs(info.video_seconds - info.audio_seconds) <= 0.040
    assert info.video_seconds == pytest.approx(job.outputs["video"]["seconds"], abs=0.04)


def test_the_mouth_moves_with_the_voice(job):
    scores = job.outputs["report"]["scores"]
    assert scores["lipsync_correlation"] >= 0.7
    assert abs(scores["lipsync_lag_ms"]) <= 80
    assert scores["blinks"] >= 1
    assert abs(scores["audio_video_drift_ms"]) <= 40
    assert scores["loudness_lufs"] == pytest.approx(-16, abs=0.5)


def test_nothing_moves_away_from_the_face(session, job, models):
    face = MediapipeFaceEngine(models, threads=1)
    face.load(no_progress)
    framed = session.studio.artifacts.path(job.nodes["frame"].outputs["image"]["artifact"])
    still = np.asarray(Image.open(framed).convert("RGB"))
    mesh = face.mesh(still, face.detect(still)[0])
    margin = 0.5 * float(np.ptp(mesh.points[:, 1]))
    background = away_from_face(mesh.points, still.shape, margin)
    assert background.mean() > 0.1
    worst = min(psnr(frame, still, background) for frame in read_frames(video_of(session, job)))
    assert worst >= 40


def test_the_sound_of_the_finished_video_says_the_script(session, job, models):
    judge = WhisperBaseEngine(models, threads=2)
    judge.load(no_progress)
    heard = judge.transcribe(*read_audio(video_of(session, job)), no_progress)
    assert word_error_rate(SCRIPT, heard.text) <= 0.05, heard.text


def test_the_credentials_name_every_model(session, job):
    found = read(video_of(session, job))
    assert (found.valid, found.ai_generated) == (True, True)
    expected = {"face/mediapipe", "upscale/realesrgan", "tts/kokoro", "asr/whisper-tiny.en", "talking_head/meshwarp"}
    assert set(found.models) == expected


def test_the_files_a_user_gets(session, drawn, tmp_path):
    out = tmp_path / "out.mp4"
    written = export(drawn, out, session.studio.artifacts)
    assert {path.name for path in written} == {"out.mp4", "out.srt", "out.vtt", "out.png", "out.json"}
    assert "Dr. Marie Lindqvist paid" in " ".join((tmp_path / "out.srt").read_text().split())
    assert read(tmp_path / "out.png").ai_generated
    sidecar = json.loads((tmp_path / "out.json").read_text())
    assert sidecar["graph"]["nodes"]["perform"]["params"]["seed"] == 0
    assert sidecar["scores"]["lipsync_correlation"] == drawn.outputs["report"]["scores"]["lipsync_correlation"]
    spoken = sidecar["nodes"]["perform/speak-1"]
    assert spoken["engines"].keys() == {"tts/kokoro", "asr/whisper-tiny.en"}
    assert all(len(digest) == 64 for digest in spoken["engines"].values())


def test_the_same_request_is_answered_from_the_cache(session, drawn):
    job = session.run(drawn.graph)
    assert {name: run.state for name, run in job.nodes.items() if run.state != "cached"} == {}
    assert job.outputs == drawn.outputs


def test_the_second_job_of_a_session_loads_no_model(session, drawn, photo):
    job = session.run(
        TalkingPortrait(script="A second job.", portrait=drawn.graph["nodes"]["portrait"]["params"]["artifact"]).graph()
    )
    assert job.state == "succeeded"
    assert session.log(job, "model.loaded") == []


def test_a_written_script_makes_a_video_of_the_asked_length(session):
    portrait = session.portrait(shipped_portrait("demo").read_bytes())
    job = session.run(
        TalkingPortrait(
            topic="why the sea is salty", portrait=portrait, seconds=8, aspect="9:16", captions="burn"
        ).graph()
    )
    assert job.state == "succeeded", job.error
    video = job.outputs["video"]
    assert 6 <= video["seconds"] <= 10
    assert (video["width"], video["height"]) == (512, 910)
    assert job.outputs["script"]["title"]


def test_a_portrait_without_a_face_fails_before_any_speech(session):
    portrait = session.portrait(png(data.coffee()))
    job = session.run(TalkingPortrait(script="Nobody can say this.", portrait=portrait).graph())
    assert (job.state, job.error["code"]) == ("failed", "no_face")
    assert "no face was found in the portrait (600x400 pixels)" in job.error["message"]
    assert "shows one face" in job.error["hint"]
    assert job.nodes["perform"].state == "skipped"
    assert job.nodes["perform"].started is None


def find_face(portrait: str) -> dict[str, Any]:
    return {
        "schema": "spinbot.graph/v1",
        "nodes": {
            "portrait": {"type": "load_image", "params": {"artifact": portrait}},
            "face": {"type": "find_face", "inputs": {"image": {"node": "portrait", "output": "image"}}},
        },
        "outputs": {"face": {"node": "face", "output": "face"}},
    }


def test_of_three_faces_the_largest_is_used_and_named(session):
    face = Image.fromarray(data.astronaut()[0:220, 110:330])
    group = Image.new("RGB", (900, 400), (120, 130, 140))
    for x, size in ((40, 200), (280, 330), (660, 180)):
        group.paste(face.resize((size, size)), (x, 40))
    job = session.run(find_face(session.portrait(png(group))))
    found = job.outputs["face"]
    assert found["count"] == 3
    assert 280 < found["x"] < 610
    (note,) = [entry["message"] for entry in session.log(job, "log")]
    assert note.startswith("3 faces found; the largest is used:")


def sideways() -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(data.astronaut()).rotate(90, expand=True).save(file, "JPEG", exif=exif)
    return file.getvalue()


def cmyk() -> bytes:
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).convert("CMYK").save(file, "JPEG")
    return file.getvalue()


def see_through() -> bytes:
    picture = Image.fromarray(data.astronaut()).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size).point(lambda value: 255 - value // 2))
    return png(picture)


@pytest.mark.parametrize("make", [sideways, cmyk, see_through])
def test_unusual_pictures_show_the_same_face(session, make):
    job = session.run(find_face(session.portrait(make())))
    assert job.state == "succeeded", job.error
    face = job.outputs["face"]
    # The astronaut's face: some 90 pixels wide, its middle near (225, 120).
    assert face["x"] + face["width"] / 2 == pytest.approx(225, abs=20)
    assert face["y"] + face["height"] / 2 == pytest.approx(120, abs=25)
