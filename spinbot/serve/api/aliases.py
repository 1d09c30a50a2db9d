"""Routes under the names of the mission's first design, for clients that know them: thin doors to the same jobs."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response, WebSocket
from pydantic import BaseModel, ConfigDict, Field

from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.errors import SpinbotError
from spinbot.graphs.nodes.dataset import GivenPicture, GivenRecording
from spinbot.graphs.trainings import AUTO_CAPTION, Debut
from spinbot.serve.api.access import Reader, Writer
from spinbot.serve.api.catalogue import Capabilities, whole
from spinbot.serve.api.progress import Progress
from spinbot.serve.api.schemas import JobRequest, Request
from spinbot.serve.api.service import Api
from spinbot.serve.api.sockets import Connection, read
from spinbot.serve.api.submit import submit
from spinbot.store.jobs import Job

router = APIRouter(tags=["aliases"])

Status = Literal["pending", "running", "completed", "failed"]
STATUS: dict[str, Status] = {
    "queued": "pending",
    "running": "running",
    "paused": "running",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}


class Generate(Request):
    """A talking video: a topic, and whose portrait says it."""

    prompt: str = Field(min_length=1, max_length=500, description="The topic")
    portrait: str | None = Field(default=None, max_length=100, description="The artifact of an upload")
    voice: str = Field(default="", max_length=200, description="One of /v1/audio/voices")
    seconds: float = Field(default=10, ge=4, le=120)


class Accepted(BaseModel):
    """The job that was stored."""

    jobId: str  # noqa: N815  # the clients' name
    status: Status


class JobStatus(Accepted):
    """How a job stands."""

    progress: float = Field(description="0 to 1")
    error: str | None
    outputs: dict[str, Any] | None


class Train(Request):
    """Who is to be learned, and what the person then says first."""

    profile: str = Field(max_length=100, description="A profile with consent: it gets the look and the voice")
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="Uploads, and what they show")
    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="Uploads, and their words")
    prompt: str = Field(default="", max_length=500, description="The topic of the first video")
    script: str = Field(default="", description="What is said in it, in place of a topic")
    seconds: float = Field(default=10, ge=4, le=120)
    auto_caption: bool = Field(default=False, description=AUTO_CAPTION)
    look_settings: LookSettings = LookSettings()
    voice_settings: VoiceSettings = VoiceSettings()


class SocketWish(BaseModel):
    """What a client of `/ws` asks."""

    model_config = ConfigDict(extra="forbid")
    action: Literal["subscribe", "unsubscribe"]
    jobId: str = Field(max_length=100)  # noqa: N815


@router.post("/api/generate", status_code=202)
async def generate(request: Generate, response: Response, api: Api, caller: Writer) -> Accepted:
    """Begin a talking video; the same as POST /v1/jobs with the template talking_portrait."""
    params = {
        "topic": request.prompt,
        "portrait": request.portrait or next(iter(api.stock)),
        "voice": request.voice,
        "seconds": request.seconds,
    }
    job = (await submit(api, JobRequest(template="talking_portrait", params=params), caller)).id
    response.headers["Location"] = f"/api/status/{job}"
    return Accepted(jobId=job, status="pending")


@router.get("/api/status/{job}")
async def status(job: Annotated[str, Path(max_length=100)], api: Api, caller: Reader) -> JobStatus:
    """How a job stands; the same as GET /v1/jobs/{job}."""
    return _status(await asyncio.to_thread(api.jobs.get, job, caller.owner))


@router.get("/api/capabilities")
async def get_capabilities(api: Api, _: Reader) -> Capabilities:
    """The same as GET /v1/capabilities."""
    return await whole(api)


@router.post("/api/train", status_code=202)
async def train(request: Train, response: Response, api: Api, caller: Writer) -> Accepted:
    """Train a look and a voice and make the first video with them, as one graph; as the template debut."""
    given = request.model_dump(mode="json", exclude={"profile", "prompt"}, exclude_unset=True)
    params = given | {"topic": request.prompt}
    asked = JobRequest(template=Debut.name, params=params, profile=request.profile)
    job = (await submit(api, asked, caller)).id
    response.headers["Location"] = f"/api/status/{job}"
    return Accepted(jobId=job, status="pending")


@router.websocket("/ws")
async def updates(socket: WebSocket, api: Api, caller: Reader) -> None:
    """Follow jobs: a message for each change of state or progress."""
    await socket.accept()
    connection = Connection(socket, api, caller)

    async def send(job: str, after: int) -> None:
        progress = Progress()
        told: dict[str, Any] = {}
        async for batch in api.feed.batches(job, after, until_end=False):
            progress.take(batch)
            update = {
                "type": "update",
                "jobId": job,
                "status": STATUS[progress.state],
                "progress": round(progress.fraction, 3),
            }
            if update != told:
                told = update
                await socket.send_json(update)

    async def hear(text: str) -> None:
        answer = {"action": "response", "message": "failed", "jobId": None}
        try:
            wish = read(text, SocketWish)
            answer["jobId"] = wish.jobId
            if wish.action == "subscribe":
                await connection.follow(wish.jobId, 0, send)
            else:
                await connection.leave(wish.jobId)
            answer["message"] = f"{wish.action}d"
        except SpinbotError as error:
            answer["error"] = error.message
        await socket.send_json(answer)

    await connection.serve(hear)


def _status(job: Job) -> JobStatus:
    return JobStatus(
        jobId=job.id,
        status=STATUS[job.state],
        progress=round(Progress.of(job).fraction, 3),
        error=job.error["message"] if job.error else None,
        outputs=job.outputs,
    )
