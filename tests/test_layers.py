"""Who may import whom, and where Ray may be named."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {"errors"},
    {"config", "disk"},
    {"store", "media", "models", "client"},
    {"engines"},
    {"actors", "starter"},
    {"graphs"},
    {"planner"},
    {"serve"},
    {"cli"},
]
RAY_ALLOWED = "actors/ray/"
FILES = sorted((ROOT / "spinbot").rglob("*.py"))
STUDIO = sorted((ROOT / "app_streamlit").rglob("*.py"))
FOR_STUDIO = ("app_streamlit", "spinbot.client", "spinbot.errors", "streamlit", "starlette", "typer", "httpx")
"""Besides the standard library: it speaks to a service over HTTP, and is a client like any other."""


def imports(path: Path) -> Iterator[str]:
    for item in ast.walk(ast.parse(path.read_text())):
        if isinstance(item, ast.Import):
            yield from (name.name for name in item.names)
        elif isinstance(item, ast.ImportFrom):
            yield f"{item.module}"


def level(package: str) -> int:
    return next(number for number, packages in enumerate(LAYERS) if package in packages)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_layers_below_its_own(path):
    own = path.relative_to(ROOT / "spinbot").parts[0].removesuffix(".py")
    if own == "__init__":
        own = "errors"  # the root package holds the version and may import nothing
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "spinbot" and len(parts) > 1 and parts[1] != own:
            assert level(parts[1]) < level(own), f"{path} may not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_small_package_knows_ray(path):
    if not str(path.relative_to(ROOT / "spinbot")).startswith(RAY_ALLOWED):
        assert not [name for name in imports(path) if name.split(".")[0] == "ray"]


@pytest.mark.parametrize("path", STUDIO, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_studio_knows_of_spinbot_the_client_alone(path):
    for name in imports(path):
        package = name.split(".")[0]
        allowed = any(name == known or name.startswith(f"{known}.") for known in FOR_STUDIO)
        assert allowed or package in sys.stdlib_module_names, f"{path} may not import {name}"


@pytest.mark.parametrize("path", [*FILES, *STUDIO], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_enough_to_hold_in_mind(path):
    assert len(path.read_text().splitlines()) <= 400
