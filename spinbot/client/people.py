"""The operations on profiles: people, what they agreed to, and what is given and learned of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from spinbot.client.models import GonePart, GoneProfile, JobSummary, Picture, Profile, ProfilePart, Recording
from spinbot.client.operations import Operations
from spinbot.client.wire import Ask
from spinbot.errors import InputError


class People(Operations):
    """See `AsyncClient`."""

    async def profiles(self) -> list[Profile]:
        """The profiles by name."""
        return await self._list(Profile, Ask("GET", "/v1/profiles"))

    async def profile(self, profile: str) -> Profile:
        """The profile of that name or id. Raises `NotFoundError`."""
        return await self._get(Profile, Ask("GET", _profile(profile)))

    async def create_profile(self, name: str, voice: str = "") -> Profile:
        """A new profile. It can be used once its consent is on record. Raises `InputError` for a name that is taken."""
        ask = Ask("POST", "/v1/profiles", json={"name": name, "voice": voice}, repeatable=False)
        return await self._get(Profile, ask)

    async def attest(self, profile: str, person: str, purpose: str, sample: str | None = None) -> Profile:
        """Attest what the person agreed to; `sample` is an upload in which the person says it."""
        body = {"person": person, "purpose": purpose, "sample": sample}
        return await self._get(Profile, Ask("PUT", _profile(profile, "consent"), json=body))

    async def add_portrait(self, profile: str, artifact: str) -> ProfilePart:
        """Make an uploaded picture the portrait of the profile."""
        ask = Ask("POST", _profile(profile, "portraits"), json={"artifact": artifact}, repeatable=False)
        return await self._get(ProfilePart, ask)

    async def train(
        self,
        profile: str,
        *,
        pictures: Sequence[Picture] = (),
        recordings: Sequence[Recording] = (),
        auto_caption: bool = False,
        settings: dict[str, Any] | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
    ) -> JobSummary:
        """Begin to learn a look from `pictures`, or a voice from `recordings`; the job's end adds the version.

        With `auto_caption` the service's captioner describes the pictures that have no caption. `settings` are those of
        docs/training.md for that kind of training; what is not named keeps its default. The same `idempotency_key`
        (none: a new one) makes one job only. Raises `InputError`, `GraphError`, `NotFoundError`.
        """
        if bool(pictures) == bool(recordings):
            raise InputError(
                "give either pictures, for a look, or recordings, for a voice", hint="train them one after the other"
            )
        given = {"pictures": pictures} if pictures else {"recordings": recordings}
        [(name, parts)] = given.items()
        request: dict[str, Any] = {name: [part.model_dump() for part in parts], "settings": settings or {}}
        if auto_caption:
            request["auto_caption"] = True
        body = {"look" if pictures else "voice": request, "priority": priority}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return await self._get(JobSummary, Ask("POST", _profile(profile, "train"), json=body, headers=headers))

    async def delete_part(self, profile: str, kind: str, version: int, dry_run: bool = False) -> GonePart:
        """Delete one version of a portrait, recording, look or voice; with `dry_run` only say what would go.

        Raises `NotFoundError`, `InputError` while a job that needs it has not ended.
        """
        query = {"dry_run": "true"} if dry_run else {}
        path = _profile(profile, f"parts/{quote(kind, safe='')}/{version}")
        return await self._get(GonePart, Ask("DELETE", path, query=query, repeatable=False))

    async def delete_profile(self, profile: str, dry_run: bool = False) -> GoneProfile:
        """Delete a profile with everything made of it; with `dry_run` only say what would go."""
        query = {"dry_run": "true"} if dry_run else {}
        return await self._get(GoneProfile, Ask("DELETE", _profile(profile), query=query, repeatable=False))


def _profile(profile: str, what: str = "") -> str:
    return f"/v1/profiles/{quote(profile, safe='')}" + (f"/{what}" if what else "")
