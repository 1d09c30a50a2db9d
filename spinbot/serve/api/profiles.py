"""The routes of profiles: people, what they agreed to, and what there is of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field

from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.errors import InputError
from spinbot.graphs.nodes.dataset import GivenPicture, GivenRecording
from spinbot.graphs.trainings import AUTO_CAPTION, LookTraining, VoiceTraining
from spinbot.serve.api.access import Reader, Writer
from spinbot.serve.api.jobs import LOCATION
from spinbot.serve.api.schemas import JobOut, JobRequest, Request
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.submit import submit
from spinbot.store.keys import Identity
from spinbot.store.part_removal import remove_part
from spinbot.store.profiles import Consent, Part, PartKind, Profile

router = APIRouter(prefix="/v1/profiles", tags=["profiles"])

Named = Annotated[str, Path(max_length=100, description="The profile's name or id")]


class ProfileRequest(Request):
    """A person."""

    name: str = Field(min_length=1, max_length=63, description="Small letters, digits, - and _")
    voice: str = Field(default="", max_length=200, description="A voice of /v1/audio/voices, or any:female, any:male")


class ConsentRequest(Request):
    """What the person has agreed to. Whoever sends this attests it."""

    person: str = Field(min_length=1, max_length=200, description="Who is shown and heard")
    purpose: str = Field(min_length=1, max_length=500, description="What for")
    sample: str | None = Field(default=None, max_length=100, description="An upload in which the person says it")


class PortraitRequest(Request):
    """A picture of the person."""

    artifact: str = Field(max_length=100, description="A picture that was uploaded")


class LookRequest(Request):
    """Pictures to learn a look from."""

    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="Uploads, and what they show")
    auto_caption: bool = Field(default=False, description=AUTO_CAPTION)
    settings: LookSettings = LookSettings()


class VoiceRequest(Request):
    """Recordings to learn a voice from."""

    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="Uploads, and their words")
    settings: VoiceSettings = VoiceSettings()


class TrainRequest(Request):
    """What is to be trained: either a look or a voice."""

    look: LookRequest | None = None
    voice: VoiceRequest | None = None
    priority: int = Field(default=0, ge=-100, le=100, description="Higher goes first")


class PartOut(BaseModel):
    """One version of something of a person."""

    kind: PartKind
    version: int
    artifact: str
    data: dict[str, Any]
    created: float


class ConsentOut(BaseModel):
    """What was agreed to."""

    person: str
    purpose: str
    attested_by: str
    sample: str | None
    time: float


class ProfileOut(BaseModel):
    """A person."""

    id: str
    name: str
    voice: str
    consent: ConsentOut | None
    created: float
    parts: list[PartOut] = Field(description="By kind, the newest version first")

    @classmethod
    def of(cls, profile: Profile) -> ProfileOut:
        """From the store's row."""
        return cls.model_validate(asdict(profile), extra="ignore")


class ProfilePage(BaseModel):
    """The caller's profiles by name."""

    data: list[ProfileOut]


class GonePart(BaseModel):
    """What goes with a version, or would."""

    profile: str
    part: PartOut
    artifacts: list[str] = Field(description="Files that nothing else needs")
    kept: list[str] = Field(description="Files that stay, since jobs or other versions need them")
    jobs: list[str] = Field(description="Jobs that were given it, or have made it; they stay, and so do their files")
    deleted: bool


class Gone(BaseModel):
    """What goes with a profile, or would."""

    profile: str
    parts: list[PartOut]
    jobs: list[str] = Field(description="Jobs in which it was used, with all that they made")
    artifacts: list[str] = Field(description="Files of these; one that another job or profile needs stays for that")
    deleted: bool


@router.post("", status_code=201)
async def create_profile(request: ProfileRequest, response: Response, api: Api, caller: Writer) -> ProfileOut:
    """Create a profile. It can be used once the consent is on record and it has a portrait."""
    made = await asyncio.to_thread(api.profiles.create, request.name, caller.owner, request.voice)
    await _note(api, caller, "profile.create", made)
    response.headers["Location"] = f"/v1/profiles/{made.id}"
    return ProfileOut.of(made)


@router.get("")
async def list_profiles(api: Api, caller: Reader) -> ProfilePage:
    """The caller's profiles by name."""
    found = await asyncio.to_thread(api.profiles.all, caller.owner)
    return ProfilePage(data=[ProfileOut.of(profile) for profile in found])


@router.get("/{profile}")
async def get_profile(profile: Named, api: Api, caller: Reader) -> ProfileOut:
    """A profile with its parts."""
    return ProfileOut.of(await _find(api, profile, caller))


