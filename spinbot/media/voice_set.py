"""Whether recordings are fit to learn a person's voice from: what is wrong, with which part, and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spinbot.media.checkup import Checkup, Finding, Level, names_left_out
from spinbot.media.clips import Clip
from spinbot.media.words import comparable_words, word_error_rate

LEAST_S, ENOUGH_S, MOST_S = 15.0, 60.0, 30 * 60.0
"""Seconds of good clips: fewer than the first say nothing of a voice, from the second on it is learned well, and of
more than the third only the first are used."""
LISTENED_S = MOST_S + ENOUGH_S
"""Of all recordings together that are listened to at all, so that hours of them take minutes and some 100 MB."""
SHORT_S = 1.0
NOISY_DB, HISSING_DB = 12.0, 22.0
"""Speech over noise: below the first the noise is learned with the voice; studio recordings have 40 and more."""
CLIPPED = 0.001
"""Share of the samples: a few at the loudest syllable are not heard."""
OTHER_WORDS = 0.35
"""Word error between what was heard and what is written: the recogniser alone makes up to 0.15 of it."""
ALIKE = 0.65
"""Of the speaker encoder's vectors: of 248 prompts by one speaker one is less like the mean of all, of clips by others
in Kokoro's five voices all."""
JUDGEABLE_S = 1.6
"""What the speaker encoder listens to at once: of less it says little."""
LANGUAGE, FOREIGN = "en", 0.1
"""What is to be spoken, and how likely it is at least: English with an accent had 0.34 and more, Italian up to 0.03."""
CERTAIN = 0.5
"""How likely another language is at least: with music none is."""
SLOW = 0.4
"""Words a second: below it, what was heard is not speech, or hardly any of it is."""


@dataclass(frozen=True)
class Heard:
    """One clip and its words."""

    name: str
    clip: Clip
    text: str
    """What the recogniser wrote."""
    given: str = ""
    """What is said, where the data set says it."""
    voice: npt.NDArray[np.float32] | None = None
    """Who speaks, as a vector of length one; None where nobody does."""
    doubtful: bool = False
    """Whether the recogniser only guessed."""
    languages: Mapping[str, float] = field(default_factory=dict)
    """How likely each language is; empty where the recogniser knows only one."""


def examine(clips: Sequence[Heard], *, unreadable: Sequence[Finding] = ()) -> Checkup:
    """Judge clips as training material. `unreadable` are the findings about files that hold no speech."""
    findings = [*unreadable, *(finding for clip in clips for finding in _faults(clip))]
    out = names_left_out(findings)
    findings += _others([clip for clip in clips if clip.name not in out])
    out = names_left_out(findings)
    used, seconds = [], 0.0
    for clip in clips:
        if clip.name not in out and seconds < MOST_S:
            used.append(clip.name)
            seconds += clip.clip.seconds
    whole = sum(clip.clip.seconds for clip in clips if clip.name not in out)
    findings += _of_the_set(seconds, whole)
    return Checkup(
        go=all(finding.level != "stop" for finding in findings), used=used, left_out=sorted(out), findings=findings
    )


def _faults(heard: Heard) -> Iterator[Finding]:
    def found(level: Level, code: str, message: str, remedy: str) -> Finding:
        return Finding(level=level, code=code, name=heard.name, message=message, remedy=remedy)

    clip, words = heard.clip, len(comparable_words(heard.text))
    if clip.seconds < SHORT_S:
        yield found("left_out", "too_short", f"{clip.seconds:.1f} s", "give whole sentences")
        return
    if words < SLOW * clip.seconds:
        message = f"{words or 'no'} words in {clip.seconds:.0f} s: music, noise or silence"
        yield found("left_out", "no_speech", message, "give parts where only the person speaks")
        return
    foreign = _foreign(heard.languages)
    if foreign:
        message = f"it is not in English, but in the language {foreign!r} ({heard.languages[foreign]:.0%})"
        remedy = "the voice will have this sound and speak English; recordings in English also teach how it says that"
        yield found("note", "other_language", message, remedy)
    elif heard.doubtful:
        message = f"not understood: another language, music or noise; the guess was {heard.text[:60]!r}"
        remedy = "give parts with clear English; for another language set SPINBOT_ENGINES__ASR=whisper-base"
        yield found("left_out", "not_understood", message, remedy)
        return
    if clip.clipped > CLIPPED:
        message = f"too loud for the recorder in {clip.clipped:.1%} of it"
        yield found("left_out", "clipped", message, "record again, with less gain or farther from the microphone")
    if clip.snr_db < NOISY_DB:
        message = f"speech is only {clip.snr_db:.0f} dB louder than the noise"
        yield found("left_out", "noisy", message, "record in a quiet room, close to the microphone")
    elif clip.snr_db < HISSING_DB:
        message = f"speech is {clip.snr_db:.0f} dB louder than the noise; {HISSING_DB:.0f} are good"
        yield found("note", "hiss", message, "record in a quiet room if you can")
    if heard.given and not foreign and (error := word_error_rate(heard.given, heard.text)) > OTHER_WORDS:
        message = f"{error:.0%} of the words are not those that are written: heard was {heard.text[:60]!r}"
        yield found("left_out", "other_words", message, "correct the transcript, or leave it out")


def _foreign(languages: Mapping[str, float]) -> str:
    """The language that is spoken in place of English; empty where that is not certain."""
    likely = max(languages, key=lambda tag: languages[tag], default=LANGUAGE)
    return likely if languages.get(LANGUAGE, 0.0) < FOREIGN and languages.get(likely, 0.0) > CERTAIN else ""


def _others(clips: Sequence[Heard]) -> Iterator[Finding]:
    """Clips by somebody else than most of them are by."""
    judged = [clip for clip in clips if clip.voice is not None and clip.clip.seconds >= JUDGEABLE_S]
    if len(judged) < 3:
        return
    voices = np.stack([clip.voice for clip in judged if clip.voice is not None])
    alike = voices @ voices.T
    own = voices[alike[alike.mean(1).argmax()] > ALIKE].mean(0)
    for clip, likeness in zip(judged, voices @ (own / np.linalg.norm(own)), strict=True):
        if likeness < ALIKE:
            message = f"somebody else speaks, or in quite another way ({likeness:.2f})"
            remedy = "give clips of one person, speaking as the voice is to speak"
            yield Finding(level="left_out", code="other_voice", name=clip.name, message=message, remedy=remedy)


def too_long(name: str, message: str) -> Finding:
    """The note about what was not listened to; `name` is that of a recording or empty."""
    remedy = "that is plenty; choose the best half hour if they differ"
    return Finding(level="note", code="long", name=name, message=message, remedy=remedy)


def _of_the_set(seconds: float, whole: float) -> Iterator[Finding]:
    def found(level: Level, code: str, message: str, remedy: str) -> Finding:
        return Finding(level=level, code=code, name="", message=message, remedy=remedy)

    usable = f"{seconds:.0f} s are fit to learn from"
    if seconds < LEAST_S:
        yield found("stop", "too_little", f"{usable}; {LEAST_S:.0f} are the least", "give one to ten minutes of speech")
    elif seconds < ENOUGH_S:
        yield found("note", "little", usable, "with one to ten minutes the voice is more like the person")
    elif whole > seconds:
        message = f"{whole / 60:.0f} minutes are fit to learn from, and the first {seconds / 60:.0f} are used"
        yield found("note", "much", message, "choose the best half hour if they differ")
