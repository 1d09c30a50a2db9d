"""Where a file can be had from, as one line of text.

hf:owner/repo@revision/path/in/repo         a file of a Hugging Face repository
pypi:name==version/path/in/wheel            a file inside a wheel of the package index that pip is set up for
file:/absolute/path                         a file of this machine or of a mounted share
package:path                                a file that comes with spinbot, under spinbot/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True)
class HubFile:
    """A file of a model repository on the Hugging Face hub, or of what `HF_ENDPOINT` names."""

    repo: str
    revision: str
    path: str


@dataclass(frozen=True)
class WheelMember:
    """A file inside a wheel. The wheel is never installed."""

    name: str
    version: str
    path: str


@dataclass(frozen=True)
class LocalFile:
    """A file that is already on a disk here."""

    path: Path


Place = HubFile | WheelMember | LocalFile

_HUB = re.compile(r"hf:([\w.-]+/[\w.-]+)@([\w.-]+)/(.+)")
_WHEEL = re.compile(r"pypi:([A-Za-z0-9._-]+)==([^/]+)/(.+)")
_FILE = re.compile(r"file:(/.+)")
_PACKAGE = re.compile(r"package:(\w[^.]*(?:\.\w[^.]*)*)")
"""No part of the path begins with a dot."""


def parse_source(text: str) -> Place:
    """Read one source line. Raises `ValueError` naming the forms that exist."""
    if match := _HUB.fullmatch(text):
        return HubFile(*match.groups())
    if match := _WHEEL.fullmatch(text):
        return WheelMember(*match.groups())
    if match := _FILE.fullmatch(text):
        return LocalFile(Path(match[1]))
    if match := _PACKAGE.fullmatch(text):
        return LocalFile(Path(str(files("spinbot") / match[1])))
    raise ValueError(
        f"{text!r} is not a source; write hf:owner/repo@revision/path, pypi:name==version/path, file:/path or "
        "package:path"
    )
