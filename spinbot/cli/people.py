"""The profiles of this installation, and of a service: what `Place.people` is."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Any, cast

from sqlalchemy import Engine

from spinbot import client
from spinbot.cli.place import Gone
from spinbot.store.artifacts import PrunableArtifacts
from spinbot.store.audit import Audit
from spinbot.store.jobs import LOCAL
from spinbot.store.profiles import Consent, Part, PartKind, Profile, Profiles
from spinbot.store.uploads import Uploads


class LocalPeople:
    """See `People`."""

    def __init__(self, engine: Engine, artifacts: PrunableArtifacts) -> None:
        self._profiles = Profiles(engine)
        self._uploads = Uploads(engine)
        self._audit = Audit(engine)
        self._artifacts = artifacts

    def all(self) -> list[Profile]:
        """See `People.all`."""
        return self._profiles.all(LOCAL)

    def get(self, name: str) -> Profile:
        """See `People.get`."""
        return self._profiles.get(name, LOCAL)

    def used_by(self, job: str) -> str | None:
        """The id of the profile that a job uses, if any."""
        return self._profiles.used_by(job)

    def create(self, name: str, voice: str) -> None:
        """See `People.create`."""
        self._note("profile.create", self._profiles.create(name, LOCAL, voice))

    def attest(self, name: str, person: str, purpose: str, sample: str | None) -> None:
        """See `People.attest`; the user of this machine attests it."""
        found, consent = self.get(name), Consent(person, purpose, getpass.getuser(), sample)
        self._profiles.attest(found, consent)
        self._note("profile.consent", found, asdict(consent))

    def add_portrait(self, name: str, artifact: str) -> None:
        """See `People.add_portrait`."""
        self._profiles.add(self.get(name), "portrait", artifact)

    def delete(self, name: str, dry_run: bool) -> Gone:
        """See `People.delete`."""
        found = self.get(name)
        jobs = self._profiles.jobs(found)
        if dry_run:
            artifacts = self._profiles.artifacts(found)
        else:
            artifacts = self._profiles.erase(found, self._uploads, self._artifacts)
            self._note("profile.delete", found, {"jobs": jobs, "artifacts": len(artifacts)})
        return Gone([f"{part.kind} {part.version}" for part in found.parts], jobs, artifacts)

    def _note(self, action: str, profile: Profile, data: dict[str, Any] | None = None) -> None:
        self._audit.record(action, profile.id, owner=LOCAL, data={"name": profile.name} | (data or {}))


class RemotePeople:
    """See `People`."""

    def __init__(self, service: client.Client) -> None:
        self._client = service

    def all(self) -> list[Profile]:
        """See `People.all`."""
        return [_profile_of(profile) for profile in self._client.profiles()]

    def get(self, name: str) -> Profile:
        """See `People.get`."""
        return _profile_of(self._client.profile(name))

    def create(self, name: str, voice: str) -> None:
        """See `People.create`."""
        self._client.create_profile(name, voice)

    def attest(self, name: str, person: str, purpose: str, sample: str | None) -> None:
        """See `People.attest`; whoever has the key attests it."""
        self._client.attest(name, person, purpose, sample)

    def add_portrait(self, name: str, artifact: str) -> None:
        """See `People.add_portrait`."""
        self._client.add_portrait(name, artifact)

    def delete(self, name: str, dry_run: bool) -> Gone:
        """See `People.delete`."""
        gone = self._client.delete_profile(name, dry_run)
        return Gone([f"{part.kind} {part.version}" for part in gone.parts], gone.jobs, gone.artifacts)


def _profile_of(profile: client.Profile) -> Profile:
    """What the client answers as what the commands know."""
    parts = tuple(
        Part(cast(PartKind, part.kind), part.version, part.artifact, part.data, part.created) for part in profile.parts
    )
    consent = Consent(**profile.consent) if profile.consent else None
    return Profile(profile.id, LOCAL, profile.name, profile.voice, consent, profile.created, parts)
