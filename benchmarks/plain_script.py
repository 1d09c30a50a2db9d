"""The yardstick: one process, one function after another, no Ray, no graph, no store, no cache.

It calls the same engines and media functions that the nodes call. Reads seeds on standard input, one a line; for
each it makes a video and answers a line of JSON with the seconds of each stage. Engines load when first needed, and
stay.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STARTED = float(os.environ.get("BENCH_STARTED", time.time()))


class Stages(dict):
    """Seconds by stage."""

    def clock(self, stage: str, since: float) -> float:
        now = time.time()
        self[stage] = round(now - since, 3)
        return now


class Plain:
    """Every engine of the starter preset, in this process."""

    def __init__(self, models: Path, threads: int) -> None:
        self.models, self.threads = models, threads
        self.engines: dict[str, Any] = {}

    def engine(self, slot: str, name: str) -> Any:
        from spinbot.engines.base import no_progress
        from spinbot.engines.registry import engine_class

        if slot not in self.engines:
            self.engines[slot] = engine_class(slot, name)(lambda model: self.models / model, threads=self.threads)
            self.engines[slot].load(no_progress)
        return self.engines[slot]

    def make(self, topic: str, seconds: float, seed: int, folder: Path) -> Stages:
        from spinbot.engines.base import no_progress
        from spinbot.engines.talking_head.base import Performance
        from spinbot.engines.tts.narrate import narrate
        from spinbot.graphs.nodes.score import measure
        from spinbot.media.audio import normalise, write_wav
        from spinbot.media.captions import cues, to_srt
        from spinbot.media.credentials import ensure_identity, sign
        from spinbot.media.framing import compose, crop_for_face, frame_size
        from spinbot.media.images import read_portrait, write_png
        from spinbot.media.portraits import path as portrait
        from spinbot.media.video import FrameWriter, finish

        stages, t = Stages(), time.time()
        draft = self.engine("script", "smollm2").write(topic, seconds=seconds, seed=seed, progress=no_progress)
        t = stages.clock("script", t)
        pixels = read_portrait(portrait("demo")).pixels
        box = self.engine("face", "mediapipe").detect(pixels)[0]
        crop = crop_for_face(pixels.shape[1::-1], box, "1:1")
        upscaler = self.engine("upscale", "realesrgan")
        framed = compose(pixels, crop, frame_size("1:1"), lambda i, s: upscaler.upscale(i, s, no_progress))
        (folder / "frame.png").write_bytes(write_png(framed))
        t = stages.clock("portrait", t)
        tts = self.engine("tts", "kokoro")
        asr = self.engine("asr", "whisper-tiny.en")
        voice = tts.voices()[0].name
        speech = narrate(tts, asr, draft.sentences, voice=voice, speed=1.0, seed=seed, progress=no_progress)
        t = stages.clock("speech", t)
        face = self.engine("face", "mediapipe")
        mesh = face.mesh(framed, face.detect(framed)[0])
        performance = Performance(speech.samples, speech.sample_rate, speech.timing, seed=seed)
        with FrameWriter(folder / "talk.mp4", width=framed.shape[1], height=framed.shape[0]) as writer:
            head = self.engine("talking_head", "meshwarp")
            for frame in head.animate(framed, mesh, performance, no_progress):
                writer.write(frame)
        t = stages.clock("animation", t)
        loud = normalise(speech.samples, speech.sample_rate)
        write_wav(folder / "speech.wav", loud, speech.sample_rate)
        (folder / "out.srt").write_text(to_srt(cues(speech.timing.words)))
        plain, poster = folder / "plain.mp4", folder / "poster.png"
        finish([folder / "talk.mp4"], folder / "speech.wav", plain, poster_png=poster, title=draft.title)
        identity = ensure_identity(folder.parent / "identity")
        for name in ("plain.mp4", "poster.png"):
            sign(
                folder / name, folder / f"signed-{name}", identity, title=draft.title, generator_version="0", models=[]
            )
        t = stages.clock("finish", t)
        measure(folder / "signed-plain.mp4", face, no_progress)
        stages.clock("score", t)
        stages["video_seconds"] = performance.frames / performance.fps
        return stages


def main() -> None:
    models, threads, topic, seconds = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    plain = Plain(models, threads)
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            folder = Path(scratch) / line.strip()
            folder.mkdir()
            began = time.time()
            stages = plain.make(topic, seconds, int(line), folder)
            print(json.dumps({"wall": time.time() - began, "since_start": time.time() - STARTED} | stages), flush=True)


if __name__ == "__main__":
    main()
