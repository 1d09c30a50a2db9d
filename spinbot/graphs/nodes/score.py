"""Scoring: what a finished video really shows and says."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.base import Progress
from spinbot.engines.face.base import FaceEngine
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.audio import loudness, read_audio
from spinbot.media.probe import probe
from spinbot.media.score import (
    Scores,
    away_from_face,
    count_blinks,
    envelope,
    eye_openness,
    lipsync,
    mouth_opening,
    psnr,
)
from spinbot.media.video import read_frames
from spinbot.store.artifacts import ArtifactId

BACKGROUND_EVERY = 5  # frames: what moves away from a face does so for longer than 0.2 s


@node("score_video", slots=("face",))
class ScoreVideo(Node):
    """Measure lip-sync, blinks, loudness and length on the frames and the sound of a finished video."""

    video: values.Video
    speech: values.Speech | None = None

    class Outputs(Ports):
        """What was measured."""

        report: values.Report

    def run(self, context: CallContext) -> Outputs:
        """Score the file. The word error comes from the read-back of the speech, where there is one."""
        with context.engine("face") as engine:
            scores = measure(context.artifacts.path(self.video.artifact), cast(FaceEngine, engine), context.progress)
        if self.speech is not None:
            errors = [s.word_error for s in self.speech.sentences if s.word_error is not None]
            if errors:
                scores = scores.model_copy(update={"word_error_rate": float(np.mean(errors))})
        return self.Outputs(report=values.Report(scores=scores))


@node("score_file", slots=("face",))
class ScoreFile(Node):
    """Measure lip-sync, blinks, loudness and length of a stored video file."""

    artifact: ArtifactId = Field(description="The video")

    class Outputs(Ports):
        """What was measured."""

        report: values.Report

    def run(self, context: CallContext) -> Outputs:
        """Score the file. Raises `InputError` for a file without a video, a sound or a face."""
        with context.engine("face") as engine:
            scores = measure(context.artifacts.path(self.artifact), cast(FaceEngine, engine), context.progress)
        return self.Outputs(report=values.Report(scores=scores))


def measure(path: Path, face: FaceEngine, progress: Progress) -> Scores:
    """Scores of the video file at `path`; the mesh of every frame, the sound's envelope at the frame rate."""
    info = probe(path)
    if not info.audio_codec:
        raise InputError("the video has no sound", hint="score a video that speaks", code="no_sound")
    samples, rate = read_audio(path)
    openings: list[float] = []
    eyes: list[float] = []
    background: list[float] = []
    mesh = None
    for index, frame in enumerate(read_frames(path)):
        if mesh is None or mesh.presence < 0:
            boxes = face.detect(frame)
            if not boxes:
                raise InputError(
                    f"no face was found in frame {index} of the video", hint="score a talking head", code="no_face"
                )
            mesh = face.mesh(frame, boxes[0])
        else:
            mesh = face.track(frame, mesh)
        if index == 0:
            first, away = frame, away_from_face(mesh.points, frame.shape, 0.5 * float(np.ptp(mesh.points[:, 1])))
        elif index % BACKGROUND_EVERY == 0 and away.any():
            background.append(psnr(frame, first, away))
        openings.append(mouth_opening(mesh.points))
        eyes.append(eye_openness(mesh.points))
        progress(min(1.0, index / info.frames), f"frame {index} of {info.frames}")
    loud = envelope(samples, rate, info.fps)
    frames = min(len(openings), len(loud))
    match = lipsync(np.array(openings[:frames]), loud[:frames], info.fps)
    blinks = count_blinks(np.array(eyes), info.fps)
    return Scores(
        lipsync_correlation=match.correlation,
        lipsync_lag_ms=match.lag_ms,
        blinks=blinks,
        background_psnr_db=min(background, default=None),
        blink_rate_per_minute=blinks * 60 / info.video_seconds,
        audio_video_drift_ms=(info.audio_seconds - info.video_seconds) * 1000,
        loudness_lufs=loudness(samples, rate),
    )
