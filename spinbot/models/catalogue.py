"""The model catalogue: which files make up a model, their hashes, their licence and where to get them.

Knows nothing of networks or disks. The starter models stand in `starter.toml` beside this file.
"""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from spinbot.errors import NotFoundError
from spinbot.models.sources import WheelMember, parse_source


def _check(source: str | list[str]) -> str | list[str]:
    if isinstance(source, str):
        parse_source(source)
    elif not all(isinstance(parse_source(part), WheelMember) for part in source):
        raise ValueError("only files of wheels can be joined: of others the size of each part is not known")
    return source


Source = Annotated[str | list[str], AfterValidator(_check)]
"""One place a file can be had from, written as in `sources.py`; a list means its parts, joined in order."""

# Neither a file nor a model may climb out of its folder, or hide among the store's own dot files.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9._+-]*"


class FileEntry(BaseModel):
    """One file of a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, StringConstraints(pattern=rf"^{_NAME}(/{_NAME})*$")] = Field(
        description="Where it lies in the model's folder, with forward slashes"
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: int = Field(ge=0, description="Size when installed")
    sources: list[Source] = Field(min_length=1, description="Tried in this order until one gives the right sha256")


class ModelEntry(BaseModel):
    """One model: the files of one folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=rf"^{_NAME}$")]
    slot: str = Field(description="Which slot's engines load it")
    title: str = Field(description="What it is, for a person")
    licence: str = Field(description="SPDX expression of the weights' licence")
    commercial: bool = Field(description="Whether the licence allows commercial use")
    memory_mb: int = Field(gt=0, description="About how much memory it takes once loaded")
    optional: bool = Field(default=False, description="Pulled only by name")
    files: list[FileEntry] = Field(min_length=1)

    @property
    def bytes(self) -> int:
        """Size of all files when installed."""
        return sum(file.bytes for file in self.files)


class Catalogue(BaseModel):
    """All models known, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[ModelEntry]

    @model_validator(mode="after")
    def _unique(self) -> Catalogue:
        names = [entry.name for entry in self.models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"models named twice: {', '.join(twice)}")
        return self

    def __getitem__(self, name: str) -> ModelEntry:
        for entry in self.models:
            if entry.name == name:
                return entry
        known = ", ".join(sorted(entry.name for entry in self.models))
        raise NotFoundError(f"there is no model {name!r}", hint=f"the models are: {known}", code="unknown_model")

    @property
    def defaults(self) -> list[str]:
        """Names of the models that a plain `spinbot models pull` installs."""
        return [entry.name for entry in self.models if not entry.optional]


def load_catalogue() -> Catalogue:
    """The starter models that come with spinbot."""
    text = resources.files("spinbot.models").joinpath("starter.toml").read_text(encoding="utf-8")
    return Catalogue.model_validate(tomllib.loads(text))


def digest(entry: ModelEntry) -> str:
    """Sha256 in hex over the sha256s of its files in order of path: part of every cache key that depends on it."""
    files = sorted(entry.files, key=lambda file: file.path)
    return hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
