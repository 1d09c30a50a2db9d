"""The slot `script`: a topic becomes a short narration."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from spinbot.engines.base import Engine, Progress, Slot


class Draft(BaseModel):
    """What a script engine writes."""

    model_config = ConfigDict(frozen=True)
    title: str = Field(min_length=1, max_length=80)
    sentences: list[str] = Field(min_length=1)
    visual: str = Field(min_length=1, max_length=300, description="What a picture of the scene shows")


class ScriptEngine(Engine):
    """Writes narrations."""

    slot: ClassVar[Slot] = "script"

    @abstractmethod
    def write(self, topic: str, *, seconds: float, seed: int, progress: Progress) -> Draft:
        """A narration about `topic` that takes `seconds` (within a quarter) to speak, in English.

        The same seed gives the same draft. No sentence occurs twice.
        """
