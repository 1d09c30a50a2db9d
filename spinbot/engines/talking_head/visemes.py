"""From sound and its timing to mouth shapes, one a frame. Knows nothing of pictures.

Shapes follow the viseme classes of MPEG-4 facial animation (ISO/IEC 14496-2, table C.1). Neighbouring shapes blend
with dominance functions, after Cohen and Massaro, "Modeling Coarticulation in Synthetic Visual Speech" (1993).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np

from spinbot.engines.talking_head.base import Performance
from spinbot.engines.talking_head.energy import envelope
from spinbot.engines.talking_head.shape import REST, SIZE, Shape, Track
from spinbot.media.timing import Phoneme, Timing, Word

SHAPES: dict[str, Shape] = {
    "ɑ": Shape(0.9, 0.0, teeth=0.2),
    "a": Shape(0.88, 0.15, teeth=0.4),
    "æ": Shape(0.8, 0.4, teeth=0.6),
    "ʌ": Shape(0.66, 0.05, teeth=0.3),
    "ə": Shape(0.5, 0.05, teeth=0.4),
    "ɛ": Shape(0.6, 0.4, teeth=0.7),
    "e": Shape(0.52, 0.55, teeth=0.8),
    "ɪ": Shape(0.46, 0.5, teeth=0.9),
    "i": Shape(0.38, 0.95, teeth=1.0),
    "ɔ": Shape(0.75, -0.2, 0.6, teeth=0.1),
    "o": Shape(0.62, -0.3, 0.8),
    "ʊ": Shape(0.5, -0.3, 0.75, teeth=0.1),
    "u": Shape(0.42, -0.4, 1.0),
    "w": Shape(0.34, -0.45, 1.0),
    "ɜ": Shape(0.45, -0.1, 0.4, teeth=0.4),
    "ɹ": Shape(0.36, -0.15, 0.5, teeth=0.5),
    "j": Shape(0.28, 0.6, teeth=0.9),
    "m": Shape(press=1.0),
    "f": Shape(0.1, 0.1, tuck=1.0, teeth=1.0),
    "θ": Shape(0.26, 0.2, teeth=0.8, tongue=1.0),
    "t": Shape(0.24, 0.25, teeth=1.0, tongue=0.4),
    "s": Shape(0.2, 0.4, teeth=1.0),
    "l": Shape(0.38, 0.15, teeth=0.6, tongue=0.9),
    "ʃ": Shape(0.26, -0.25, 0.7, teeth=1.0),
    "k": Shape(0.32, 0.15, teeth=0.5),
    "h": Shape(0.4, 0.1, teeth=0.4),
}
"""One sound of each viseme class."""

ALIKE: dict[str, str] = {
    "ɑ": "ɒ", "a": "ɐäɶ", "ə": "ɘɵᵊ", "ɛ": "ɞ", "e": "ø", "i": "yᵻɨ", "ɪ": "ʏ", "o": "ɤ", "u": "ʉɯ", "w": "ɥʍ",
    "ɜ": "ɝɚœ", "ɹ": "rɾɻʁʀɽ", "j": "ʎ", "m": "pbɱɓβ", "f": "vʋɸ", "θ": "ð", "t": "dnʈɖɳɗ", "s": "zc", "l": "ɫɭɬ",
    "ʃ": "ʒʧʤɕʑçɟ", "k": "ɡgŋxqɣχɴɢʔ", "h": "ɦħʕ",
}  # fmt: skip
"""Sounds that look like the key."""

GLIDES = {"A": "eɪ", "I": "aɪ", "W": "aʊ", "O": "oʊ", "Q": "əʊ", "Y": "ɔɪ", "T": "t", "ʣ": "ts", "ʦ": "ts"}
"""Single letters that speech models write for two sounds."""

LETTERS = {
    "tion": "ʃən", "eigh": "eɪ", "ough": "oʊ", "igh": "aɪ", "ee": "i", "ea": "i", "oo": "u", "ou": "aʊ", "ow": "oʊ",
    "ai": "eɪ", "ay": "eɪ", "oa": "oʊ", "oi": "ɔɪ", "oy": "ɔɪ", "au": "ɔ", "aw": "ɔ", "th": "θ", "sh": "ʃ", "ch": "ʃ",
    "ph": "f", "ck": "k", "qu": "kw", "wh": "w", "ng": "ŋ", "er": "ɜ", "ir": "ɜ", "ur": "ɜ", "ar": "ɑɹ", "or": "ɔɹ",
    "a": "æ", "e": "ɛ", "i": "ɪ", "o": "ɔ", "u": "ʌ", "y": "i", "c": "k", "j": "ʃ", "x": "ks", "r": "ɹ", "q": "k",
}  # fmt: skip
"""How letters of a Latin script roughly sound, longest first; a letter not listed stands for itself."""

RATE = 200
"""Steps a second at which shapes blend before they are sampled at the frame rate."""
ANTICIPATION = 0.06
"""Seconds by which lips run ahead of the sound."""
SPREAD = 0.05
"""Seconds of a shape's influence beyond its sound (deviation of a Gaussian): ramps of some 100 ms."""

