"""Clients of the service for tests: the blocking one and the one for an event loop, which is driven from outside."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from spinbot.client import AsyncClient


class Driven:
    """An `AsyncClient` and the event loop it lives in, with the face of a `Client`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._client = AsyncClient(*args, **kwargs)
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return (lambda *args, **kwargs: self._run(value(*args, **kwargs))) if callable(value) else value

    def _run(self, work: Any) -> Any:
        return self._items(work) if inspect.isasyncgen(work) else self._loop.run_until_complete(work)

    def _items(self, items: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(anext(items))
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(items.aclose())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


Connect = Callable[..., Any]
"""Makes clients of one kind; of the service, unless it is given another address."""
