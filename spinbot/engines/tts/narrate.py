"""Speak a script sentence by sentence and listen to the result: what was misread is spoken again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spinbot.engines.asr.base import AsrEngine
from spinbot.engines.base import Progress
from spinbot.engines.tts.base import Spoken, TtsEngine
from spinbot.errors import InputError
from spinbot.media.timing import Phoneme, Timing, Word
from spinbot.media.words import word_error_rate

ACCEPTED = 0.2
"""Word error that is put down to the listener: a small recogniser mishears names and rare words."""
LISTEN_S = 28.0
"""Sentences heard in one go: Whisper works through 30 s however short the sound is."""
_GAP_S = 0.5
"""Silence between sentences while listening."""


@dataclass(frozen=True)
class SentenceSpan:
    """Where a sentence lies in the narration, in seconds, and how it was understood.

    `heard` is "" and `word_error` 0 where no recogniser listened; `tries` counts the takes.
    """

    text: str
    start: float
    end: float
    heard: str
    word_error: float
    tries: int


@dataclass(frozen=True)
class Narration:
    """A spoken script. `samples` is mono float32 in -1..1, shape (n,)."""

    samples: npt.NDArray[np.float32]
    sample_rate: int
    timing: Timing
    sentences: list[SentenceSpan]


@dataclass(frozen=True)
class _Take:
    spoken: Spoken
    heard: str = ""
    error: float = 0.0


def narrate(
    tts: TtsEngine,
    asr: AsrEngine | None,
    sentences: Sequence[str],
    *,
    voice: str,
    speed: float,
    seed: int,
    progress: Progress,
    pause_s: float = 0.35,
    max_tries: int = 3,
) -> Narration:
    """Speak all sentences, `pause_s` seconds apart.

    With `asr`, a sentence heard with a word error above `ACCEPTED` is spoken again with the next seed, up to
    `max_tries` takes, and its best take is kept. Raises `InputError` for an empty script and what `tts.speak` raises.
    """
    if not sentences:
        raise InputError("the script is empty", hint="write at least one sentence", code="no_words")
    best: dict[int, _Take] = {}
    tries = dict.fromkeys(range(len(sentences)), 0)
    pending = list(range(len(sentences)))
    for attempt in range(max_tries if asr else 1):
        low, high = (0.0, 0.9) if attempt == 0 else (1 - 0.1 / 2 ** (attempt - 1), 1 - 0.1 / 2**attempt)
        takes = {}
        for n, i in enumerate(pending):
            message = f"sentence {i + 1} of {len(sentences)}" + (f", take {attempt + 1}" if attempt else "")
            share = (high - low) * 0.8 / len(pending)
            part = _part(progress, low + n * share, share, message)
            spoken = tts.speak(sentences[i], voice=voice, speed=speed, seed=seed + attempt, progress=part)
            takes[i] = _Take(spoken)
            tries[i] += 1
        if asr:
            listening = _part(progress, low + (high - low) * 0.8, (high - low) * 0.2, "checking the speech")
            takes = _listen(asr, sentences, takes, listening)
        for i, take in takes.items():
            if i not in best or take.error < best[i].error:
                best[i] = take
        pending = [i for i in pending if best[i].error > ACCEPTED]
        if not pending:
            break
    progress(1.0, "the script is spoken")
    return _assemble(sentences, [best[i] for i in range(len(sentences))], list(tries.values()), pause_s)


def padded(narration: Narration, *, lead_s: float, pause_s: float, fps: int) -> Narration:
    """The narration between `lead_s` and at least `pause_s` seconds of silence, as long as whole video frames.

    Where `fps` does not divide the sample rate, the sound is shorter than its frames by less than one sample.
    """
    rate, spoken = narration.sample_rate, narration.samples.size
    lead = round(lead_s * rate)
    end = lead + spoken
    frames = -(-(end + round(pause_s * rate)) * fps // rate)
    samples = np.zeros(frames * rate // fps, np.float32)
    samples[lead:end] = narration.samples
    timing = narration.timing.shifted(lead / rate)
    silence = [Phoneme(ipa="", start=a / rate, end=b / rate) for a, b in ((0, lead), (end, samples.size))]
    phonemes = [silence[0], *timing.phonemes, silence[1]] if timing.phonemes else []
    spans = [replace(s, start=s.start + lead / rate, end=s.end + lead / rate) for s in narration.sentences]
    return Narration(samples, rate, Timing(words=timing.words, phonemes=phonemes), spans)


def _part(progress: Progress, start: float, share: float, message: str) -> Progress:
    """Progress of a step as that of the whole."""
    return lambda fraction, _: progress(start + share * min(fraction, 1.0), message)


def _listen(asr: AsrEngine, sentences: Sequence[str], takes: dict[int, _Take], progress: Progress) -> dict[int, _Take]:
    """The takes with what was heard, several at a time."""
    groups: list[list[int]] = [[]]
    length = 0.0
    for i, take in takes.items():
        seconds = take.spoken.samples.size / take.spoken.sample_rate + _GAP_S
        if groups[-1] and length + seconds > LISTEN_S:
            groups.append([])
            length = 0.0
        groups[-1].append(i)
        length += seconds
    out = {}
    for n, group in enumerate(groups):
        step = _part(progress, n / len(groups), 1 / len(groups), "")
        rate = takes[group[0]].spoken.sample_rate
        gap = np.zeros(round(_GAP_S * rate), np.float32)
        pieces = [np.concatenate([takes[i].spoken.samples, gap]) for i in group]
        words = asr.transcribe(np.concatenate(pieces), rate, step).words
        ends = np.cumsum([piece.size for piece in pieces]) / rate - _GAP_S / 2
        owners = np.searchsorted(ends[:-1], [(w.start + w.end) / 2 for w in words])
        for position, i in enumerate(group):
            heard = " ".join(w.text for w, owner in zip(words, owners, strict=True) if owner == position)
            out[i] = replace(takes[i], heard=heard, error=word_error_rate(sentences[i], heard))
    return out


def _assemble(sentences: Sequence[str], takes: Sequence[_Take], tries: Sequence[int], pause_s: float) -> Narration:
    rate = takes[0].spoken.sample_rate
    pause = np.zeros(round(pause_s * rate), np.float32)
    pieces: list[npt.NDArray[np.float32]] = []
    words: list[Word] = []
    phonemes: list[Phoneme] = []
    spans: list[SentenceSpan] = []
    at = 0
    for text, take, count in zip(sentences, takes, tries, strict=True):
        if pieces:
            pieces.append(pause)
            phonemes.append(Phoneme(ipa="", start=at / rate, end=(at + pause.size) / rate))
            at += pause.size
        timing = take.spoken.timing.shifted(at / rate)
        words += timing.words
        phonemes += timing.phonemes
        pieces.append(take.spoken.samples)
        end = at + take.spoken.samples.size
        spans.append(SentenceSpan(text, at / rate, end / rate, take.heard, take.error, count))
        at = end
    samples = np.concatenate(pieces)
    samples /= max(1.0, float(np.abs(samples).max()))
    return Narration(samples, rate, Timing(words=words, phonemes=phonemes), spans)
