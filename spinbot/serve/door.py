"""A socket of the replica's own, beside Ray Serve's proxy: the way for many who follow events.

Through the proxy each message to each follower is a call between two processes, some 0.4 ms of a core; from here it is
a write to a socket. The application behind it is the same, with its keys and limits.
"""

from __future__ import annotations

import asyncio
import errno
import socket

import uvicorn
from starlette.types import ASGIApp

from spinbot.errors import OutageError

MOST_TRIED = 16
"""Replicas of one machine share the configured port's number as the first to try."""


class Door:
    """Serves an application from `open` until `close`, on the event loop of the caller."""

    def __init__(self, app: ASGIApp, host: str, port: int = 0) -> None:
        """`port` 0 is any free one, else the first of those that are tried."""
        # The application is started and stopped by Ray Serve: no lifespan here.
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # done anew for each follower it takes as long as the sending: 7 us
        )
        self._server = uvicorn.Server(config)
        self._host = host
        self._first = port
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """Answers the port. Raises `OutageError` where none is free."""
        listener = self._listen()
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Hang up on everybody: who follows comes back by the proxy, with the number of the last event."""
        if self._serving is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._serving

    def _listen(self) -> socket.socket:
        for port in range(self._first, self._first + MOST_TRIED) if self._first else (0,):
            try:
                return socket.create_server((self._host, port), backlog=2048)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OutageError(
            f"no port from {self._first} on is free for events", hint="set SPINBOT_API__EVENTS_PORT", code="no_port"
        )
