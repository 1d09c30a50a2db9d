"""Kokoro-82M: the default voice, by onnxruntime on the CPU, with the exact time of every phoneme.

Model and inference follow github: hexgrad/kokoro (StyleTTS 2, arXiv:2306.07691, without diffusion), int8 ONNX.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Models, Progress
from spinbot.engines.tts.alignment import Aligned, align, join
from spinbot.engines.tts.base import Spoken, TtsEngine, Voice
from spinbot.engines.tts.english import English, Pronounced, check_english
from spinbot.engines.tts.trained import read_table
from spinbot.errors import InputError, ModelError, NotFoundError

SAMPLE_RATE = 24000
FRAME = 600
"""Samples per frame of the duration predictor: 25 ms."""
LEAD = 0.05
"""Seconds by which a phoneme sounds before the duration predictor says.

Measured on three voices by correlating vowels and stops with the loudness of the sound: 0.045 to 0.055 s.
"""
PEAK = 0.95
"""Louder takes (the male voice reaches 1.2) are scaled down to this."""
TRAINED = 8
"""Trained voices in memory: 0.5 MB each."""
LONGEST = 400
"""Tokens per run; the model takes 510 at most and grows unsteady towards it."""

_DURATIONS = "/encoder/Clip_output_0"
_VOICES = {
    "stock:kumo": ("jm_kumo", "male, low and calm; the clearest, and the default"),
    "stock:alpha": ("jf_alpha", "female, bright and brisk"),
    "stock:gongitsune": ("jf_gongitsune", "female, low and slow"),
    "stock:tebukuro": ("jf_tebukuro", "female, high and light"),
    "stock:nezumi": ("jf_nezumi", "female, warm"),
}


class KokoroEngine(TtsEngine):
    """Speaks English in five stock voices."""

    name: ClassVar[str] = "kokoro"
    requires: ClassVar[tuple[str, ...]] = ("kokoro-82m-int8",)

    _session: Any = None

    def __init__(self, models: Models, *, device: str = "cpu", threads: int = 1) -> None:
        super().__init__(models, device=device, threads=threads)
        self._trained: dict[str, npt.NDArray[np.float32]] = {}

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        """The stock voices, the clearest first."""
        return tuple(Voice(name, "en-US", text) for name, (_, text) in _VOICES.items())

    def load(self, progress: Progress) -> None:
        """Open the model. Raises `ModelError` where its files are missing or of another model."""
        import onnxruntime

        folder = self.models(self.requires[0])
        progress(0.0, "loading the lexicon")
        self._english = English()
        progress(0.5, "loading Kokoro")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # threads that spin while they wait would starve the other engines of the machine
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # measured: onnxruntime's own graph optimiser gains nothing on this graph and costs 0.4 s of loading
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._vocab: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))["vocab"]
            with np.load(folder / "voices.npz") as styles:
                self._styles = {name: styles[pack] for name, (pack, _) in _VOICES.items()}
            model = (folder / "kokoro.onnx").read_bytes() + _also_output(_DURATIONS)
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            # the same for all sentences: each thread has room of its own in glibc (mallopt(3)), which stays behind it
            self._thread = ThreadPoolExecutor(1)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"Kokoro cannot be loaded from {folder.name}: {error}",
                hint="install the model anew: spinbot models pull kokoro-82m-int8",
            ) from error
        progress(1.0, "Kokoro is ready")

    def unload(self) -> None:
        """Drop the model and the lexicon."""
        self._thread.shutdown()
        del self._session, self._thread, self._english, self._styles, self._vocab
        self._trained.clear()

    def speak(self, text: str, *, voice: str, speed: float, seed: int, progress: Progress) -> Spoken:
        """See `TtsEngine.speak`.

        A seed other than 0 is 5 to 10 % slower (odd) or faster (even) and takes the style of a slightly longer
        sentence. Raises `InputError` also for text that is not English, code `unsupported_language`.
        """
        self.check(text, self.voices()[0].name if voice in self._trained else voice, speed)
        words = self._english.pronounce(text)
        shift = 0
        if seed:
            draw = random.Random(seed)
            speed *= 1 + draw.uniform(0.05, 0.1) * (-1 if seed % 2 else 1)
            shift = draw.randint(5, 25)
        pieces = list(_pieces(words))
        parts: list[Aligned] = []
        for i, piece in enumerate(pieces):
            progress(i / len(pieces), "speaking")
            parts.append(self._run(piece, voice, speed, shift, progress))
        samples, timing = join(parts, SAMPLE_RATE)
        progress(1.0, "spoken")
        return Spoken(samples, SAMPLE_RATE, timing)

    @classmethod
    def check(cls, text: str, voice: str, speed: float) -> None:
        """Raise what `speak` would raise about its arguments, without weights."""
        if voice not in _VOICES:
            raise NotFoundError(
                f"no voice {voice!r}", hint=f"voices of kokoro: {', '.join(_VOICES)}", code="unknown_voice"
            )
        if not 0.5 <= speed <= 2:
            raise InputError(f"speed {speed} is out of range", hint="give a speed from 0.5 to 2", code="bad_speed")
        if not any(c.isalnum() for c in text):
            raise InputError("the text has no word to speak", hint="give a sentence in English", code="no_words")
        check_english(text)

    def bring(self, voice: Path) -> str:
        """See `TtsEngine.bring`; the last `TRAINED` voices stay in memory."""
        name = f"trained:{voice.name}"
        if name not in self._trained:
            self.bring_pack(name, read_table(voice))
        return name

    def bring_pack(self, name: str, table: npt.NDArray[np.float32]) -> None:
        """Speak as `name` with a table of style vectors, (510, 256)."""
        self._trained.pop(name, None)
        self._trained[name] = table
        while len(self._trained) > TRAINED:
            self._trained.pop(next(iter(self._trained)))

    def pack(self, voice: str) -> npt.NDArray[np.float32]:
        """The table of a stock voice: (510, 256), one vector for each length of a sentence in tokens."""
        table: npt.NDArray[np.float32] = self._styles[voice].reshape(-1, 256).astype(np.float32, copy=False)
        return table

    def tokens(self, text: str) -> tuple[npt.NDArray[np.int64], int]:
        """A short sentence as the model's input, (1, n), and the row of the table that it is spoken with."""
        symbols, _ = _symbols(self._english.pronounce(text))
        return np.array([[0, *(self._vocab[s] for s in symbols), 0]], np.int64), len(symbols)

    def _run(self, words: list[Pronounced], voice: str, speed: float, shift: int, progress: Progress) -> Aligned:
        symbols, owners = _symbols(words)
        table = self._trained[voice] if voice in self._trained else self.pack(voice)
        tokens = np.array([[0, *(self._vocab[s] for s in symbols), 0]], np.int64)
        inputs: dict[str, npt.NDArray[Any]] = {
            "tokens": tokens,
            "style": table[None, min(len(symbols) + shift, len(table) - 1)],
            "speed": np.array([speed], np.float32),
        }
        audio, durations = self._infer(inputs, progress)
        audio = audio.reshape(-1)
        audio /= max(1.0, float(np.abs(audio).max()) / PEAK)
        frames = durations.reshape(-1).round().astype(int)
        return align([w.written for w in words], symbols, owners, frames * FRAME, audio, SAMPLE_RATE, LEAD)

    def _infer(self, inputs: dict[str, npt.NDArray[Any]], progress: Progress) -> list[npt.NDArray[np.float32]]:
        """Run the model in a thread, so that it can be stopped: a long sentence takes seconds."""
        import onnxruntime

        run = onnxruntime.RunOptions()
        # else the arena keeps the room of the longest sentence so far: 600 MB in place of 420, for no gain in time
        run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        future = self._thread.submit(self._session.run, ["audio", _DURATIONS], inputs, run)
        try:
            while not future.done():
                progress(0.0, "speaking")
                try:
                    future.result(timeout=0.4)
                except TimeoutError:
                    continue
        except BaseException:
            run.terminate = True
            wait([future])
            raise
        outputs: list[npt.NDArray[np.float32]] = future.result()
        return outputs


