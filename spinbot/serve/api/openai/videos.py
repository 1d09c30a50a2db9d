"""`/v1/videos`: a prompt and a picture become a talking video. Each is a job of the template `talking_portrait`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from spinbot.errors import InputError, NotFoundError
from spinbot.graphs.films import TalkingPortrait
from spinbot.media.framing import frame_size
from spinbot.serve.api.access import Reader, Writer
from spinbot.serve.api.files import file_response, keep
from spinbot.serve.api.forms import read_form
from spinbot.serve.api.jobs import forget
from spinbot.serve.api.problems import of_pydantic
from spinbot.serve.api.progress import Progress
from spinbot.serve.api.schemas import JobRequest
from spinbot.serve.api.schemas import Request as Body
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.submit import submit
from spinbot.store.jobs import ENDED, Job
from spinbot.store.keys import Identity
from spinbot.store.listing import write_cursor

router = APIRouter(prefix="/v1/videos", tags=["openai"])

MODEL = TalkingPortrait.name
SHORT_SIDE = 512  # pixels, as `frame_portrait` makes it
ASPECTS: dict[str, float] = {"9:16": 9 / 16, "1:1": 1.0, "16:9": 16 / 9}
STATUS: dict[str, Literal["queued", "in_progress", "completed", "failed"]] = {
    "queued": "queued",
    "running": "in_progress",
    "paused": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
VideoId = Annotated[str, Path(max_length=100, description="The video's id, which is its job's")]


class Reference(Body):
    """A picture that was uploaded before."""

    file_id: str = Field(max_length=100, description="The artifact of an upload")


class VideoRequest(Body):
    """What the video is about."""

    prompt: str = Field(min_length=1, max_length=500, description="The topic; the script is written for you")
    model: Literal["talking_portrait"] = "talking_portrait"
    seconds: int | str = Field(default=8, description="4 to 120")
    size: str = Field(default="512x512", pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$", description="Its shape counts")
    input_reference: Reference | None = Field(default=None, description="The portrait; without it spinbot's own")


class VideoError(BaseModel):
    """Why a video failed."""

    code: str
    message: str


class Video(BaseModel):
    """A video and how far it is."""

    id: str
    object: Literal["video"] = "video"
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int = Field(description="0 to 100")
    created_at: int
    completed_at: int | None
    expires_at: None = None
    error: VideoError | None
    prompt: str
    seconds: str
    size: str = Field(description="As it really is")
    model: str
    remixed_from_video_id: None = None


class VideoList(BaseModel):
    """Videos."""

    object: Literal["list"] = "list"
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    """A video that is no more."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: Literal[True] = True


_REQUEST = VideoRequest.model_json_schema(ref_template="#/components/schemas/{model}")
_PARTS = _REQUEST.pop("$defs")
_FORM = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        **{name: _REQUEST["properties"][name] for name in ("prompt", "model", "size")},
        "seconds": {"type": "string", "description": "4 to 120"},
        "input_reference": {"type": "string", "format": "binary", "description": "The portrait"},
    },
}
_REQUEST["properties"]["input_reference"] = {"anyOf": [_PARTS["Reference"], {"type": "null"}], "default": None}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _REQUEST}, "multipart/form-data": {"schema": _FORM}},
    }
}


_FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": _FILE, "description": "The file"},
    206: {"content": _FILE, "description": "The part of it that was asked for"},
    409: {"description": "The video is not completed"},
    416: {"description": "The file has no such part"},
}


@router.post("", openapi_extra=BODY)
async def create_video(request: Request, api: Api, caller: Writer) -> Video:
    """Begin a video. Takes JSON, or a form with the portrait in it."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        asked, portrait = await _of_form(request, api, caller)
    else:
        asked = read(await request.body())
        portrait = asked.input_reference.file_id if asked.input_reference else next(iter(api.stock))
    params = {"topic": asked.prompt, "seconds": _seconds(asked.seconds), "aspect": _aspect(asked.size)}
    job = (await submit(api, JobRequest(template=MODEL, params=params | {"portrait": portrait}), caller)).id
    return video_of(await asyncio.to_thread(api.jobs.get, job))


@router.get("")
async def list_videos(
    api: Api,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(max_length=100, description="The id of the last one seen")] = None,
    order: Annotated[Literal["desc"], Query(description="The newest come first")] = "desc",
) -> VideoList:
    """The caller's videos."""
    return await asyncio.to_thread(_listed, api, caller, limit, after)


@router.get("/{video}")
async def get_video(video: VideoId, api: Api, caller: Reader) -> Video:
    """How far a video is."""
    return video_of(await asyncio.to_thread(find, api, video, caller))


