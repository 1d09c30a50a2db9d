"""`/v1/audio/speech` and the voices: a text becomes a sound file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, cast

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from spinbot.engines.registry import ENGINES, engine_class
from spinbot.engines.tts.base import TtsEngine, Voice
from spinbot.errors import InputError
from spinbot.graphs.graph import SCHEMA
from spinbot.graphs.nodes.script import first_words
from spinbot.media import ffmpeg
from spinbot.serve.api.access import Reader, Writer
from spinbot.serve.api.files import CHUNK
from spinbot.serve.api.openai.names import SPEECH_MODELS, engine_named
from spinbot.serve.api.schemas import Request as Body
from spinbot.serve.api.service import Api
from spinbot.serve.api.waiting import run

router = APIRouter(prefix="/v1/audio", tags=["openai"])

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: dict[str, tuple[str, list[str]]] = {
    "mp3": ("audio/mpeg", ["-c:a", "libmp3lame", "-b:a", "96k", "-f", "mp3"]),
    "opus": ("audio/ogg", ["-c:a", "libopus", "-b:a", "48k", "-f", "ogg"]),
    "aac": ("audio/aac", ["-c:a", "aac", "-b:a", "96k", "-f", "adts"]),
    "flac": ("audio/flac", ["-c:a", "flac", "-f", "flac"]),
    "wav": ("audio/wav", []),
    "pcm": ("audio/pcm", ["-c:a", "pcm_s16le", "-ar", "24000", "-f", "s16le"]),
}
"""Media type, and how ffmpeg makes it from WAV. `pcm` is 24 kHz, 16 bit, mono, as OpenAI's."""
STOCK_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
"""OpenAI's voices: clients send them where their user chose none. Each means one of ours, in the order of the list."""
SLOWEST, FASTEST = 0.5, 2.0


class SpeechRequest(Body):
    """What to say, and how."""

    model: str = Field(
        max_length=200, description="A speech engine such as kokoro, or tts-1 for the one that is set up"
    )
    input: str = Field(min_length=1, max_length=20_000, description="What to say, in English")
    voice: str = Field(default="", max_length=200, description="One of /v1/audio/voices, or one of OpenAI's names")
    response_format: Format = "mp3"
    speed: float = Field(default=1.0, ge=0.25, le=4, description="1 is natural; the engines speak at 0.5 to 2")
    stream_format: Literal["audio"] = "audio"
    instructions: Literal[""] = Field(default="", description="The engines here take none")


class VoiceOut(BaseModel):
    """A voice."""

    id: str
    name: str
    model: str
    language: str = Field(description="BCP-47, such as en-US")
    description: str
    aliases: list[str] = Field(description="Names of OpenAI's voices that mean it")


class Voices(BaseModel):
    """The voices of all speech engines, the default of each first."""

    object: Literal["list"] = "list"
    data: list[VoiceOut]


@router.post(
    "/speech",
    response_class=StreamingResponse,
    responses={
        200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind, _ in FORMATS.values()}}
    },
)
async def speech(body: SpeechRequest, request: Request, api: Api, caller: Writer) -> StreamingResponse:
    """Say a text. The sound comes when all of it has been spoken and understood by a recogniser."""
    if not SLOWEST <= body.speed <= FASTEST:
        raise InputError(
            f"the engines cannot speak at {body.speed:g} times their speed",
            hint=f"choose {SLOWEST} to {FASTEST:g}",
            code="bad_speed",
            details=[{"field": "speed", "message": f"{SLOWEST} to {FASTEST:g}"}],
        )
    engine = engine_named("tts", body.model, api.settings, also=SPEECH_MODELS)
    graph = graph_of(body, engine, voice_named(body.voice, engine))
    job = await run(api, graph, request, caller)
    assert job.outputs is not None
    wav = api.artifacts.path(job.outputs["speech"]["audio"])
    media_type, options = FORMATS[body.response_format]
    data = await asyncio.to_thread(encode, wav, options)
    return StreamingResponse(_pieces(data), media_type=media_type, headers={"X-Spinbot-Job": job.id})


@router.get("/voices")
def voices(api: Api, _: Reader) -> Voices:
    """The voices."""
    default = api.settings.engines["tts"]
    found = []
    for engine in dict.fromkeys([default, *ENGINES["tts"]]):
        offered = voices_of(engine)
        for number, voice in enumerate(offered):
            aliases = [name for place, name in enumerate(STOCK_VOICES) if place % len(offered) == number]
            found.append(
                VoiceOut(
                    id=voice.name,
                    name=voice.name,
                    model=engine,
                    language=voice.language,
                    description=voice.description,
                    aliases=aliases,
                )
            )
    return Voices(data=found)


def voices_of(engine: str) -> tuple[Voice, ...]:
    """The voices of a speech engine, its default first."""
    return cast(type[TtsEngine], engine_class("tts", engine)).voices()


def voice_named(name: str, engine: str) -> str:
    """Our name of a voice. Raises `InputError`."""
    offered = [voice.name for voice in voices_of(engine)]
    if name in STOCK_VOICES:
        return offered[STOCK_VOICES.index(name) % len(offered)]
    if name and name not in offered:
        raise InputError(
            f"{engine} has no voice {name!r}",
            hint=f"there are: {', '.join(offered)}",
            code="unknown_voice",
            details=[{"field": "voice", "message": "unknown"}],
        )
    return name


def graph_of(body: SpeechRequest, engine: str, voice: str) -> dict[str, Any]:
    """The graph that says it."""
    speak = {
        "type": "speak",
        "params": {"voice": voice, "speed": body.speed},
        "inputs": {"script": {"node": "script", "output": "script"}},
        "engine": {"tts": engine},
    }
    return {
        "schema": SCHEMA,
        "name": "speech",
        "title": first_words(body.input),
        "nodes": {"script": {"type": "given_script", "params": {"text": body.input}}, "speech": speak},
        "outputs": {"speech": {"node": "speech", "output": "speech"}},
    }


def encode(wav: Path, options: list[str]) -> bytes:
    """The sound in another format; without options as it is."""
    if not options:
        return wav.read_bytes()
    return ffmpeg.run(
        ["-v", "error", *ffmpeg.SAFE_INPUT, "-i", str(wav), *options, "pipe:1"],
        what="encode the speech",
        error=InputError,
        hint="ask for wav",
    ).data


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]
