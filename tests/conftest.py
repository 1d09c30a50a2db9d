"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models() -> Callable[[str], Path]:
    """The installed starter models by catalogue name (`make models` installs them)."""
    root = Path(os.environ.get("SPINBOT_HOME", "~/.spinbot")).expanduser() / "models"

    def folder(name: str) -> Path:
        path = root / name
        assert path.is_dir(), f"model {name} is not installed; run `make models`"
        return path

    return folder
