"""What is to be thought of data that somebody is to be learned from: what is wrong, with what, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["note", "left_out", "stop"]


class Finding(BaseModel):
    """One thing that is wrong."""

    model_config = ConfigDict(frozen=True)
    level: Level = Field(description="note: worth knowing; left_out: it is not used; stop: no training")
    code: str
    name: str = Field(description="Of the picture or clip; empty where it concerns all")
    message: str
    remedy: str


class Checkup(BaseModel):
    """The verdict on a set of pictures or clips."""

    model_config = ConfigDict(frozen=True)
    go: bool = Field(description="Whether something can be learned from what is used")
    used: list[str] = Field(description="Names of those that are fit")
    left_out: list[str]
    findings: list[Finding]

    def besides(self, findings: Sequence[Finding]) -> Checkup:
        """The same with findings about files that were not looked at for it."""
        left_out = sorted({*self.left_out, *names_left_out(findings)})
        return self.model_copy(update={"findings": [*findings, *self.findings], "left_out": left_out})


def names_left_out(findings: Iterable[Finding]) -> set[str]:
    """Names of what is not used."""
    return {finding.name for finding in findings if finding.level == "left_out"}
