"""Events to the browser, pushed: of all the visitor's jobs, or one job's from its beginning.

However many pages of one visitor watch all jobs, the service is asked once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from app_streamlit.routes.visitor import check_origin, client_of
from spinbot.client import AsyncClient, Event
from spinbot.errors import SpinbotError

DOUBT = json.dumps({"type": "doubt"})
"""Something may have been missed: look at everything anew."""
MOST_WAITING = 1000
"""Messages that a slow browser may leave lying; then they are dropped, and a doubt says so."""
ENDED = 1000
REFUSED = 1008
FAILED = 1011


class Broadcast:
    """The events of one client's jobs, to every page that listens."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._ears: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._lost: SpinbotError | None = None

    async def listen(self) -> AsyncIterator[str]:
        """Messages as JSON, a doubt first, without end. Raises `SpinbotError` when the service is lost."""
        ear: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)
        ear.put_nowait(DOUBT)
        self._ears.add(ear)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read())
        try:
            while (message := await ear.get()) is not None:
                yield message
            if self._lost is not None:
                raise self._lost
        finally:
            self._ears.discard(ear)
            if not self._ears:
                self._task.cancel()

    async def _read(self) -> None:
        try:
            async with aclosing(self._client.watch()) as events:
                async for event in events:
                    self._tell(DOUBT if event is None else encoded(event))
        except SpinbotError as error:  # each page hears of it, and its browser tries again
            self._lost = error
        finally:
            self._tell(None)

    def _tell(self, message: str | None) -> None:
        for ear in self._ears:
            if ear.full() or message is None:
                while not ear.empty():
                    ear.get_nowait()
                ear.put_nowait(DOUBT)
            if message != DOUBT or ear.empty():
                ear.put_nowait(message)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._ears)


_broadcasts: dict[AsyncClient, Broadcast] = {}
"""Those that somebody listens to."""


async def follow(socket: WebSocket) -> None:
    """All jobs of the visitor, or with `?job=` that one: what happened behind `?after=`, then what happens."""
    try:
        check_origin(socket)
    except SpinbotError as error:
        await socket.close(REFUSED, error.code)
        return
    await socket.accept()
    client, job = client_of(socket), socket.query_params.get("job")
    after = socket.query_params.get("after", "")
    messages = _of_job(client, job, int(after) if after.isdecimal() else 0) if job else _of_all(client)
    sending = asyncio.create_task(_send(socket, messages))
    hearing = asyncio.create_task(_until_gone(socket))
    _, left = await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if hearing in left:
        with suppress(RuntimeError, WebSocketDisconnect):  # it went at the same moment
            await socket.close(*sending.result())


async def _of_job(client: AsyncClient, job: str, after: int) -> AsyncIterator[str]:
    async with aclosing(client.events(job, after)) as events:
        async for event in events:
            yield encoded(event)


async def _of_all(client: AsyncClient) -> AsyncIterator[str]:
    broadcast = _broadcasts.setdefault(client, Broadcast(client))
    try:
        async with aclosing(broadcast.listen()) as said:  # type: ignore[type-var]
            async for message in said:
                yield message
    finally:
        if not broadcast.heard:
            _broadcasts.pop(client, None)


async def _send(socket: WebSocket, messages: AsyncIterator[str]) -> tuple[int, str]:
    """Send until there is no more; how the socket is to be closed then."""
    try:
        async with aclosing(messages) as said:  # type: ignore[type-var]
            async for message in said:
                await socket.send_text(message)
    except SpinbotError as error:
        return FAILED, error.code
    except (RuntimeError, WebSocketDisconnect):
        return FAILED, "gone"
    return ENDED, "ended"


async def _until_gone(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


def encoded(event: Event) -> str:
    """The event as the page's scripts read it."""
    return event.model_dump_json()
