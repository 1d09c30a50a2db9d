"""What a finished job adds to the profile that it uses: what it has trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spinbot.graphs.values import Look, Value, Voice
from spinbot.store.profiles import PartKind
from spinbot.store.trained import Made

KINDS: dict[type[Value], PartKind] = {Look: "look", Voice: "voice"}
"""Types of outputs that are parts of a person."""


def made(outputs: Mapping[str, Any], kinds: Mapping[str, type[Value]]) -> list[Made]:
    """New versions, from a job's outputs and their types by name, in the order of the names."""
    return [
        Made(part, outputs[name]["artifact"], outputs[name])
        for name, kind in sorted(kinds.items(), key=lambda entry: entry[0])
        if (part := KINDS.get(kind))
    ]
