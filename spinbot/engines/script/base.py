"""The slot `script`: a topic becomes a short narration."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from spinbot.engines.base import Engine, Progress, Slot


class Draft(BaseModel):
    """What a script engine writes."""

    model_config = ConfigDict(frozen=True)
    title: str = Field(min_length=1, max_length=80)
    sentences: list[str] = Field(min_length=1)
    visual: str = Field(min_length=1, max_length=300, description="What a picture of the scene shows")


class Turn(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Literal["system", "user", "assistant"]
    content: str = Field(max_length=100_000)


class Reply(BaseModel):
    """The next message, and how many tokens were read and written for it."""

    model_config = ConfigDict(frozen=True)
    text: str
    finish: Literal["stop", "length"] = Field(description="Whether it came to an end or was cut off")
    asked: int
    tokens: int


class ScriptEngine(Engine):
    """Writes narrations, and converses."""

    slot: ClassVar[Slot] = "script"

    @abstractmethod
    def write(self, topic: str, *, seconds: float, seed: int, progress: Progress) -> Draft:
        """A narration about `topic` that takes `seconds` (within a quarter) to speak, in English.

        The same seed gives the same draft. No sentence occurs twice.
        """

    @abstractmethod
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
        """The next message of a conversation; `hear` gets it piece by piece as it is written.

        `temperature` in 0..2: 0 takes the likeliest token each time. The message ends before any of the texts `stop`.
        The same seed gives the same message. Raises `InputError` with the code `context_length_exceeded`.
        """
