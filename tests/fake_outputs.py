"""What the jobs of the service in memory have made: values of the right shape, naming small files."""

from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import Callable
from typing import Any

from spinbot.graphs import values
from spinbot.media.checkup import Checkup, Finding
from spinbot.media.score import Scores
from spinbot.media.words import split_sentences

Keep = Callable[[bytes], str]
"""Stores bytes and answers the artifact."""
SCORES = {"lipsync_correlation": 0.81, "word_error_rate": 0.02, "audio_video_drift_ms": 4.0, "loudness_lufs": -16.2}
ENOUGH = 3
"""Pictures for a look."""
RATE = 8_000


def sound(seconds: float = 0.2) -> bytes:
    """A tone as WAV."""
    wanted = io.BytesIO()
    with wave.open(wanted, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        tone = (int(8_000 * math.sin(2 * math.pi * 440 * n / RATE)) for n in range(int(seconds * RATE)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))
    return wanted.getvalue()


def made(job: str, graph: dict[str, Any], keep: Keep) -> dict[str, Any]:
    """The outputs of a job with this graph that has succeeded."""
    given = {name: _MAKERS[link["output"]](job, graph, keep) for name, link in graph["outputs"].items()}
    return {name: value.model_dump(mode="json") for name, value in given.items()}


class _Number(values.Value):
    value: int = 1


def _script(job: str, graph: dict[str, Any], keep: Keep) -> values.Script:
    params = graph["nodes"]["script"]["params"]
    if "sentences" in params:
        return values.Script(title=params["title"], sentences=params["sentences"])
    if "text" in params:
        sentences = split_sentences(params["text"])
        return values.Script(title=sentences[0], sentences=sentences)
    topic = params["topic"]
    sentences = [f"Let me tell you {topic}.", "It is simpler than it looks.", "Now you know."]
    return values.Script(title=topic[:1].upper() + topic[1:], sentences=sentences)


def _speech(job: str, graph: dict[str, Any], keep: Keep) -> values.Speech:
    told = _script(job, graph, keep).sentences
    sentences = [values.Sentence(text=text, start=2.0 * n, end=2.0 * n + 1.8) for n, text in enumerate(told)]
    audio, timing = keep(sound() + job.encode()), keep(f"timing of {job}".encode())
    return values.Speech(audio=audio, timing=timing, seconds=2.0 * len(told), sample_rate=RATE, sentences=sentences)


def _video(job: str, graph: dict[str, Any], keep: Keep) -> values.Video:
    seconds = _speech(job, graph, keep).seconds
    return values.Video(artifact=keep(f"video of {job}".encode()), width=512, height=512, fps=25, seconds=seconds)


def _image(what: str) -> Callable[[str, dict[str, Any], Keep], values.Image]:
    def make(job: str, graph: dict[str, Any], keep: Keep) -> values.Image:
        return values.Image(artifact=keep(f"{what} of {job}".encode()), width=512, height=512)

    return make


def _captions(job: str, graph: dict[str, Any], keep: Keep) -> values.Captions:
    return values.Captions(srt=keep(f"srt of {job}".encode()), vtt=keep(f"vtt of {job}".encode()))


def _report(job: str, graph: dict[str, Any], keep: Keep) -> values.Report:
    return values.Report(scores=Scores(**SCORES))


def _checkup(job: str, graph: dict[str, Any], keep: Keep) -> values.PictureCheckup | values.VoiceCheckup:
    check = next(node for node in graph["nodes"].values() if node["type"].startswith("check_"))
    if check["type"] == "check_recordings":
        recordings = check["params"]["recordings"]
        clips = [
            values.VoiceClip(artifact=one["artifact"], start=0.5, end=9.5, text=one.get("text") or "I say something.")
            for one in recordings
        ]
        used = [f"{one['name']} 0.5-9.5 s" for one in recordings]
        return values.VoiceCheckup(checkup=Checkup(go=True, used=used, left_out=[], findings=[]), clips=clips)
    names = [one["name"] for one in check["params"]["pictures"]]
    blurred = [name for name in names if "blur" in name]
    used = [name for name in names if name not in blurred]
    findings = [
        Finding(level="left_out", code="blurred", name=name, message="it is blurred", remedy="take a sharp one")
        for name in blurred
    ]
    if len(used) < ENOUGH:
        message = f"only {len(used)} pictures are fit; {ENOUGH} are needed"
        findings.append(Finding(level="stop", code="too_few", name="", message=message, remedy="add more pictures"))
    verdict = Checkup(go=len(used) >= ENOUGH, used=used, left_out=blurred, findings=findings)
    return values.PictureCheckup(checkup=verdict)


def _look(job: str, graph: dict[str, Any], keep: Keep) -> values.Look:
    best, other = (
        values.LookVersion(
            artifact=keep(f"look {step} of {job}".encode()),
            kohya=keep(f"kohya {step} of {job}".encode()),
            step=step,
            score=score,
        )
        for step, score in ((300, 0.42), (400, 0.37))
    )
    return values.Look(
        artifact=best.artifact,
        trigger="ada",
        phrase="a portrait of ada",
        base="0" * 64,
        versions=[other, best],
        stopped_at=400,
        log=keep(f"log of {job}".encode()),
        samples=keep(f"samples of {job}".encode()),
        curve=keep(f"curve of {job}".encode()),
    )


def _voice(job: str, graph: dict[str, Any], keep: Keep) -> values.Voice:
    return values.Voice(
        artifact=keep(f"voice of {job}".encode()),
        engine="kokoro",
        base="0" * 64,
        start="stock:alpha",
        similarity_before=0.5,
        similarity=0.74,
        word_error=0.03,
        before=keep(sound() + f"before {job}".encode()),
        after=keep(sound() + f"after {job}".encode()),
        curve=keep(f"curve of {job}".encode()),
        stopped_at=200,
    )


def _installed(job: str, graph: dict[str, Any], keep: Keep) -> values.InstalledModel:
    name = graph["nodes"]["fetch"]["params"]["model"]
    return values.InstalledModel(name=name, digest="0" * 64, bytes=1000, licence="MIT")


_MAKERS: dict[str, Callable[[str, dict[str, Any], Keep], values.Value]] = {
    "script": _script,
    "speech": _speech,
    "video": _video,
    "poster": _image("poster"),
    "image": _image("image"),
    "samples": _image("samples"),
    "curve": _image("curve"),
    "captions": _captions,
    "report": _report,
    "checkup": _checkup,
    "look": _look,
    "voice": _voice,
    "installed": _installed,
    "number": lambda job, graph, keep: _Number(),
}
