"""From the durations of a model's tokens to the times of phonemes and words, silence at the ends trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spinbot.engines.tts.pronunciations import TO_IPA
from spinbot.media.timing import Phoneme, Timing, Word

Samples = npt.NDArray[np.float32]

_MARKS = frozenset("ˈˌ")
_LENGTHENS = frozenset("ːʰʲ̃")
_SILENT = frozenset(';:,.!?—…"()“” ')
_QUIET = 10 ** (-40 / 20)
"""Below this part of the peak, a frame is silence."""
_HEAD, _TAIL, _BREATH = 0.05, 0.12, 0.15
"""Seconds of silence kept before and after the speech, and put between parts of one sentence."""


@dataclass(frozen=True)
class Aligned:
    """Sound with times from its own start."""

    samples: Samples
    timing: Timing


def align(
    written: Sequence[str],
    symbols: str,
    owners: Sequence[int],
    durations: npt.NDArray[np.int_],
    samples: Samples,
    sample_rate: int,
    lead: float = 0.0,
) -> Aligned:
    """Times of words and phonemes.

    `symbols` are n letters of the model, `owners` the index in `written` for each (-1 between words), `durations` the
    n + 2 token lengths in samples, with one token of silence at both ends; `lead` is by how many seconds the sound
    runs ahead of them. A stress mark counts to the vowel after it, a plain space to its neighbours. Silence that the
    model puts into the last phoneme before a pause is taken out of that phoneme.
    """
    edges = np.maximum(np.cumsum(durations) / sample_rate - lead, 0.0)
    spans: list[tuple[str, int, float, float]] = []
    start = None
    for i, (symbol, owner) in enumerate(zip(symbols, owners, strict=True)):
        begin, end = float(edges[i]), float(edges[i + 1])
        if symbol in _MARKS:
            start = begin if start is None else start
        elif symbol in _LENGTHENS and spans:
            spans[-1] = (spans[-1][0] + symbol, spans[-1][1], spans[-1][2], end)
        else:
            ipa = "" if symbol in _SILENT else TO_IPA.get(symbol, symbol)
            spans.append((ipa, -1 if symbol == " " else owner, begin if start is None else start, end))
            start = None
    loud = _Loudness(samples, sample_rate)
    phonemes, owned = _phonemes(_without_gaps(spans), loud)
    first, last = loud.extent()
    first = min(first, *(p.start for p in phonemes if p.ipa))
    cut, stop = max(0.0, first - _HEAD), min(last + _TAIL, samples.size / sample_rate)
    length = stop - cut

    def moved(t: float) -> float:
        return round(min(max(t - cut, 0.0), length), 4)

    words = []
    for index, text in enumerate(written):
        mine = [p for p, owner in zip(phonemes, owned, strict=True) if owner == index]
        words.append(Word(text=text, start=moved(mine[0].start), end=moved(mine[-1].end)))
    timed = [Phoneme(ipa=p.ipa, start=moved(p.start), end=moved(p.end)) for p in phonemes]
    timed = [p for p in timed if p.end > p.start]
    kept = samples[round(cut * sample_rate) : round(stop * sample_rate)]
    return Aligned(kept, Timing(words=words, phonemes=_closed(timed, length)))


def join(parts: Sequence[Aligned], sample_rate: int) -> tuple[Samples, Timing]:
    """Parts of one sentence after another, a breath apart."""
    pieces: list[Samples] = []
    words: list[Word] = []
    phonemes: list[Phoneme] = []
    at = 0
    for i, part in enumerate(parts):
        if i:
            pause = np.zeros(round(_BREATH * sample_rate), np.float32)
            pieces.append(pause)
            phonemes.append(Phoneme(ipa="", start=at / sample_rate, end=(at + pause.size) / sample_rate))
            at += pause.size
        timing = part.timing.shifted(at / sample_rate)
        words += timing.words
        phonemes += timing.phonemes
        pieces.append(part.samples)
        at += part.samples.size
    return np.concatenate(pieces), Timing(words=words, phonemes=phonemes)


class _Loudness:
    """Peak level in hops of 5 ms."""

    hop = 0.005

    def __init__(self, samples: Samples, sample_rate: int) -> None:
        size = round(self.hop * sample_rate)
        padded = np.pad(np.abs(samples), (0, -samples.size % size))
        peaks = padded.reshape(-1, size).max(axis=1)
        self.loud = np.flatnonzero(peaks > _QUIET * max(float(peaks.max()), 1e-6))

    def extent(self) -> tuple[float, float]:
        """Seconds of the first and past the last loud hop."""
        if not self.loud.size:
            return 0.0, 0.0
        return float(self.loud[0]) * self.hop, float(self.loud[-1] + 1) * self.hop

    def end_within(self, begin: float, end: float) -> float:
        """Past the last loud hop in a stretch; its end where all is quiet."""
        inside = self.loud[(self.loud >= begin / self.hop) & (self.loud < end / self.hop)]
        return min(float(inside[-1] + 1) * self.hop, end) if inside.size else end


def _without_gaps(spans: list[tuple[str, int, float, float]]) -> list[tuple[str, int, float, float]]:
    """Give the time of a space between two sounding phonemes half to each."""
    out: list[tuple[str, int, float, float]] = []
    for i, (ipa, owner, begin, end) in enumerate(spans):
        between = 0 < i < len(spans) - 1 and not ipa and owner < 0 and spans[i - 1][0] and spans[i + 1][0]
        if between:
            middle = (begin + end) / 2
            out[-1] = (*out[-1][:3], middle)
            following = spans[i + 1]
            spans[i + 1] = (following[0], following[1], middle, following[3])
        else:
            out.append((ipa, owner, begin, end))
    return out


def _phonemes(spans: list[tuple[str, int, float, float]], loud: _Loudness) -> tuple[list[Phoneme], list[int]]:
    phonemes, owners = [], []
    for i, (ipa, owner, begin, end) in enumerate(spans):
        pause_follows = i + 1 == len(spans) or not spans[i + 1][0]
        sounds_until = max(loud.end_within(begin, end), min(begin + 0.03, end)) if ipa and pause_follows else end
        phonemes.append(Phoneme(ipa=ipa, start=begin, end=sounds_until))
        owners.append(owner)
    return phonemes, owners


def _closed(phonemes: list[Phoneme], length: float) -> list[Phoneme]:
    """Without holes from 0 to `length`: what is no phoneme is silence, neighbouring silences are one."""
    out: list[Phoneme] = []
    at = 0.0
    for p in [*phonemes, Phoneme(ipa="", start=length, end=length)]:
        if p.start > at:
            out.append(Phoneme(ipa="", start=at, end=p.start))
        if p.end > p.start:
            out.append(p)
        at = max(at, p.end)
    merged: list[Phoneme] = []
    for p in out:
        if merged and not p.ipa and not merged[-1].ipa:
            merged[-1] = Phoneme(ipa="", start=merged[-1].start, end=p.end)
        else:
            merged.append(p)
    return merged
