"""When each word and each phoneme of a recording is spoken. Knows nothing of engines or files."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Word(BaseModel):
    """One word as it is written in the script (with its punctuation), in seconds from the start."""

    model_config = ConfigDict(frozen=True)
    text: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)


class Phoneme(BaseModel):
    """One phoneme as an IPA symbol ("" for silence), in seconds from the start."""

    model_config = ConfigDict(frozen=True)
    ipa: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)


class Timing(BaseModel):
    """Words and, where the synthesiser gives them, phonemes of one recording; both sorted by start."""

    model_config = ConfigDict(frozen=True)
    words: list[Word] = []
    phonemes: list[Phoneme] = []

    def shifted(self, seconds: float) -> Timing:
        """The same timing, later by `seconds`: for a sentence placed inside a longer recording."""
        return Timing(
            words=[w.model_copy(update={"start": w.start + seconds, "end": w.end + seconds}) for w in self.words],
            phonemes=[p.model_copy(update={"start": p.start + seconds, "end": p.end + seconds}) for p in self.phonemes],
        )