@router.delete("/{video}")
async def delete_video(video: VideoId, api: Api, caller: Writer) -> Deleted:
    """Forget a video that is completed or has failed."""
    job = await asyncio.to_thread(find, api, video, caller)
    await forget(api, job.id, caller)
    return Deleted(id=job.id)


@router.get(
    "/{video}/content",
    response_class=Response,
    responses=CONTENT,
)
async def get_content(
    video: VideoId,
    request: Request,
    api: Api,
    caller: Reader,
    variant: Annotated[Literal["video", "thumbnail"], Query(description="MP4, or the poster as PNG")] = "video",
    range: Annotated[str | None, Header(description="bytes=FIRST-LAST")] = None,  # noqa: A002
) -> Response:
    """The finished file."""
    job = await asyncio.to_thread(find, api, video, caller)
    if job.outputs is None:
        raise InputError(
            f"the video is not there: it is {STATUS[job.state]}", hint="wait until it is completed", code="wrong_state"
        )
    artifact = job.outputs["video" if variant == "video" else "poster"]["artifact"]
    path = await asyncio.to_thread(api.artifacts.path, artifact)
    return file_response(request, path, {"ETag": f'"{artifact}"', "Accept-Ranges": "bytes"}, range)


def find(api: Service, video: str, caller: Identity) -> Job:
    """The job of a video of the caller. Raises `NotFoundError`."""
    job = api.jobs.get(video, caller.owner)
    if job.name != MODEL or "perform" not in job.graph["nodes"]:
        raise NotFoundError(f"there is no video {video!r}", hint="list them: GET /v1/videos")
    return job


def video_of(job: Job) -> Video:
    """A job of the template as a video."""
    nodes = job.graph["nodes"]
    said = nodes["script"].get("params", {})
    width, height = frame_size(nodes["frame"].get("params", {}).get("aspect", "1:1"), SHORT_SIDE)
    error = job.error if job.state in ENDED else None
    return Video(
        id=job.id,
        status=STATUS[job.state],
        progress=int(100 * Progress.of(job).fraction),
        created_at=int(job.created),
        completed_at=int(job.finished) if job.finished and job.state == "succeeded" else None,
        error=VideoError(code=error["code"], message=error["message"]) if error else None,
        prompt=str(said.get("topic") or said.get("text") or ""),
        seconds=f"{said.get('seconds', 0):g}",
        size=f"{width}x{height}",
        model=MODEL,
    )


def read(body: bytes | str) -> VideoRequest:
    """The request of a JSON text. Raises `InputError`."""
    try:
        return VideoRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise of_pydantic(error, "the request") from error


async def _of_form(request: Request, api: Service, caller: Identity) -> tuple[VideoRequest, str]:
    async with read_form(request, api.settings.artifacts_dir) as form:
        fields: dict[str, Any] = dict(form.fields)
        named = fields.pop("input_reference[file_id]", None)
        asked = read(json.dumps(fields | ({"input_reference": {"file_id": named}} if named else {})))
        if others := form.files.keys() - {"input_reference"}:
            raise InputError(f"the form has the file {min(others)[:100]!r}", code="bad_form")
        if part := form.files.get("input_reference"):
            uploaded = await asyncio.to_thread(keep, api, part, caller)
            if uploaded.kind != "image":
                raise InputError(f"the portrait is {uploaded.kind}", hint="give a picture", code="unsupported_file")
            return asked, uploaded.artifact
    return asked, named or next(iter(api.stock))


def _seconds(given: int | str) -> float:
    text = str(given)
    if not text.isdecimal() or not 4 <= int(text) <= 120:
        fault = {"field": "seconds", "message": "4 to 120"}
        raise InputError(f"a video of {text[:20]} s", hint="ask for 4 to 120", code="bad_length", details=[fault])
    return float(text)


def _aspect(size: str) -> str:
    width, height = map(int, size.split("x"))
    return min(ASPECTS, key=lambda name: abs(ASPECTS[name] - width / height))


def _listed(api: Service, caller: Identity, limit: int, after: str | None) -> VideoList:
    cursor = None
    if after is not None:
        last = find(api, after, caller)
        cursor = write_cursor(last.created, last.id)
    videos: list[Video] = []
    while len(videos) <= limit:
        jobs, cursor, _ = api.jobs.page(caller.owner, names=(MODEL,), limit=limit + 1, cursor=cursor)
        whole = (api.jobs.get(job.id) for job in jobs)
        videos += [video_of(job) for job in whole if "perform" in job.graph["nodes"]]
        if cursor is None:
            break
    shown = videos[:limit]
    return VideoList(
        data=shown,
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=len(videos) > limit or cursor is not None,
    )
