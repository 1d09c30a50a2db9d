"""Voices: a speaker encoder that tells people apart, Kokoro's graph with gradients, and `spinbot train voice`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from spinbot.engines.asr.whisper import WhisperTinyEngine
from spinbot.engines.base import no_progress
from spinbot.engines.speaker.base import similarity
from spinbot.engines.speaker.ge2e import Ge2eEncoder, mel
from spinbot.engines.tts.kokoro import SAMPLE_RATE, KokoroEngine
from spinbot.engines.tts.trained import read_header, read_table
from spinbot.engines.voice_trainer.base import Evaluation, Recording, TrainedVoice
from spinbot.engines.voice_trainer.kokoro_style import KokoroStyleTrainer
from spinbot.engines.voice_trainer.onnx_graph import OnnxGraph
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.errors import InputError, NotFoundError
from spinbot.media.audio import resample, write_wav
from tests.people import CONSENT, SENTENCES, music, recording, told_live
from tests.test_datasets import spinbot_in

Models = Callable[[str], Path]


def say(kokoro: KokoroEngine, text: str, voice: str) -> np.ndarray:
    return kokoro.speak(text, voice=voice, speed=1.0, seed=0, progress=no_progress).samples


def test_recordings_of_one_voice_are_more_alike_than_those_of_two(kokoro: KokoroEngine, encoder: Ge2eEncoder) -> None:
    voices = {
        name: [encoder.embed(say(kokoro, text, name), SAMPLE_RATE) for text in SENTENCES[:2]]
        for name in ("stock:kumo", "stock:alpha", "stock:gongitsune")
    }
    own = [similarity(*pair) for pair in voices.values()]
    names = list(voices)
    others = [similarity(voices[a][0], voices[b][1]) for a in names for b in names if a != b]
    assert min(own) > 0.75 > max(others)
    vector = voices["stock:kumo"][0]
    assert vector.shape == (256,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_silence_has_no_speaker(encoder: Ge2eEncoder) -> None:
    for sound in (np.zeros(32_000, np.float32), np.zeros(0, np.float32)):
        with pytest.raises(InputError) as caught:
            encoder.embed(sound, 16_000)
        assert caught.value.code == "no_speech"


def test_mel_spectra_do_not_depend_on_the_rate(kokoro: KokoroEngine) -> None:
    sound = say(kokoro, SENTENCES[0], "stock:kumo")
    own, other = (
        mel(torch.from_numpy(np.ascontiguousarray(part)), rate).numpy()
        for part, rate in ((sound, SAMPLE_RATE), (resample(sound, SAMPLE_RATE, 16_000), 16_000))
    )
    count = min(len(own), len(other))
    assert np.corrcoef(own[:count].ravel(), other[:count].ravel())[0, 1] > 0.999


def test_the_graph_speaks_as_the_model_does_and_has_a_gradient(kokoro: KokoroEngine, models: Models) -> None:
    model = (models("kokoro-82m-int8") / "kokoro.onnx").read_bytes()
    tokens, row = kokoro.tokens("The old clock stopped at midnight.")
    style = kokoro.pack("stock:alpha")[row][None]
    given = {"tokens": tokens, "style": style, "speed": np.ones(1, np.float32)}
    [truth] = onnxruntime.InferenceSession(model).run(["audio"], given)
    moved = torch.from_numpy(style).requires_grad_(True)
    inputs = {"tokens": torch.from_numpy(tokens), "style": moved, "speed": torch.ones(1)}
    [sound] = OnnxGraph(model).run(inputs, ["audio"])
    assert abs(sound.numel() - truth.size) <= 600  # a frame: durations are rounded
    count = min(sound.numel(), truth.size) // 600 * 600
    loudness = [
        np.sqrt(np.square(np.asarray(part).reshape(-1)[:count]).reshape(-1, 600).mean(1))
        for part in (sound.detach(), truth)
    ]
    assert np.corrcoef(*loudness)[0, 1] > 0.98
    sound.square().mean().backward()
    assert torch.isfinite(moved.grad).all()
    assert (moved.grad.abs() > 0).float().mean() > 0.9


class Killed(BaseException):
    """Stands for a process that ends in the middle of a step."""


@dataclass
class Watch:
    """A `VoiceWatch` that keeps files in a folder."""

    folder: Path
    kill_at: int = 0
    evaluations: list[Evaluation] = field(default_factory=list)
    checkpoints: list[Path] = field(default_factory=list)
    told: dict[int, Mapping[str, float]] = field(default_factory=dict)
    said: dict[int, np.ndarray] = field(default_factory=dict)

    def progress(self, fraction: float, message: str) -> None:
        assert 0 <= fraction <= 1
        if self.kill_at and message.startswith(f"step {self.kill_at} "):
            raise Killed

    def keep(self, file: Path) -> str:
        return str(self._copy(file, file.name))

    def checkpoint(self, file: Path, step: int) -> None:
        self.checkpoints.append(self._copy(file, f"checkpoint-{step}.safetensors"))

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        self.told[step] = figures

    def evaluated(self, evaluation: Evaluation) -> None:
        self.evaluations.append(evaluation)

    def spoken(self, step: int, samples: np.ndarray, rate: int) -> None:
        assert rate == SAMPLE_RATE
        self.said[step] = samples

    def _copy(self, file: Path, name: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(file.read_bytes())
        return self.folder / name


@pytest.fixture(scope="module")
def trainer(models: Models) -> KokoroStyleTrainer:
    engine = KokoroStyleTrainer(models, threads=2)
    engine.load(no_progress)
    return engine


@pytest.fixture(scope="module")
def hear(models: Models) -> Callable[[np.ndarray, int], str]:
    engine = WhisperTinyEngine(models, threads=2)
    engine.load(no_progress)
    return lambda samples, rate: engine.transcribe(samples, rate, no_progress).text


@pytest.fixture(scope="module")
def clips(kokoro: KokoroEngine) -> list[Recording]:
    """Somebody between two stock voices: none of them is the speaker."""
    kokoro.bring_pack("somebody", (kokoro.pack("stock:nezumi") + kokoro.pack("stock:gongitsune")) / 2)
    return [Recording(say(kokoro, text, "somebody"), SAMPLE_RATE) for text in SENTENCES]


@pytest.mark.timeout(600)
def test_a_voice_becomes_more_like_the_speaker_and_a_killed_training_ends_with_the_same_bytes(
    trainer: KokoroStyleTrainer, clips: list[Recording], hear: Any, tmp_path: Path
) -> None:
    settings = VoiceSettings(
        start="stock:alpha", max_train_steps=8, evaluate_every_n_steps=4, learning_rate=0.03, checkpoint_seconds=1e-6
    )

    def train(name: str, watch: Watch, resume: Path | None = None) -> TrainedVoice:
        (tmp_path / name).mkdir()
        return trainer.train(clips, settings, tmp_path / name, watch, hear, resume, "digest")

    watch = Watch(tmp_path / "kept-whole")
    whole = train("whole", watch)
    assert [one.step for one in whole.evaluations] == [0, 4, 8]
    assert whole.best.similarity > whole.evaluations[0].similarity
    assert whole.best.word_error <= max(settings.max_word_error, whole.evaluations[0].word_error)
    assert read_header(Path(whole.file)) == {"engine": "kokoro", "base": "digest"}
    assert read_table(Path(whole.file)).shape == (510, 256)
    assert len(whole.before) > SAMPLE_RATE < len(whole.after)
    assert list(watch.told) == list(range(1, 9))
    assert [figures["loss"] for figures in watch.told.values()] == [loss for _, loss in whole.losses]
    assert list(watch.said)[-1] == whole.best.step
    assert np.array_equal(watch.said[0], whole.before)
    assert np.array_equal(watch.said[whole.best.step], whole.after)

    killed = Watch(tmp_path / "kept", kill_at=7)
    with pytest.raises(Killed):
        train("killed", killed)
    again = Watch(tmp_path / "kept")
    resumed = train("again", again, killed.checkpoints[-1])
    assert killed.told | again.told == watch.told
    assert resumed.evaluations == whole.evaluations
    assert resumed.losses == whole.losses
    assert Path(resumed.file).read_bytes() == Path(whole.file).read_bytes()


def test_a_trained_voice_speaks_and_another_is_refused(kokoro: KokoroEngine, tmp_path: Path) -> None:
    from spinbot.engines.tts.trained import write_voice

    write_voice(tmp_path / "voice", "kokoro", "digest", kokoro.pack("stock:alpha"))
    name = kokoro.bring(tmp_path / "voice")
    assert np.array_equal(say(kokoro, "Hello there.", name), say(kokoro, "Hello there.", "stock:alpha"))
    with pytest.raises(NotFoundError):
        say(kokoro, "Hello there.", "trained:unknown")
    (tmp_path / "noise").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="no voice"):
        read_header(tmp_path / "noise")


@pytest.mark.ray
@pytest.mark.models
@pytest.mark.timeout(600)
def test_the_command_makes_a_voice_of_the_profile(home: Path, models: Models, tmp_path: Path) -> None:
    recording(tmp_path / "ada.wav", models)
    command = ["train", "voice", tmp_path / "ada.wav", "--name", "ada", "--steps", "2", "--set", "start=stock:alpha"]
    done = spinbot_in(home, *command, *CONSENT, "-o", tmp_path / "voice", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["version"] == 1
    assert told["voice"]["start"] == "stock:alpha"
    assert told["voice"]["curve"].startswith("sha256:")
    assert told["checkup"]["go"]
    assert {path.name for path in (tmp_path / "voice").iterdir()} == {
        "voice.safetensors", "before.wav", "after.wav", "curve.png",
    }  # fmt: skip
    shown = json.loads(spinbot_in(home, "profile", "show", "ada", "--json").stdout)
    assert [(part["kind"], part["artifact"]) for part in shown["parts"]] == [("voice", told["voice"]["artifact"])]
    figures, previews = told_live(home)
    assert set(figures) == {0, 1, 2}
    assert set(figures[0]) == {"similarity", "word_error"}
    assert set(figures[2]) == {"loss", "learning_rate", "similarity", "word_error"}
    assert figures[0]["similarity"] == told["voice"]["similarity_before"]
    assert {preview["kind"] for preview in previews} == {"audio"}
    heard = {preview["step"]: preview["artifact"] for preview in previews}
    assert heard[0] == told["voice"]["before"]
    assert heard[max(heard)] == told["voice"]["after"]

    write_wav(tmp_path / "song.wav", music(20), 16_000)
    refused = spinbot_in(home, "train", "voice", tmp_path / "song.wav", "--name", "ada", "--steps", "2")
    assert refused.returncode == 2
    assert json.loads(spinbot_in(home, "profile", "show", "ada", "--json").stdout)["parts"] == shown["parts"]


@pytest.mark.ray
@pytest.mark.models
def test_sound_that_is_no_speech_ends_with_a_remedy(home: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * 16_000).astype(np.float32)
    for name, sound, says in (
        ("short", noise[:4800], "15 are the least"),
        ("silence", np.zeros(20 * 16_000, np.float32), "15 are the least"),
        ("noise", noise, "15 are the least"),
    ):
        write_wav(tmp_path / f"{name}.wav", sound, 16_000)
        done = spinbot_in(home, "train", "voice", tmp_path / f"{name}.wav", "--name", "ada", *CONSENT, "--steps", "1")
        assert done.returncode == 2, done.stderr
        assert says in done.stderr
        assert "remedy" in done.stderr
    assert "voice 1" not in spinbot_in(home, "profile", "show", "ada").stdout


def test_a_wrong_setting_is_named(home: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "ada.wav", np.zeros(16_000, np.float32), 16_000)
    done = spinbot_in(home, "train", "voice", tmp_path / "ada.wav", "--name", "ada", *CONSENT, "--set", "rank=3")
    assert done.returncode == 2
    assert "max_train_steps" in done.stderr