@router.put("/{profile}/consent")
async def attest(profile: Named, request: ConsentRequest, api: Api, caller: Writer) -> ProfileOut:
    """Put on record what the person has agreed to; it stands in the Content Credentials of all that is made of them."""
    found = await _find(api, profile, caller)
    if request.sample is not None:
        await _own(api, request.sample, caller, "audio", "video")
    consent = Consent(request.person, request.purpose, caller.owner, request.sample, time.time())
    await asyncio.to_thread(api.profiles.attest, found, consent)
    await _note(api, caller, "profile.consent", found, asdict(consent))
    return ProfileOut.of(await _find(api, profile, caller))


@router.post("/{profile}/portraits", status_code=201)
async def add_portrait(profile: Named, request: PortraitRequest, api: Api, caller: Writer) -> PartOut:
    """Add a picture, which is the portrait from now on."""
    found = await _find(api, profile, caller)
    await _own(api, request.artifact, caller, "image")
    return _part(await asyncio.to_thread(api.profiles.add, found, "portrait", request.artifact))


@router.post("/{profile}/train", status_code=202, responses={202: {"headers": LOCATION}})
async def train(
    profile: Named,
    request: TrainRequest,
    response: Response,
    api: Api,
    caller: Writer,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="The same key and body make one job only")
    ] = None,
) -> JobOut:
    """Begin a training; the profile has the new version when the job has succeeded."""
    found = await _find(api, profile, caller)
    given = {LookTraining.name: request.look, VoiceTraining.name: request.voice}
    wanted = [(name, part) for name, part in given.items() if part is not None]
    if len(wanted) != 1:
        hint = 'for example {"look": {"pictures": [{"artifact": "sha256:...", "name": "a.jpg"}]}}'
        raise InputError("give either a look or a voice", hint=hint, code="bad_request_fields")
    [(template, part)] = wanted
    params = part.model_dump(mode="json", exclude_unset=True)
    asked = JobRequest(template=template, params=params, profile=found.id, priority=request.priority)
    job = await submit(api, asked, caller, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobOut.of(job)


@router.delete("/{profile}/parts/{kind}/{version}")
async def delete_part(
    profile: Named,
    kind: PartKind,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    api: Api,
    caller: Writer,
    dry_run: Annotated[bool, Query(description="Only say what would go")] = False,
) -> GonePart:
    """Delete one version; the newest of those that are left is used from now on. Its number is not given again.

    Files go at once unless jobs or other versions need them. Refused while a job that needs it has not ended.
    """
    found = await _find(api, profile, caller)
    removing = partial(remove_part, api.jobs.engine, found, kind, version, api.artifacts, dry_run=dry_run)
    gone = await asyncio.to_thread(removing)
    if not dry_run:
        await _note(api, caller, "profile.delete_part", found, {"kind": kind, "version": version})
    return GonePart(
        profile=found.name,
        part=_part(gone.part),
        artifacts=gone.freed,
        kept=gone.kept,
        jobs=gone.jobs,
        deleted=not dry_run,
    )


@router.delete("/{profile}")
async def delete_profile(
    profile: Named,
    api: Api,
    caller: Writer,
    dry_run: Annotated[bool, Query(description="Only say what would go")] = False,
) -> Gone:
    """Delete a profile with everything made of it: its versions, the jobs in which it was used, and their files."""
    found = await _find(api, profile, caller)
    jobs = await asyncio.to_thread(api.profiles.jobs, found)
    if dry_run:
        artifacts = await asyncio.to_thread(api.profiles.artifacts, found)
    else:
        artifacts = await asyncio.to_thread(api.profiles.erase, found, api.uploads, api.artifacts)
        await _note(api, caller, "profile.delete", found, {"jobs": jobs, "artifacts": len(artifacts)})
        await api.touched(caller.owner)
    parts = [_part(part) for part in found.parts]
    return Gone(profile=found.name, parts=parts, jobs=jobs, artifacts=artifacts, deleted=not dry_run)


def _part(part: Part) -> PartOut:
    return PartOut(**asdict(part))


async def _find(api: Service, profile: str, caller: Identity) -> Profile:
    return await asyncio.to_thread(api.profiles.get, profile, caller.owner)


async def _own(api: Service, artifact: str, caller: Identity, *kinds: str) -> None:
    upload = await asyncio.to_thread(api.uploads.get, artifact, caller.owner)
    if upload.kind not in kinds:
        raise InputError(f"{upload.name} is {upload.kind}", hint=f"give {' or '.join(kinds)}", code="unsupported_file")


async def _note(
    api: Service, caller: Identity, action: str, profile: Profile, data: dict[str, Any] | None = None
) -> None:
    key = caller.key_id or None
    record = asyncio.to_thread(
        api.audit.record, action, profile.id, owner=caller.owner, key=key, data={"name": profile.name} | (data or {})
    )
    await record
