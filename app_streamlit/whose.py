"""Whose it is: the profile behind what a job was given or has made."""

from __future__ import annotations

from collections.abc import Iterable

from app_streamlit.access import service
from spinbot.client import Profile


def profile_of(artifacts: Iterable[str]) -> Profile | None:
    """The profile that has one of these among its portraits, looks or voices."""
    wanted = set(artifacts)
    return next((one for one in service().profiles() if wanted & {part.artifact for part in one.parts}), None)
