"""Events over WebSockets: any number of jobs on one connection, each from the number that the client has seen last.

The client sends {"action": "subscribe" | "unsubscribe", "job": ID, "after": N}. The server sends events as they are
stored ({"job", "seq", "time", "kind", "node", "data"}), and messages with a "type" about the connection itself:
subscribed, unsubscribed, ping, error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spinbot.errors import InputError, SpinbotError
from spinbot.serve.api.access import Reader
from spinbot.serve.api.problems import of_pydantic, problem_of
from spinbot.serve.api.service import Api, Service
from spinbot.store.keys import Identity

router = APIRouter()

PING_S = 20.0
MOST_JOBS = 1000
"""Jobs followed by one connection."""
LONGEST = 4096
"""Characters of a client's message."""


class Wish(BaseModel):
    """What a client asks."""

    model_config = ConfigDict(extra="forbid", strict=True)
    action: Literal["subscribe", "unsubscribe"]
    job: str = Field(max_length=100)
    after: int = Field(default=0, ge=0, le=2**31)


Message = TypeVar("Message", bound=BaseModel)

Follow = Callable[[str, int], Awaitable[None]]
"""`follow(job, after)`: send what happens to a job, for ever."""


class Connection:
    """One socket and the jobs it follows."""

    def __init__(self, socket: WebSocket, api: Service, caller: Identity) -> None:
        self.socket = socket
        self.api = api
        self.caller = caller
        self._following: dict[str, asyncio.Task[None]] = {}

    async def serve(self, hear: Callable[[str], Awaitable[None]]) -> None:
        """Hand each message to `hear`, and ping, until the client goes."""
        self.api.sockets += 1
        try:
            while True:
                try:
                    async with asyncio.timeout(PING_S):
                        message = await self.socket.receive()
                except TimeoutError:
                    await self.socket.send_json({"type": "ping", "time": time.time()})
                    continue
                if message["type"] == "websocket.disconnect":
                    return
                await hear(message.get("text") or "")
        except (WebSocketDisconnect, RuntimeError):  # it went while something was sent to it
            pass
        finally:
            self.api.sockets -= 1
            for task in self._following.values():
                task.cancel()
            await asyncio.gather(*self._following.values(), return_exceptions=True)

    async def follow(self, job: str, after: int, send: Follow) -> None:
        """Follow a job of the caller. Raises `NotFoundError`, `InputError`."""
        await self.api.summary(job, self.caller)
        await self.leave(job)
        if len(self._following) >= MOST_JOBS:
            raise InputError(f"one connection follows at most {MOST_JOBS} jobs", hint="open another one")
        self._following[job] = asyncio.create_task(self._guarded(job, after, send))

    async def leave(self, job: str) -> bool:
        """Stop following; whether it was followed."""
        task = self._following.pop(job, None)
        if task is None:
            return False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True

    async def _guarded(self, job: str, after: int, send: Follow) -> None:
        try:
            await send(job, after)
        except SpinbotError as error:
            await self.socket.send_json({"type": "error", "job": job, "error": problem_of(error).model_dump()})
        except (WebSocketDisconnect, RuntimeError):  # the client has gone; `serve` sees it too
            pass


@router.websocket("/v1/events")
async def events(socket: WebSocket, api: Api, caller: Reader) -> None:
    """Follow jobs."""
    await socket.accept()
    connection = Connection(socket, api, caller)

    async def send(job: str, after: int) -> None:
        async for batch in api.feed.batches(job, after, until_end=False):
            for event in batch:
                await socket.send_text(api.feed.encoded(event))

    async def hear(text: str) -> None:
        said: dict[str, Any] = {}
        try:
            wish = read(text, Wish)
            said = {"job": wish.job}
            if wish.action == "subscribe":
                await connection.follow(wish.job, wish.after, send)
            else:
                await connection.leave(wish.job)
            await socket.send_json({"type": f"{wish.action}d", **said})
        except SpinbotError as error:
            await socket.send_json({"type": "error", **said, "error": problem_of(error).model_dump()})

    await connection.serve(hear)


def read(text: str, kind: type[Message]) -> Message:
    """A client's message. Raises `InputError`."""
    if len(text) > LONGEST:
        raise InputError(f"a message of {len(text)} characters; the limit is {LONGEST}", code="bad_message")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise of_pydantic(error, "the message") from error
