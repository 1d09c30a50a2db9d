"""Profiles: a person, with what the person has agreed to, what was given and what was trained of them.

A profile has parts: portraits and recordings that somebody gave, looks and voices that were trained from them. Each
kind counts its own versions from 1, and a number is never given twice. Nothing of a person is used before the consent
is on record. Deleting a profile takes with it every job in which it was used.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db
from spinbot.store.artifacts import PrunableArtifacts, artifact_ids
from spinbot.store.jobs import ENDED
from spinbot.store.prune import loose
from spinbot.store.uploads import Uploads

PartKind = Literal["portrait", "recording", "look", "voice"]
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
GONE = ""
"""The artifact of a version that was deleted; its number is not given again."""


@dataclass(frozen=True)
class Consent:
    """What was agreed to: an attestation by whoever uses the likeness, not a proof. `time` is epoch seconds."""

    person: str
    """Who is shown and heard."""
    purpose: str
    """What for."""
    attested_by: str
    """Who says so: the owner of the profile."""
    sample: str | None = None
    """The artifact, such as a recording, in which the person says it."""
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Part:
    """One version of something of a person. `data` is free JSON about it, such as scores and the base model."""

    kind: PartKind
    version: int
    artifact: str
    data: dict[str, Any]
    created: float


@dataclass(frozen=True)
class Profile:
    """A person. `voice` is the voice where none was trained; empty for the engine's own."""

    id: str
    owner: str
    name: str
    voice: str
    consent: Consent | None
    created: float
    parts: tuple[Part, ...] = ()
    """By kind, the newest version first."""

    def newest(self, kind: PartKind) -> Part | None:
        """The newest version of a kind of part."""
        return next((part for part in self.parts if part.kind == kind), None)

    def agreed(self) -> Consent:
        """The consent. Raises `InputError` (`consent_required`) where there is none."""
        if self.consent is None:
            raise InputError(
                f"nothing says that {self.name} agreed",
                hint=f'spinbot profile consent {self.name} --person "Their Name" --purpose "what for"',
                code="consent_required",
            )
        return self.consent