def _symbols(words: list[Pronounced]) -> tuple[str, list[int]]:
    """The model's input letters and for each the number of its word, -1 for pauses between words."""
    symbols, owners = "", []
    for i, word in enumerate(words):
        for text, owner in ((" " if i else "", -1), (word.lead, -1), (word.phonemes, i), (word.trail, -1)):
            symbols += text
            owners += [owner] * len(text)
    return symbols, owners


def _pieces(words: list[Pronounced]) -> list[list[Pronounced]]:
    """Halves at the punctuation nearest to the middle until each fits the model."""
    if len(_symbols(words)[0]) <= LONGEST or len(words) < 2:
        return [words]
    middle = len(words) / 2
    pauses = [i for i in range(1, len(words)) if words[i - 1].trail and len(words) / 6 < i < len(words) * 5 / 6]
    at = min(pauses or range(1, len(words)), key=lambda i: abs(i - middle))
    return _pieces(words[:at]) + _pieces(words[at:])


def _also_output(tensor: str) -> bytes:
    """Bytes that make a tensor of the graph one more float output when appended to an ONNX file.

    Protocol buffers merge a message given twice, and repeated fields append (protobuf.dev, Encoding, "Last One
    Wins"): so this is `ModelProto{graph(7): GraphProto{output(12): ValueInfoProto{name(1), type(2): FLOAT}}}`
    (onnx.proto).
    """

    def field(number: int, value: bytes) -> bytes:
        assert len(value) < 128  # a length of one byte
        return bytes([number << 3 | 2, len(value)]) + value

    element_type_float = field(1, b"\x08\x01")
    return field(7, field(12, field(1, tensor.encode()) + field(2, element_type_float)))
