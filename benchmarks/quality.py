"""What finished videos say and show: ten varied scripts through the whole pipeline, judged on the MP4 files.

The sound of each file is written down by whisper-base (not the recogniser that the pipeline listens with) and compared
with the script; lip-sync, lengths and loudness are those of the sidecar.

    python benchmarks/quality.py [portrait.png]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from spinbot.cli.studio import Studio
from spinbot.engines.asr.whisper import WhisperBaseEngine
from spinbot.engines.base import no_progress
from spinbot.graphs.films import TalkingPortrait
from spinbot.media.audio import read_audio
from spinbot.media.portraits import path as shipped_portrait
from spinbot.media.words import word_error_rate

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))


async def main() -> None:
    portrait = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_portrait("demo")
    studio = Studio()
    runner = studio.runner()
    artifact = studio.artifacts.put_file(portrait)
    judge = WhisperBaseEngine(studio.models.path, threads=2)
    judge.load(no_progress)
    columns = (
        ("s", 5),
        ("word error", 10),
        ("lip-sync", 8),
        ("lag ms", 6),
        ("drift ms", 8),
        ("LUFS", 6),
        ("blinks", 6),
    )
    print(f"{'script':12} " + " ".join(f"{name:>{width}}" for name, width in columns))
    errors, correlations = [], []
    try:
        for script in SCRIPTS:
            text = script.read_text()
            job = await runner.run(runner.submit(TalkingPortrait(script=text, portrait=artifact).graph()))
            assert job.state == "succeeded", job.error
            video, scores = job.outputs["video"], job.outputs["report"]["scores"]
            sound = read_audio(studio.artifacts.path(video["artifact"]))
            errors.append(word_error_rate(text, judge.transcribe(*sound, no_progress).text))
            correlations.append(scores["lipsync_correlation"])
            print(
                f"{script.stem:12} {video['seconds']:5.1f} {errors[-1]:10.1%} {correlations[-1]:8.2f}"
                f" {scores['lipsync_lag_ms']:6.0f} {scores['audio_video_drift_ms']:8.1f} {scores['loudness_lufs']:6.1f}"
                f" {scores['blinks']:6}",
                flush=True,
            )
    finally:
        await studio.pool.close()
    print(f"{'mean':12} {'':5} {np.mean(errors):10.1%} {np.mean(correlations):8.2f}   lowest {min(correlations):.2f}")


if __name__ == "__main__":
    asyncio.run(main())