class Profiles:
    """The profiles of one installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, name: str, owner: str, voice: str = "") -> Profile:
        """A new profile. Raises `InputError` for a name that is none (`bad_name`) or taken (`name_taken`)."""
        if not NAME.fullmatch(name):
            raise InputError(
                f"{name[:80]!r} is no name for a profile",
                hint="use small letters, digits, - and _, such as ada-lovelace",
                code="bad_name",
            )
        row = {"id": uuid.uuid4().hex[:12], "owner": owner, "name": name, "voice": voice, "created": time.time()}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(db.profiles).values(**row))
        except IntegrityError as error:
            hint = f"choose another, or go on with it: spinbot profile show {name}"
            raise InputError(f"there is a profile {name} already", hint=hint, code="name_taken") from error
        return Profile(**row, consent=None)  # type: ignore[arg-type]

    def get(self, profile: str, owner: str) -> Profile:
        """The owner's profile of that name or id. Raises `NotFoundError`, also for what others have."""
        columns = db.profiles.c
        query = select(db.profiles).where(
            (columns.owner == owner) & or_(columns.name == profile, columns.id == profile)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise NotFoundError(
                    f"there is no profile {profile[:80]!r}", hint="list them with: spinbot profile", code="no_profile"
                )
            return _profile(row._mapping, _parts(connection, [row.id]))

    def all(self, owner: str) -> list[Profile]:
        """The owner's profiles by name."""
        query = select(db.profiles).where(db.profiles.c.owner == owner).order_by(db.profiles.c.name)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
            parts = _parts(connection, [row.id for row in rows])
        return [_profile(row._mapping, parts) for row in rows]

    def attest(self, profile: Profile, consent: Consent) -> None:
        """Put the consent on record, in place of a former one. Raises `InputError` where it names nobody."""
        if not consent.person.strip() or not consent.purpose.strip():
            raise InputError("a consent names the person and the purpose", code="bad_consent")
        self._change(profile, consent=asdict(consent))

    def set_voice(self, profile: Profile, voice: str) -> None:
        """The stock voice of somebody whose own was not trained."""
        self._change(profile, voice=voice)

    def add(self, profile: Profile, kind: PartKind, artifact: str, data: dict[str, Any] | None = None) -> Part:
        """Store a new version of a part. Raises `NotFoundError` where the profile was deleted meanwhile."""
        parts = db.profile_parts.c
        with self._engine.begin() as connection:
            # Whoever adds to the same profile at the same time waits at this row, so that numbers differ.
            held = update(db.profiles).where(db.profiles.c.id == profile.id).values(owner=db.profiles.c.owner)
            if connection.execute(held).rowcount == 0:
                raise NotFoundError(f"profile {profile.name} was deleted", code="no_profile")
            last = select(func.max(parts.version)).where((parts.profile == profile.id) & (parts.kind == kind))
            version = (connection.execute(last).scalar() or 0) + 1
            part = Part(kind, version, artifact, data or {}, time.time())
            connection.execute(insert(db.profile_parts).values(profile=profile.id, **asdict(part)))
        return part

    def jobs(self, profile: Profile) -> list[str]:
        """Jobs in which it was used, the oldest first."""
        used = db.profile_jobs.c
        query = select(used.job).join(db.jobs, db.jobs.c.id == used.job).where(used.profile == profile.id)
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(db.jobs.c.created, db.jobs.c.id)).scalars())

    def used_by(self, job: str) -> str | None:
        """The id of the profile that a job uses, if any."""
        used = db.profile_jobs.c
        with self._engine.connect() as connection:
            return connection.execute(select(used.profile).where(used.job == job)).scalar()

    def artifacts(self, profile: Profile) -> list[str]:
        """What `delete` would return."""
        jobs = self.jobs(profile)
        with self._engine.connect() as connection:
            return sorted(_artifacts(connection, profile, jobs))

    def delete(self, profile: Profile) -> list[str]:
        """Forget the profile, its parts and the jobs in which it was used; returns the artifacts they named.

        Results in the cache that name one of these go too, so nothing hands them out again. Raises `InputError`
        (`job_running`) while such a job has not ended.
        """
        jobs = self.jobs(profile)
        with self._engine.begin() as connection:
            states = connection.execute(select(db.jobs.c.id, db.jobs.c.state).where(db.jobs.c.id.in_(jobs)))
            if running := [row.id for row in states if row.state not in ENDED]:
                raise InputError(
                    f"profile {profile.name} is used by job {running[0]}",
                    hint=f"first: spinbot jobs cancel {running[0]}",
                    code="job_running",
                )
            artifacts = _artifacts(connection, profile, jobs)
            connection.execute(delete(db.jobs).where(db.jobs.c.id.in_(jobs)))
            connection.execute(delete(db.profiles).where(db.profiles.c.id == profile.id))
            forget_results(connection, artifacts)
        return sorted(artifacts)

    def erase(self, profile: Profile, uploads: Uploads, artifacts: PrunableArtifacts) -> list[str]:
        """`delete`, and the files at once as far as nothing else needs them: nobody has to wait for a sweep.

        Other files that the owner has uploaded stay, also where a job has used them beside the profile.
        """
        gone = self.delete(profile)
        for artifact in _own_artifacts(profile):
            uploads.forget(artifact, profile.owner)
        with self._engine.connect() as connection:
            free = loose(connection, gone)
        for artifact in free:
            artifacts.remove(artifact, older_than=time.time() + 1)
        return gone

    def _change(self, profile: Profile, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(db.profiles).where(db.profiles.c.id == profile.id).values(**values))


def _parts(connection: Connection, profiles: Sequence[str]) -> dict[str, list[Part]]:
    columns = db.profile_parts.c
    query = select(db.profile_parts).where(columns.profile.in_(profiles) & (columns.artifact != GONE))
    found: dict[str, list[Part]] = {}
    for row in connection.execute(query.order_by(columns.kind, columns.version.desc())):
        fields = dict(row._mapping)
        found.setdefault(fields.pop("profile"), []).append(Part(**fields))
    return found


def _artifacts(connection: Connection, profile: Profile, jobs: Sequence[str]) -> set[str]:
    shown = db.job_artifacts.c
    made = connection.execute(select(shown.artifact).where(shown.job.in_(jobs))).scalars()
    return {*made, *_own_artifacts(profile)}


def _own_artifacts(profile: Profile) -> set[str]:
    sample = profile.consent.sample if profile.consent else None
    made = [artifact for part in profile.parts for artifact in (part.artifact, *artifact_ids(part.data))]
    return {*made, *([sample] if sample else [])}


def _profile(row: Any, parts: dict[str, list[Part]]) -> Profile:
    fields = dict(row)
    consent = fields.pop("consent")
    return Profile(**fields, consent=Consent(**consent) if consent else None, parts=tuple(parts.get(row["id"], ())))


def forget_results(connection: Connection, artifacts: set[str]) -> None:
    """Cached results that name one of these artifacts: of other jobs too, where they gave the same picture."""
    named = select(db.results.c.key, db.results.c.outputs)
    gone = [key for key, outputs in connection.execute(named) if not artifacts.isdisjoint(artifact_ids(outputs))]
    for start in range(0, len(gone), 500):
        connection.execute(delete(db.results).where(db.results.c.key.in_(gone[start : start + 500])))
