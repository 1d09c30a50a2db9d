"""The client for an event loop, and every operation of the service: what is asked and what the answer becomes."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from spinbot.client import stream, transfer
from spinbot.client.content import Content, Method, artifact_ask, opened
from spinbot.client.installation import Installation
from spinbot.client.models import Credentials, Event, Job, JobPage, JobSummary, Plan, Trace, Upload
from spinbot.client.people import People
from spinbot.client.session import Session
from spinbot.client.transfer import OnProgress
from spinbot.client.wire import Ask, AsyncWire, Wire
from spinbot.errors import InputError

HERE = "http://127.0.0.1:8000"
"""Where `spinbot up` listens unless told otherwise."""
PAGE = 100


class AsyncClient(Installation, People):
    """A client of the service at `url`, with an API key; what is not given is SPINBOT_SERVER and SPINBOT_API_KEY.

    Every method raises a `SpinbotError` of the kind that the service means, with its message, hint, code and details;
    `unreachable` where it does not answer. One that has answered before may be silent for `patience_s` seconds.
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, patience_s: float = 30.0) -> None:
        self.url = checked_url(url or os.environ.get("SPINBOT_SERVER") or HERE)
        key = key or os.environ.get("SPINBOT_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = Session(self._wire(self.url, headers), patience_s)

    def _wire(self, url: str, headers: dict[str, str]) -> Wire:
        return AsyncWire(url, headers)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.wire.close()

    async def submit(
        self,
        *,
        prompt: str | None = None,
        template: str | None = None,
        params: dict[str, Any] | None = None,
        graph: dict[str, Any] | None = None,
        profile: str | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
        webhook: str | None = None,
    ) -> JobSummary:
        """Store a job: a prompt, a template with its parameters, or a whole graph. Once this returns it is not lost.

        `profile` is who is seen and heard: a template takes portrait and voice from it, a graph is noted as made of it.

        The same `idempotency_key` (none: a new one) makes one job only, so the request is safely sent again. `webhook`
        is told of the end. Raises `GraphError` with every fault in `details`, `InputError`.
        """
        body = _work(prompt, template, params, graph, profile) | {"priority": priority}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        if webhook is not None:
            body["webhook"] = webhook
        return await self._get(JobSummary, Ask("POST", "/v1/jobs", json=body, headers=headers))

    async def plan(
        self,
        *,
        prompt: str | None = None,
        template: str | None = None,
        params: dict[str, Any] | None = None,
        graph: dict[str, Any] | None = None,
        profile: str | None = None,
    ) -> Plan:
        """Check a job and say what it would cost; nothing is stored or run. Raises as `submit` does."""
        return await self._get(Plan, Ask("POST", "/v1/plan", json=_work(prompt, template, params, graph, profile)))

    async def job(self, job: str) -> Job:
        """A job with its nodes and its graph. Raises `NotFoundError`."""
        return await self._get(Job, Ask("GET", _job(job)))

    async def jobs(
        self,
        *,
        states: tuple[str, ...] = (),
        text: str = "",
        names: tuple[str, ...] = (),
        review: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[JobSummary, None]:
        """Jobs, the newest first, page by page, `limit` at most. For what else may be asked see `jobs_page`."""
        cursor, left = None, limit
        while left is None or left > 0:
            page = await self.jobs_page(
                states=states, text=text, names=names, review=review, limit=min(left or PAGE, PAGE), cursor=cursor
            )
            for job in page.data:
                yield job
            left = None if left is None else left - len(page.data)
            cursor = page.next
            if cursor is None:
                return

    async def jobs_page(
        self,
        *,
        states: tuple[str, ...] = (),
        text: str = "",
        names: tuple[str, ...] = (),
        review: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> JobPage:
        """Up to `limit` (200 at most) of the newest jobs behind `cursor`, the `next` of the page before.

        Only those in these states, with this text in their name or title, of these names (such as `talking_portrait`),
        with this review: `approved`, `rejected`, or `open` for those that succeeded and have none. What is empty is
        not asked for. Raises `InputError`.
        """
        query: dict[str, Any] = {"status": list(states), "q": text, "name": list(names), "limit": limit}
        given = {"review": review, "cursor": cursor}
        query |= {name: value for name, value in given.items() if value is not None}
        return await self._get(JobPage, Ask("GET", "/v1/jobs", query=query))

    async def cancel(self, job: str) -> JobSummary:
        """Ask for the end of a job, queued or running; `wait` for it. Raises `InputError` for one that has ended."""
        return await self._do(job, "cancel", repeatable=False)

    async def pause(self, job: str) -> JobSummary:
        """Let the running nodes of a job end and begin no other; `wait` for it. Raises as `cancel` does."""
        return await self._do(job, "pause")

    async def resume(self, job: str) -> JobSummary:
        """Go on with a paused job. Raises `InputError` for one that has ended."""
        return await self._do(job, "resume")

    async def retry(self, job: str) -> JobSummary:
        """Run a failed or cancelled job again, from its finished nodes. Raises `InputError` for any other."""
        return await self._do(job, "retry", repeatable=False)

    async def set_priority(self, job: str, priority: int) -> JobSummary:
        """Move a job up (100) or down (-100) in the queue."""
        return await self._get(JobSummary, Ask("POST", _job(job, "priority"), json={"priority": priority}))

    async def review(self, job: str, verdict: str | None, note: str = "") -> JobSummary:
        """Say what to think of a job that succeeded: `approved`, `rejected`, or None to take it back.

        Raises `InputError` (`wrong_state`) for any other job.
        """
        ask = Ask("PUT", _job(job, "review"), json={"verdict": verdict, "note": note})
        return await self._get(JobSummary, ask)

    async def edit(self, job: str, sentence: int, text: str, *, idempotency_key: str | None = None) -> JobSummary:
        """Make the video of a job that succeeded again with sentence `sentence` (from 1) said otherwise; the new job.

        It is of the same profile, and takes all else from the cache. Raises `InputError`; for `idempotency_key` see
        `submit`.
        """
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        body = {"sentence": sentence, "text": text}
        return await self._get(JobSummary, Ask("POST", _job(job, "edit"), json=body, headers=headers))

    async def delete(self, job: str) -> None:
        """Forget a job that has ended, with its nodes and events. Raises `InputError` for any other."""
        await self._session.call(Ask("DELETE", _job(job), repeatable=False))

    async def events(self, job: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """The job's events behind number `after`, those of the past first, then each as it happens.

        Ends with the one that ended the job. When the connection is lost it goes on with another, from the last number
        seen, so that none is missed and none comes twice.
        """
        events = stream.follow(self._session, job, after)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def watch(self) -> AsyncGenerator[Event | None, None]:
        """Each event of all of the caller's jobs as it happens, nothing of the past, without end.

        None says that something may have changed unseen, so that lists should be read again: it comes first, after
        each lost connection, and where a job has changed without an event (a wish, a priority, a review; deleted).
        Raises `SpinbotError` where no connection can be made for `patience_s` seconds.
        """
        events = stream.watch(self._session)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def wait(self, job: str, on_event: Callable[[Event], None] | None = None, *, after: int = 0) -> Job:
        """The job once it has ended, or is paused. `on_event` hears each event behind number `after`.

        A job that failed is answered, not raised: `result()` of the answer gives the outputs or raises the error.
        """
        found = await self.job(job)
        if found.state == "paused" and found.events <= after:  # its last event has been seen: no other will come
            return found
        events = stream.follow(self._session, job, after)
        try:
            async for event in events:
                if on_event:
                    on_event(event)
                if event.kind == "job.paused" and (found := await self.job(job)).events == event.seq:
                    return found
        finally:
            await events.aclose()
        return await self.job(job)

    async def trace(self, job: str) -> Trace:
        """Where a job's time went."""
        return await self._get(Trace, Ask("GET", _job(job, "trace")))

    async def upload(
        self, source: Path | str | bytes, on_progress: OnProgress | None = None, *, name: str = ""
    ) -> Upload:
        """Upload a picture, a sound or a video, given as a path or as its bytes; its content decides what it is."""
        given = Path(source) if isinstance(source, str) else source
        shown = name or (given.name if isinstance(given, Path) else "upload")
        return await transfer.upload(self._session, given, shown, on_progress)

    async def uploads(self, limit: int = PAGE) -> list[Upload]:
        """The newest uploads."""
        return await self._list(Upload, Ask("GET", "/v1/uploads", query={"limit": limit}))

    async def download(self, artifact: str, path: Path | str, on_progress: OnProgress | None = None) -> Path:
        """Write an artifact to `path`, where it appears whole or not at all. What broke off before is gone on with.

        Raises `NotFoundError`, `StorageError`.
        """
        return await transfer.download(self._session, artifact, Path(path), on_progress)

    async def read(self, artifact: str) -> bytes:
        """The bytes of an artifact that fits into memory: captions, a report, a script. Raises `NotFoundError`."""
        return await self._session.call(artifact_ask(artifact))

    def content(
        self,
        artifact: str,
        *,
        range: str | None = None,  # noqa: A002  # the word of the header
        method: Method = "GET",
    ) -> AbstractAsyncContextManager[Content]:
        """An artifact to be passed on: `async with` gives status, headers and chunks as they come.

        `range` is the value of a Range header, such as `bytes=0-99`. Raises `NotFoundError`, and `InputError` with the
        code `bad_range` where the artifact has no such part.
        """
        return opened(self._session, artifact_ask(artifact, method, range))

    async def credentials(self, artifact: str) -> Credentials:
        """The Content Credentials (C2PA) of an artifact, checked against its bytes. Raises `NotFoundError`."""
        return await self._get(Credentials, Ask("GET", f"/v1/artifacts/{quote(artifact, safe=':')}/credentials"))

    async def sidecar(self, job: str) -> dict[str, Any]:
        """Everything that made the outputs of a job, as JSON. Raises `NotFoundError`."""
        found: dict[str, Any] = json.loads(await self._session.call(Ask("GET", _job(job, "sidecar"))))
        return found

    async def speech(
        self,
        text: str,
        *,
        voice: str = "",
        engine: str = "tts-1",
        format: str = "wav",  # noqa: A002  # the word of the field
        speed: float = 1.0,
    ) -> bytes:
        """A text as sound: `format` is mp3, opus, aac, flac, wav or pcm. Raises `InputError`, `NotFoundError`."""
        body = {"model": engine, "input": text, "voice": voice, "response_format": format, "speed": speed}
        return await self._session.call(Ask("POST", "/v1/audio/speech", json=body, read_s=SPEECH_READ_S))

    async def _do(self, job: str, what: str, *, repeatable: bool = True) -> JobSummary:
        return await self._get(JobSummary, Ask("POST", _job(job, what), repeatable=repeatable))


SPEECH_READ_S = 600.0
"""A long text is spoken before the first byte comes."""


def checked_url(url: str) -> str:
    """Raises `InputError` for what is no address of a service."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        raise InputError(f"{url!r} is no address of a service", hint=f"give one such as {HERE}", code="bad_server")
    return url.rstrip("/")


def _job(job: str, what: str = "") -> str:
    return f"/v1/jobs/{quote(job, safe='')}" + (f"/{what}" if what else "")


def _work(
    prompt: str | None,
    template: str | None,
    params: dict[str, Any] | None,
    graph: dict[str, Any] | None,
    profile: str | None,
) -> dict[str, Any]:
    given = {"prompt": prompt, "template": template, "params": params, "graph": graph, "profile": profile}
    return {name: value for name, value in given.items() if value is not None}
