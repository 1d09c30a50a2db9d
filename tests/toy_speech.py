"""Toy engines that write, speak and listen, so that whole requests are answered at once and without weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from spinbot.engines.asr.base import AsrEngine, Transcript
from spinbot.engines.base import Progress
from spinbot.engines.script.base import Draft, Reply, ScriptEngine, Turn
from spinbot.engines.tts.base import Spoken, TtsEngine, Voice
from spinbot.media.timing import Timing, Word

RATE = 24_000
WRITER = "tests.toy_speech:ToyWriter"
SPEAKER = "tests.toy_speech:ToySpeaker"
LISTENER = "tests.toy_speech:ToyListener"

_said: list[str] = []  # what the speaker said and nobody has heard yet


class ToyWriter(ScriptEngine):
    """Repeats the last message word by word; says it as often as `max_tokens` allows when that is "again"."""

    name = "toy_writer"

    def load(self, progress: Progress) -> None:
        progress(1.0, "ready")

    def unload(self) -> None:
        pass

    def write(self, topic: str, *, seconds: float, seed: int, progress: Progress) -> Draft:
        return Draft(title=topic[:80], sentences=[f"This is about {topic}."], visual="A person")

    def chat(
        self,
        turns: Sequence[Turn],
        *,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        seed: int,
        hear: Callable[[str], None],
        progress: Progress,
    ) -> Reply:
        words = turns[-1].content.split()
        if words == ["again"]:
            words = words * (max_tokens + 1)
        said = ""
        for number, word in enumerate(words[:max_tokens]):
            progress(number / len(words), "writing")
            threading.Event().wait(0.01)
            said += (" " if said else "") + word
            hear((" " if number else "") + word)
        finish = "stop" if len(words) <= max_tokens else "length"
        return Reply(text=said, finish=finish, asked=len(turns), tokens=len(words[:max_tokens]))


class ToySpeaker(TtsEngine):
    """A tone for each word."""

    name = "toy_speaker"

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return Voice("toy:low", "en-US", "low"), Voice("toy:high", "en-US", "high")

    def load(self, progress: Progress) -> None:
        progress(1.0, "ready")

    def unload(self) -> None:
        pass

    def speak(self, text: str, *, voice: str, speed: float, seed: int, progress: Progress) -> Spoken:
        _said.append(text)
        words = text.split()
        each = 0.2 / speed
        times = np.arange(int(each * len(words) * RATE)) / RATE
        tone = np.sin(2 * np.pi * (220 if voice == "toy:low" else 440) * times) * 0.3
        timing = Timing(words=[Word(text=word, start=n * each, end=(n + 1) * each) for n, word in enumerate(words)])
        return Spoken(tone.astype(np.float32), RATE, timing)


class ToyListener(AsrEngine):
    """Hears what the speaker has just said."""

    name = "toy_listener"

    def load(self, progress: Progress) -> None:
        progress(1.0, "ready")

    def unload(self) -> None:
        pass

    def transcribe(self, samples: npt.NDArray[np.float32], sample_rate: int, progress: Progress) -> Transcript:
        words = " ".join(_said).split()
        _said.clear()
        each = len(samples) / sample_rate / max(1, len(words))
        heard = tuple(Word(text=word, start=n * each, end=(n + 1) * each) for n, word in enumerate(words))
        return Transcript(" ".join(words), heard, "en")
