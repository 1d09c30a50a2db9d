"""Profiles of the service in memory."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Sequence
from typing import Any

from spinbot.client import GonePart, GoneProfile, JobSummary, Picture, Profile, ProfilePart, Recording
from spinbot.errors import InputError, NotFoundError
from spinbot.store.artifacts import artifact_ids
from spinbot.store.profiles import NAME, Consent, Part, PartKind
from spinbot.store.profiles import Profile as Row
from tests.fake_base import Base
from tests.fake_jobs import Kept


class FakePeople(Base):
    """See `spinbot.client.people`."""

    def profiles(self) -> list[Profile]:
        return [_shown(row) for row in sorted(self._profiles.values(), key=lambda row: row.name)]

    def profile(self, profile: str) -> Profile:
        return _shown(self._profile(profile))

    def create_profile(self, name: str, voice: str = "") -> Profile:
        if not NAME.fullmatch(name):
            hint = "use small letters, digits, - and _, such as ada-lovelace"
            raise InputError(f"{name[:80]!r} is no name for a profile", hint=hint, code="bad_name")
        if any(row.name == name for row in self._profiles.values()):
            hint = f"choose another, or go on with it: spinbot profile show {name}"
            raise InputError(f"there is a profile {name} already", hint=hint, code="name_taken")
        row = Row(uuid.uuid4().hex[:12], self.visitor.name, name, voice, None, time.time())
        self._profiles[row.id] = row
        return _shown(row)

    def attest(self, profile: str, person: str, purpose: str, sample: str | None = None) -> Profile:
        row = self._profile(profile)
        if sample is not None:
            self._own(sample, "audio", "video")
        if not person.strip() or not purpose.strip():
            raise InputError("a consent names the person and the purpose", code="bad_consent")
        return _shown(self._change(row, consent=Consent(person, purpose, self.visitor.name, sample)))

    def add_portrait(self, profile: str, artifact: str) -> ProfilePart:
        row = self._profile(profile)
        self._own(artifact, "image")
        return _part(self._add(row, "portrait", artifact, {}))

    def train(
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
        if bool(pictures) == bool(recordings):
            raise InputError("give either pictures, for a look, or recordings, for a voice")
        kind = "pictures" if pictures else "recordings"
        params: dict[str, Any] = {kind: [one.model_dump() for one in pictures or recordings]}
        params["settings"] = settings or {}
        params |= {"auto_caption": True} if auto_caption else {}
        template = "train_look" if pictures else "train_voice"
        return self.submit(
            template=template, params=params, profile=profile, priority=priority, idempotency_key=idempotency_key
        )

    def delete_part(self, profile: str, kind: str, version: int, dry_run: bool = False) -> GonePart:
        row = self._profile(profile)
        found = next((part for part in row.parts if (part.kind, part.version) == (kind, version)), None)
        if found is None:
            known = ", ".join(f"{part.kind} {part.version}" for part in row.parts)
            hint = f"it has {known}" if known else "it has nothing yet"
            raise NotFoundError(f"{row.name} has no {kind} {version}", hint=hint, code="no_part")
        own = {found.artifact, *artifact_ids(found.data)}
        jobs = [kept for kept in self._jobs.values() if own & _named(kept)]
        if running := [kept.id for kept in jobs if not kept.ended]:
            hint = f"first: spinbot jobs cancel {running[0]}"
            raise InputError(f"job {running[0]} needs it", hint=hint, code="job_running")
        needed = {artifact for kept in jobs for artifact in _named(kept)}
        if not dry_run:
            self._change(row, parts=tuple(part for part in row.parts if part is not found))
            self._forget(own - needed)
        return GonePart(
            profile=row.name,
            part=_part(found),
            artifacts=sorted(own - needed),
            kept=sorted(own & needed),
            jobs=[kept.id for kept in jobs],
            deleted=not dry_run,
        )

    def delete_profile(self, profile: str, dry_run: bool = False) -> GoneProfile:
        row = self._profile(profile)
        jobs = [kept for kept in self._jobs.values() if kept.profile == row.id]
        own = {artifact for part in row.parts for artifact in (part.artifact, *artifact_ids(part.data))}
        gone = own | {artifact for kept in jobs for artifact in _named(kept)}
        if not dry_run:
            if running := [kept.id for kept in jobs if not kept.ended]:
                hint = f"first: spinbot jobs cancel {running[0]}"
                raise InputError(f"profile {row.name} is used by job {running[0]}", hint=hint, code="job_running")
            for kept in jobs:
                del self._jobs[kept.id]
            del self._profiles[row.id]
            self._forget(gone)
        return GoneProfile(
            profile=row.name,
            parts=[_part(part) for part in row.parts],
            jobs=[kept.id for kept in jobs],
            artifacts=sorted(gone),
            deleted=not dry_run,
        )

    def _profile(self, profile: str) -> Row:
        for row in self._profiles.values():
            if profile in (row.id, row.name):
                return row
        raise NotFoundError(
            f"there is no profile {profile[:80]!r}", hint="list them with: spinbot profile", code="no_profile"
        )

    def _change(self, row: Row, **values: Any) -> Row:
        self._profiles[row.id] = dataclasses.replace(row, **values)
        return self._profiles[row.id]

    def _add(self, row: Row, kind: PartKind, artifact: str, data: dict[str, Any]) -> Part:
        version = 1 + max((part.version for part in row.parts if part.kind == kind), default=0)
        part = Part(kind, version, artifact, data, time.time())
        parts = sorted([*row.parts, part], key=lambda one: (one.kind, -one.version))
        self._change(row, parts=tuple(parts))
        return part

    def _trained(self, kept: Kept) -> None:
        """The new versions of a training that has succeeded."""
        if kept.profile is None or not kept.name.startswith("train_"):
            return
        kind: PartKind = "look" if kept.name == "train_look" else "voice"
        learned = (kept.outputs or {})[kind]
        self._add(self._profiles[kept.profile], kind, learned["artifact"], learned)


def _named(kept: Kept) -> set[str]:
    return {*artifact_ids(kept.graph), *artifact_ids(kept.outputs)}


def _shown(row: Row) -> Profile:
    return Profile.model_validate(dataclasses.asdict(row))


def _part(part: Part) -> ProfilePart:
    return ProfilePart.model_validate(dataclasses.asdict(part))
