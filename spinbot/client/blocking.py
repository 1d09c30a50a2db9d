"""The client without an event loop: each operation of the other one, run through on a wire that blocks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from spinbot.client.aio import AsyncClient
from spinbot.client.wire import BlockingWire, Wire, finish

P = ParamSpec("P")
T = TypeVar("T")


class _Operations(AsyncClient):
    """The operations, whose coroutines never wait."""

    def _wire(self, url: str, headers: dict[str, str]) -> Wire:
        return BlockingWire(url, headers)


def _blocking(
    operation: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Client, P], T]:
    @wraps(operation)
    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return finish(operation(client._operations, *args, **kwargs))

    return method


def _iterating(
    operation: Callable[Concatenate[AsyncClient, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @wraps(operation)
    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items = operation(client._operations, *args, **kwargs)
        try:
            while True:
                try:
                    item = finish(anext(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            finish(items.aclose())

    return method


class Client:
    """`AsyncClient` without an event loop: the same arguments, methods and errors, plain answers and iterators."""

    def __init__(self, url: str | None = None, key: str | None = None, *, patience_s: float = 30.0) -> None:
        self._operations = _Operations(url, key, patience_s=patience_s)
        self.url = self._operations.url

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    close = _blocking(AsyncClient.close)
    submit = _blocking(AsyncClient.submit)
    plan = _blocking(AsyncClient.plan)
    job = _blocking(AsyncClient.job)
    jobs = _iterating(AsyncClient.jobs)
    jobs_page = _blocking(AsyncClient.jobs_page)
    cancel = _blocking(AsyncClient.cancel)
    pause = _blocking(AsyncClient.pause)
    resume = _blocking(AsyncClient.resume)
    retry = _blocking(AsyncClient.retry)
    set_priority = _blocking(AsyncClient.set_priority)
    review = _blocking(AsyncClient.review)
    edit = _blocking(AsyncClient.edit)
    delete = _blocking(AsyncClient.delete)
    events = _iterating(AsyncClient.events)
    watch = _iterating(AsyncClient.watch)
    wait = _blocking(AsyncClient.wait)
    trace = _blocking(AsyncClient.trace)
    upload = _blocking(AsyncClient.upload)
    uploads = _blocking(AsyncClient.uploads)
    download = _blocking(AsyncClient.download)
    read = _blocking(AsyncClient.read)
    credentials = _blocking(AsyncClient.credentials)
    sidecar = _blocking(AsyncClient.sidecar)
    speech = _blocking(AsyncClient.speech)
    me = _blocking(AsyncClient.me)
    capabilities = _blocking(AsyncClient.capabilities)
    cluster = _blocking(AsyncClient.cluster)
    node_types = _blocking(AsyncClient.node_types)
    templates = _blocking(AsyncClient.templates)
    models = _blocking(AsyncClient.models)
    pull_model = _blocking(AsyncClient.pull_model)
    voices = _blocking(AsyncClient.voices)
    profiles = _blocking(AsyncClient.profiles)
    profile = _blocking(AsyncClient.profile)
    create_profile = _blocking(AsyncClient.create_profile)
    attest = _blocking(AsyncClient.attest)
    add_portrait = _blocking(AsyncClient.add_portrait)
    train = _blocking(AsyncClient.train)
    delete_part = _blocking(AsyncClient.delete_part)
    delete_profile = _blocking(AsyncClient.delete_profile)
    queue = _blocking(AsyncClient.queue)
    queue_history = _blocking(AsyncClient.queue_history)
    pause_queue = _blocking(AsyncClient.pause_queue)
    resume_queue = _blocking(AsyncClient.resume_queue)
