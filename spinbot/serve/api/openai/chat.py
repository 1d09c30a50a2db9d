"""`/v1/chat/completions`: a conversation with the script model, whole or piece by piece."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from spinbot.errors import InputError, SpinbotError
from spinbot.graphs.graph import SCHEMA
from spinbot.serve.api import problems
from spinbot.serve.api.access import Writer
from spinbot.serve.api.openai.names import engine_named
from spinbot.serve.api.schemas import JobRequest
from spinbot.serve.api.schemas import Request as Body
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.sse import STREAM, streamed
from spinbot.serve.api.submit import submit
from spinbot.serve.api.waiting import result, run, stop

router = APIRouter(prefix="/v1/chat", tags=["openai"])


class TextPart(Body):
    """A part of a message's content."""

    type: Literal["text"]
    text: str = Field(max_length=100_000)


class ChatMessage(Body):
    """A message."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=100_000)] | Annotated[list[TextPart], Field(min_length=1, max_length=100)]
    name: str | None = Field(default=None, max_length=100)


class StreamOptions(Body):
    """What a stream says besides the text."""

    include_usage: bool | None = None


class ChatRequest(Body):
    """A conversation and how to go on with it. What the model cannot do is refused, not ignored."""

    model: str = Field(max_length=200, description="A script engine such as smollm2, or its model")
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Taken as it comes: the model samples from the likeliest nine tenths"
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    stop: (
        Annotated[str, Field(min_length=1, max_length=200)]
        | Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=4)]
        | None
    ) = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    presence_penalty: Literal[0] | None = None
    frequency_penalty: Literal[0] | None = None
    user: str | None = Field(default=None, max_length=200, description="Not used")


class Usage(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Answer(BaseModel):
    """The model's message."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: Answer
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class Completion(BaseModel):
    """A finished answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


@router.post(
    "/completions",
    response_model=Completion,
    responses={200: {"content": streamed()}},
)
async def complete(body: ChatRequest, request: Request, api: Api, caller: Writer) -> Completion | Response:
    """Answer the last message."""
    engine = engine_named("script", body.model, api.settings)
    graph = graph_of(body, engine)
    if body.stream:
        job = (await submit(api, JobRequest(graph=graph), caller)).id
        return StreamingResponse(_stream(api, job, body), media_type=STREAM, headers={"Cache-Control": "no-store"})
    ended = await run(api, graph, request, caller)
    assert ended.outputs is not None
    said = ended.outputs["message"]
    return Completion(
        id=f"chatcmpl-{ended.id}",
        created=int(ended.created),
        model=body.model,
        choices=[Choice(message=Answer(content=said["text"]), finish_reason=said["finish"])],
        usage=_usage(said),
    )


def graph_of(body: ChatRequest, engine: str) -> dict[str, Any]:
    """The graph that answers. Without a seed the answer is another one each time."""
    params: dict[str, Any] = {
        "messages": [_turn(message) for message in body.messages],
        "seed": secrets.randbits(31) if body.seed is None else body.seed,
    }
    if body.temperature is not None:
        params["temperature"] = body.temperature
    if body.stop is not None:
        params["stop"] = [body.stop] if isinstance(body.stop, str) else body.stop
    if most := body.max_completion_tokens or body.max_tokens:
        params["max_tokens"] = min(most, 4096)
    return {
        "schema": SCHEMA,
        "name": "chat",
        "nodes": {"chat": {"type": "chat", "params": params, "engine": {"script": engine}}},
        "outputs": {"message": {"node": "chat", "output": "message"}},
    }


async def _stream(api: Service, job: str, body: ChatRequest) -> AsyncIterator[str]:
    told = _Chunks(job, body.model)
    try:
        yield told.chunk({"role": "assistant", "content": ""})
        attempt = sent = ""
        async for batch in api.feed.batches(job):
            for event in batch:
                if event.kind == "node.running":  # after a crash it is written again, letter by letter the same
                    attempt = ""
                elif event.kind == "node.partial":
                    attempt += event.data["text"]
                    if len(attempt) > len(sent):
                        yield told.chunk({"content": attempt[len(sent) :]})
                        sent = attempt
        said = (await result(api, job)).outputs or {}
        said = said["message"]
        if rest := said["text"][len(sent) :]:  # one from the cache comes in one piece
            yield told.chunk({"content": rest})
        yield told.chunk({}, finish=said["finish"])
        if body.stream_options and body.stream_options.include_usage:
            yield told.usage(_usage(said))
        yield "data: [DONE]\n\n"
    except SpinbotError as error:
        yield f"data: {bytes(problems.response(error, '/v1/chat/').body).decode()}\n\n"
    finally:
        await stop(api, job)


class _Chunks:
    """The frames of one stream."""

    def __init__(self, job: str, model: str) -> None:
        self._base = {
            "id": f"chatcmpl-{job}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return f"data: {json.dumps(self._base | {'choices': [choice]})}\n\n"

    def usage(self, usage: Usage) -> str:
        return f"data: {json.dumps(self._base | {'choices': [], 'usage': usage.model_dump()})}\n\n"


def _turn(message: ChatMessage) -> dict[str, str]:
    text = message.content if isinstance(message.content, str) else "".join(part.text for part in message.content)
    if not text.strip() and message.role != "assistant":
        raise InputError("a message is empty", hint="say something", code="bad_request_fields")
    return {"role": "system" if message.role == "developer" else message.role, "content": text}


def _usage(said: dict[str, Any]) -> Usage:
    asked, written = said["prompt_tokens"], said["tokens"]
    return Usage(prompt_tokens=asked, completion_tokens=written, total_tokens=asked + written)
