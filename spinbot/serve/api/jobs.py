"""The routes of jobs and of the queue."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from spinbot.errors import InputError
from spinbot.graphs.edit import edited
from spinbot.planner.eta import Eta, eta
from spinbot.serve.api.access import Admin, Reader, Writer
from spinbot.serve.api.progress import Progress
from spinbot.serve.api.schemas import (
    EditRequest,
    JobDetail,
    JobOut,
    JobPage,
    JobRequest,
    Priority,
    Queue,
    ReviewRequest,
)
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.submit import submit
from spinbot.store.jobs import ENDED, Job, JobState, JobSummary, Review
from spinbot.store.keys import Identity
from spinbot.store.switches import QUEUE_PAUSED

router = APIRouter(prefix="/v1", tags=["jobs"])

Name = Annotated[str, Query(max_length=200)]
JobId = Annotated[str, Path(max_length=100, description="The job's id")]
IdempotencyKey = Annotated[str | None, Header(max_length=200, description="The same key and body make one job only")]
LOCATION = {"Location": {"description": "Where the job is", "schema": {"type": "string"}}}
ETAG = {"ETag": {"description": "Changes whenever the job does", "schema": {"type": "string"}}}


@router.post("/jobs", status_code=202, responses={202: {"headers": LOCATION}})
async def create_job(
    request: JobRequest,
    response: Response,
    api: Api,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Store a job. The answer to a faulty graph names every fault; a job that was accepted is not lost."""
    job = await submit(api, request, caller, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobOut.of(job)


@router.get("/jobs")
async def list_jobs(
    api: Api,
    caller: Reader,
    status: Annotated[list[JobState] | None, Query(description="Only jobs in these states")] = None,
    name: Annotated[list[Name] | None, Query(description="Only jobs of these names, such as talking_portrait")] = None,
    review: Annotated[Review | None, Query(description="open: succeeded, and nobody has said anything yet")] = None,
    q: Annotated[str, Query(max_length=200, description="A part of the name or the title")] = "",
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most")] = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
) -> JobPage:
    """The caller's jobs, the newest first."""
    page = partial(api.jobs.page, caller.owner, status or (), q, limit, cursor, name or (), review)
    jobs, following, total = await asyncio.to_thread(page)
    return JobPage.model_construct(data=[JobOut.of(job) for job in jobs], next=following, total=total)


@router.get(
    "/jobs/{job}",
    response_model=JobDetail,
    responses={200: {"headers": ETAG}, 304: {"description": "It is as the caller knows it"}},
)
async def get_job(
    job: JobId,
    response: Response,
    api: Api,
    caller: Reader,
    if_none_match: Annotated[str | None, Header(description="The ETag that the caller has")] = None,
) -> JobDetail | Response:
    """A job with its nodes and its graph."""
    tag = etag(await api.summary(job, caller))
    if matches(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    whole, left = await asyncio.to_thread(_foreseen, api, job, caller)
    response.headers["ETag"] = etag(whole)
    return JobDetail.whole(whole, Progress.of(whole).fraction, left)


@router.delete("/jobs/{job}", status_code=204)
async def delete_job(job: JobId, api: Api, caller: Writer) -> Response:
    """Forget a job that has ended, with its nodes and events; its files go with the next pruning."""
    await api.summary(job, caller)
    await forget(api, job, caller)
    return Response(status_code=204)


@router.post("/jobs/{job}/cancel", status_code=202)
async def cancel_job(job: JobId, api: Api, caller: Writer) -> JobOut:
    """Stop a job, queued or running: its nodes end at their next step. Done when its state says so."""
    found = await api.summary(job, caller)
    return JobOut.of(await cancel(api, found, caller))


@router.post("/jobs/{job}/pause", status_code=202)
async def pause_job(job: JobId, api: Api, caller: Writer) -> JobOut:
    """Let the running nodes of a job end, and begin no other."""
    if (await api.summary(job, caller)).state != "paused":
        await asyncio.to_thread(api.jobs.ask, job, "pause")
        await api.touched(caller.owner)
        await api.backend.wake()
    return JobOut.of(await api.summary(job, caller))


@router.post("/jobs/{job}/resume", status_code=202)
async def resume_job(job: JobId, api: Api, caller: Writer) -> JobOut:
    """Go on with a paused job."""
    found = await api.summary(job, caller)
    if found.state not in ("paused", "queued", "running"):
        raise _wrong_state(found, "retry it, where it failed or was cancelled: POST .../retry")
    return JobOut.of(await _reopened(api, found, caller))


@router.post("/jobs/{job}/retry", status_code=202)
async def retry_job(job: JobId, api: Api, caller: Writer) -> JobOut:
    """Run a failed or cancelled job again; its finished nodes stay as they are."""
    found = await api.summary(job, caller)
    if found.state not in ("failed", "cancelled"):
        raise _wrong_state(found, "only a job that failed or was cancelled can be tried again")
    return JobOut.of(await _reopened(api, found, caller))


@router.post("/jobs/{job}/priority")
async def set_priority(job: JobId, request: Priority, api: Api, caller: Writer) -> JobOut:
    """Move a job up or down in the queue."""
    await api.summary(job, caller)
    await asyncio.to_thread(api.jobs.prioritise, job, request.priority)
    await api.touched(caller.owner)
    return JobOut.of(await api.summary(job, caller))


@router.put("/jobs/{job}/review")
async def review_job(job: JobId, request: ReviewRequest, api: Api, caller: Writer) -> JobOut:
    """Say what to think of a job that succeeded; lists can be filtered by it."""
    await api.summary(job, caller)
    await asyncio.to_thread(api.reviews.write, job, request.verdict, request.note)
    await api.touched(caller.owner)
    return JobOut.of(await api.summary(job, caller))


@router.post("/jobs/{job}/edit", status_code=202, responses={202: {"headers": LOCATION}})
async def edit_job(
    job: JobId,
    request: EditRequest,
    response: Response,
    api: Api,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Make a video again, with one sentence said otherwise: a new job, which takes all else from the cache.

    It is of the same profile as the one before.
    """
    old = await asyncio.to_thread(api.jobs.get, job, caller.owner)
    used = await asyncio.to_thread(api.profiles.used_by, job)
    asked = JobRequest(graph=edited(old, request.sentence, request.text), profile=used)
    new = await submit(api, asked, caller, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{new.id}"
    return JobOut.of(new)


@router.get("/queue")
async def get_queue(api: Api, _: Reader) -> Queue:
    """Whether the queue is paused, and how many jobs there are in each state, of all owners."""
    return await _queue(api)


@router.post("/queue/pause")
async def pause_queue(api: Api, _: Admin) -> Queue:
    """Begin no further job; those that run go on."""
    await asyncio.to_thread(api.switches.set, QUEUE_PAUSED, True)
    return await _queue(api)


@router.post("/queue/resume")
async def resume_queue(api: Api, caller: Admin) -> Queue:
    """Begin queued jobs again."""
    await asyncio.to_thread(api.switches.set, QUEUE_PAUSED, False)
    await api.touched(caller.owner)
    await api.backend.wake()
    return await _queue(api)


async def cancel(api: Service, job: JobSummary, caller: Identity) -> JobSummary:
    """Ask for the end of a job. Raises `InputError` for one that has ended."""
    if job.state == "paused":  # runners take up queued jobs only
        await asyncio.to_thread(api.jobs.reopen, job.id)
    await asyncio.to_thread(api.jobs.ask, job.id, "cancel")
    await api.touched(caller.owner)
    await api.backend.wake()
    return await api.summary(job.id, caller)


async def forget(api: Service, job: str, caller: Identity) -> None:
    """Delete a job that has ended. Raises `InputError` for one that may still run."""
    await asyncio.to_thread(api.jobs.delete, job)
    await asyncio.to_thread(api.audit.record, "job.delete", job, owner=caller.owner, key=caller.key_id or None)
    await api.touched(caller.owner)


def etag(job: JobSummary) -> str:
    """Changes with the events, and with what is asked of the job between them."""
    facts = f"{job.id} {job.events} {job.priority} {job.wish} {job.review} {job.note}"
    return f'"{hashlib.sha256(facts.encode()).hexdigest()[:16]}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether a list of ETags names this one, weak or not (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in if_none_match.split(","))


def _foreseen(api: Service, job: str, caller: Identity) -> tuple[Job, Eta]:
    whole = api.jobs.get(job, caller.owner)
    if whole.state in ENDED:  # then the past is not asked for
        return whole, Eta()
    left = eta(whole, api.jobs.engine, settings=api.settings, artifacts=api.artifacts, past=api.past())
    return whole, left


async def _reopened(api: Service, job: JobSummary, caller: Identity) -> JobSummary:
    await asyncio.to_thread(api.jobs.reopen, job.id)
    await api.queued(job.id, job.events)
    await api.touched(caller.owner)  # of one that is queued or running it only took back a wish
    await api.backend.wake()
    return await api.summary(job.id, caller)


async def _queue(api: Service) -> Queue:
    paused = await asyncio.to_thread(api.switches.get, QUEUE_PAUSED, False)
    return Queue(paused=paused, jobs=await asyncio.to_thread(api.jobs.counts))


def _wrong_state(job: JobSummary, hint: str) -> InputError:
    return InputError(f"job {job.id} is {job.state}", hint=hint, code="wrong_state")