_LOOKS = {symbol: SHAPES[key] for key in SHAPES for symbol in key + ALIKE.get(key, "")}


def shapes_of(ipa: str) -> list[Shape]:
    """The shapes an IPA symbol goes through: one, or two for a diphthong; none for marks of stress and length."""
    plain = unicodedata.normalize("NFD", "".join(GLIDES.get(symbol, symbol) for symbol in ipa))
    return [_LOOKS[symbol] for symbol in plain if symbol in _LOOKS]


def spelled(word: str) -> str:
    """Rough IPA for a written word in a Latin script; "ə" where nothing is known of its script."""
    folded = unicodedata.normalize("NFD", word.lower())
    text = "".join(letter for letter in folded if letter.isalpha())
    sounds = ""
    while text:
        size = next((n for n in (4, 3, 2, 1) if text[:n] in LETTERS), 1)
        head, text = text[:size], text[size:]
        sounds += LETTERS.get(head, head if head in _LOOKS else "ə")
    if word.isascii() and len(sounds) > 2 and word.lower().rstrip(".,!?;:\"'").endswith("e"):
        sounds = sounds.removesuffix("ɛ")  # an English e at the end is silent
    return sounds


def phonemes_of(timing: Timing) -> list[Phoneme]:
    """The phonemes as given, else rough ones spread over each word by its spelling."""
    if timing.phonemes:
        return list(timing.phonemes)
    return [phoneme for word in timing.words for phoneme in _spread(word)]


def _spread(word: Word) -> Iterable[Phoneme]:
    sounds = spelled(word.text)
    edges = np.linspace(word.start, max(word.start, word.end), len(sounds) + 1)
    return [
        Phoneme(ipa=sound, start=float(a), end=float(b)) for sound, a, b in zip(sounds, edges, edges[1:], strict=False)
    ]


def mouth_track(performance: Performance) -> Track:
    """A shape for each frame. Without any timing the loudness alone opens the mouth."""
    steps = performance.frames * RATE // performance.fps + RATE
    loud = envelope(performance.samples, performance.sample_rate, RATE, steps)
    phonemes = phonemes_of(performance.timing)
    track = _blend(phonemes, steps) if phonemes else loud[:, None] * np.array(SHAPES["a"], np.float32)
    track[:, 0] = 0.1 * track[:, 0] + loud * (0.24 + 0.8 * track[:, 0])  # loud speech opens wider, whatever the sound
    track *= np.minimum(1, loud / 0.06)[:, None]  # silence closes the mouth, whatever the timing says
    _close(track, phonemes)
    at = np.arange(performance.frames) * RATE / performance.fps
    return np.stack([np.interp(at, np.arange(steps), column) for column in track.T], axis=1).astype(np.float32)


def _blend(phonemes: list[Phoneme], steps: int) -> Track:
    """Weigh every shape by a plateau over its sound with Gaussian ramps on either side."""
    time = np.arange(steps, dtype=np.float32) / RATE + ANTICIPATION
    total = np.zeros((steps, SIZE), np.float32)
    weights = np.full((steps, 1), 1e-4, np.float32)  # far from any sound the mouth is at rest
    for phoneme in phonemes:
        shapes = shapes_of(phoneme.ipa) or ([REST] if not phoneme.ipa.strip() else [])
        edges = np.linspace(phoneme.start, phoneme.end, len(shapes) + 1)
        for shape, start, end in zip(shapes, edges, edges[1:], strict=False):
            first, last = (int((edge - ANTICIPATION) * RATE) for edge in (start - 5 * SPREAD, end + 5 * SPREAD))
            part = slice(max(0, first), max(0, min(steps, last)))
            away = np.maximum(0, np.maximum(start - time[part], time[part] - end))
            weight = np.exp(-0.5 * (away / SPREAD) ** 2)[:, None]
            total[part] += weight * np.array(shape, np.float32)
            weights[part] += weight
    return total / weights


def _close(track: Track, phonemes: list[Phoneme]) -> None:
    """Lips that must meet do meet: "m", "p" and "b" close the mouth in full, "f" and "v" nearly."""
    time = np.arange(len(track), dtype=np.float32) / RATE + 0.03  # seen and heard closures almost coincide
    for phoneme in phonemes:
        for shape in shapes_of(phoneme.ipa):
            lips = max(shape.press, shape.tuck)
            if lips == 0:
                continue
            away = np.maximum(0, np.maximum(phoneme.start - time, time - phoneme.end))
            hold = np.clip(1.35 * np.exp(-0.5 * (away / 0.03) ** 2), 0, 1)
            limit = 1 - hold * (1 - shape.open)
            track[:, 0] = np.minimum(track[:, 0], limit)
            for column, value in ((3, shape.press), (4, shape.tuck)):
                track[:, column] = np.maximum(track[:, column], hold * value)
