"""The capability manifest: everything that a plan may name, as plain data.

It is read from the registries, the catalogue and the settings, and knows nothing of what runs at the moment.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from spinbot.config import HostGroup, Settings
from spinbot.engines.base import SLOTS
from spinbot.engines.registry import ENGINES, engine_class
from spinbot.engines.tts.base import TtsEngine
from spinbot.graphs.node import NODES, describe
from spinbot.graphs.templates import TEMPLATES
from spinbot.media import portraits
from spinbot.models.store import ModelStore


class Entry(BaseModel):
    """Base of what a manifest lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TemplateEntry(Entry):
    """A template and what a user may choose in it."""

    name: str
    description: str
    parameters: dict[str, Any] = Field(description="JSON Schema of its parameters, an object")

    def choices(self, field: str) -> list[Any]:
        """What a parameter may be, where that is a fixed list; empty for all others and for one it does not have."""
        return list(self.parameters["properties"].get(field, {}).get("enum", ()))


class EngineEntry(Entry):
    """An engine of a slot."""

    name: str
    models: list[str] = Field(description="Catalogue names of the models it loads")
    memory_bytes: int = Field(description="About how much memory its models take once loaded")
    missing: list[str] = Field(description="Models and Python modules that are not installed; empty: it can run")

    @property
    def available(self) -> bool:
        """Whether all that it needs is installed."""
        return not self.missing


class SlotEntry(Entry):
    """A slot: which engine fills it where nothing is said, and which others there are."""

    default: str
    engines: list[EngineEntry]

    def available(self) -> list[str]:
        """Names of the engines that can run."""
        return [engine.name for engine in self.engines if engine.available]


class VoiceEntry(Entry):
    """A voice of a speech engine."""

    name: str
    engine: str
    language: str = Field(description="BCP-47, such as en-US")
    description: str


class PortraitEntry(Entry):
    """A portrait that comes with spinbot."""

    name: str
    artifact: str = Field(description="The id that its file has once it is in the artifact store")
    voice: str = Field(description="The voice that suits the person shown")


class Manifest(Entry):
    """What a plan may name."""

    version: Literal[1] = 1
    templates: list[TemplateEntry]
    nodes: list[dict[str, Any]] = Field(description="Node types: ports, parameters as JSON Schema, slots, version")
    slots: dict[str, SlotEntry]
    voices: list[VoiceEntry] = Field(description="Of the speech engines that can run; the default of each first")
    portraits: list[PortraitEntry]
    hosts: dict[str, HostGroup] = Field(description="Model actors by name, and the hardware that each gets")

    def template(self, name: str) -> TemplateEntry:
        """The template of that name. Raises `KeyError`."""
        return next(entry for entry in self.templates if entry.name == name)

    def voice(self, name: str, engine: str) -> VoiceEntry | None:
        """The voice `name` of a speech engine."""
        return next((voice for voice in self.voices if (voice.name, voice.engine) == (name, engine)), None)


def capabilities(settings: Settings, models: ModelStore) -> Manifest:
    """The manifest of an installation. Looks at the files of the models, loads none of them."""
    slots = {slot: _slot(slot, settings, models) for slot in SLOTS}
    return Manifest(
        templates=[
            TemplateEntry(name=name, description=_first_line(kind), parameters=kind.model_json_schema())
            for name, kind in TEMPLATES.items()
        ],
        nodes=[describe(NODES[name]) for name in sorted(NODES)],
        slots=slots,
        voices=[voice for engine in slots["tts"].available() for voice in _voices(engine)],
        portraits=[_portrait(name) for name in portraits.NAMES],
        hosts=settings.hosts,
    )


def _slot(slot: str, settings: Settings, models: ModelStore) -> SlotEntry:
    default = settings.engines[slot]
    return SlotEntry(
        default=default, engines=[_engine(slot, name, models) for name in dict.fromkeys([*ENGINES[slot], default])]
    )


def _engine(slot: str, name: str, models: ModelStore) -> EngineEntry:
    kind = engine_class(slot, name)
    return EngineEntry(
        name=name,
        models=list(kind.requires),
        memory_bytes=sum(models.memory_bytes(model) for model in kind.requires),
        missing=[
            *(model for model in kind.requires if not models.installed(model)),
            *(module for module in kind.extras if find_spec(module) is None),
        ],
    )


def _voices(engine: str) -> list[VoiceEntry]:
    offered = cast(type[TtsEngine], engine_class("tts", engine)).voices()
    return [VoiceEntry(engine=engine, **vars(voice)) for voice in offered]


def _portrait(name: str) -> PortraitEntry:
    digest = hashlib.sha256(portraits.path(name).read_bytes()).hexdigest()
    return PortraitEntry(name=name, artifact=f"sha256:{digest}", voice=portraits.VOICES[name])


def _first_line(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
