"""A service in memory that keeps the contract of `spinbot.client.Client`: pages are tried against it.

Requests are checked by the same templates and checks as the real one's, so a form that asks for what there is not is
refused here, too. Jobs stand still until `service.runner` moves them; `wait` runs one to its end. See
test_fake_service.py, which compares it with the real service.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from spinbot.client import Credentials, Event, Job, JobPage, JobSummary, OnProgress, Plan, Upload
from spinbot.config import Settings, starter_hosts
from spinbot.errors import InputError, NotFoundError, SpinbotError
from spinbot.graphs.check import parse
from spinbot.graphs.edit import edited
from spinbot.planner.preview import Preview
from spinbot.serve.api.schemas import Work
from spinbot.serve.api.submit import document_of
from spinbot.store.profiles import Profile
from tests.fake_installation import FakeInstallation
from tests.fake_jobs import Kept
from tests.fake_outputs import sound
from tests.fake_people import FakePeople

VERDICTS = ("approved", "rejected")
MOST = 200
STEP_S = 1.5


class FakeService(FakeInstallation, FakePeople):
    """`cached` are types of nodes that a plan finds in the cache, `lacking` what it finds missing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.cached: set[str] = set()
        self.lacking: list[str] = []
        self._repeats: dict[str, tuple[str, str]] = {}
        here = Path("/nowhere")
        self._settings = Settings(
            home=here, engines={"image": "drawn"}, hosts=starter_hosts(), caption_model=here / "captioner"
        )

    def close(self) -> None: ...

    def submit(
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
        asked = json.dumps([prompt, template, params, graph, profile, priority, webhook], sort_keys=True)
        key = idempotency_key or uuid.uuid4().hex
        if key in self._repeats:
            job, before = self._repeats[key]
            if asked != before:
                message = f"the idempotency key {key!r} was used for another request, which made job {job}"
                raise InputError(message, hint="use a new key for a new request", code="idempotency_conflict")
            return self._job(job).summary()
        document, person = self._checked(template, params, graph, profile)
        kept = Kept(document, profile=person.id if person else None, priority=priority)
        self._jobs[kept.id] = kept
        self._repeats[key] = kept.id, asked
        return kept.summary()

    def plan(
        self,
        *,
        prompt: str | None = None,
        template: str | None = None,
        params: dict[str, Any] | None = None,
        graph: dict[str, Any] | None = None,
        profile: str | None = None,
    ) -> Plan:
        document, _ = self._checked(template, params, graph, profile)
        return Plan(graph=document, plan=None, preview=self._preview(document).model_dump(mode="json"))

    def job(self, job: str) -> Job:
        return self._job(job).whole()

    def jobs(
        self,
        *,
        states: tuple[str, ...] = (),
        text: str = "",
        names: tuple[str, ...] = (),
        review: str | None = None,
        limit: int | None = None,
    ) -> Iterator[JobSummary]:
        yield from self._listed(states, text, names, review)[:limit]

    def jobs_page(
        self,
        *,
        states: tuple[str, ...] = (),
        text: str = "",
        names: tuple[str, ...] = (),
        review: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> JobPage:
        _range("limit", limit, 1, MOST)
        found = self._listed(states, text, names, review)
        begin = int(cursor) if cursor else 0
        end = begin + limit
        return JobPage(data=found[begin:end], next=str(end) if end < len(found) else None, total=len(found))

    def cancel(self, job: str) -> JobSummary:
        return self._ask(job, "cancel")

    def pause(self, job: str) -> JobSummary:
        return self._ask(job, "pause")

    def resume(self, job: str) -> JobSummary:
        return self._reopen(job, ("paused", "queued", "running"), "retry it, where it failed or was cancelled")

    def retry(self, job: str) -> JobSummary:
        return self._reopen(job, ("failed", "cancelled"), "only a job that failed or was cancelled can be tried again")

    def set_priority(self, job: str, priority: int) -> JobSummary:
        _range("priority", priority, -100, 100)
        kept = self._open(job)
        kept.priority = priority
        return kept.summary()

    def review(self, job: str, verdict: str | None, note: str = "") -> JobSummary:
        if verdict is not None:
            _one_of("verdict", verdict, VERDICTS)
        kept = self._job(job)
        if kept.state != "succeeded":
            hint = "only a job that succeeded can be reviewed"
            raise InputError(f"job {job} is {kept.state}", hint=hint, code="wrong_state")
        kept.review, kept.note = verdict, note
        return kept.summary()

    def edit(self, job: str, sentence: int, text: str, *, idempotency_key: str | None = None) -> JobSummary:
        kept = self._job(job)
        document = edited(kept, sentence, text)
        return self.submit(graph=document, profile=kept.profile, idempotency_key=idempotency_key)

    def delete(self, job: str) -> None:
        kept = self._job(job)
        if not kept.ended:
            hint = f"first: spinbot jobs cancel {job}"
            raise InputError(f"job {job} is {kept.state}", hint=hint, code="job_running")
        del self._jobs[job]

    def events(self, job: str, after: int = 0) -> Iterator[Event]:
        yield from self._job(job).events[after:]

    def wait(self, job: str, on_event: Callable[[Event], None] | None = None, *, after: int = 0) -> Job:
        kept = self._job(job)
        self.runner.run(job)
        assert kept.ended or kept.state == "paused", f"job {job} is {kept.state}: one would wait forever"
        for event in kept.events[after:] if on_event else ():
            on_event(event)
        return kept.whole()

    def upload(self, source: Path | str | bytes, on_progress: OnProgress | None = None, *, name: str = "") -> Upload:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        shown = name or ("upload" if isinstance(source, bytes) else Path(source).name)
        kind, mime, facts = _inspected(content)
        if on_progress:
            on_progress(len(content), len(content))
        artifact = self._keep(content)
        about = {"artifact": artifact, "name": shown, "kind": kind, "mime": mime, "bytes": len(content)}
        self._uploads.pop(artifact, None)
        self._uploads[artifact] = Upload.model_validate(about | {"created": 1.7e9 + len(self._uploads), "facts": facts})
        return self._uploads[artifact]

    def uploads(self, limit: int = 100) -> list[Upload]:
        return [*reversed(self._uploads.values())][:limit]

    def read(self, artifact: str) -> bytes:
        return self._file(artifact)

    def credentials(self, artifact: str) -> Credentials:
        signed = self._file(artifact).startswith((b"video", b"image"))
        named = {"issuer": "spinbot", "title": "A video", "generator": "spinbot 0.1.0", "models": ["kokoro", "smollm2"]}
        given = named if signed else {"issuer": "", "title": "", "generator": "", "models": []}
        about = {"has_manifest": signed, "valid": signed, "ai_generated": signed, "problems": [], "remarks": []}
        return Credentials.model_validate(about | given)

    def sidecar(self, job: str) -> dict[str, Any]:
        kept = self._job(job)
        return {"spinbot": "0.1.0", "job": job, "created": kept.created, "graph": kept.graph}

    def speech(
        self,
        text: str,
        *,
        voice: str = "",
        engine: str = "tts-1",
        format: str = "wav",  # noqa: A002  # the word of the field
        speed: float = 1.0,
    ) -> bytes:
        if not text:
            message = "the request: input: String should have at least 1 character (see /docs)"
            raise InputError(message, code="bad_request_fields")
        if voice and voice not in {known.id for known in self.voices()}:
            raise InputError(f"kokoro has no voice {voice!r}", code="unknown_voice")
        return sound(0.05 * len(text.split()))

    def _checked(
        self, template: str | None, params: dict[str, Any] | None, graph: dict[str, Any] | None, profile: str | None
    ) -> tuple[dict[str, Any], Profile | None]:
        """The graph of a request that may be submitted, and whom it shows."""
        self._may("write")
        person = None if profile is None else self._profile(profile)
        document = document_of(Work(template=template, params=params or {}, graph=graph), person)
        return parse(document, artifacts=self.files, settings=self._settings).to_json(), person

    def _preview(self, graph: dict[str, Any]) -> Preview:
        steps = []
        for name, spec in graph["nodes"].items():
            done = spec["type"] in self.cached
            seconds = 0.0 if done else STEP_S
            step = {"node": name, "type": spec["type"], "state": "cached" if done else "run", "seconds": seconds}
            steps.append(step | {"guessed": False, "engines": {}, "group": "media", "key": None, "learned_from": 1})
        whole = sum(step["seconds"] for step in steps)
        need = {"engines": {}, "memory_bytes": 210_000_000, "budget_bytes": 6 << 30, "missing": [], "notes": []}
        found = {
            "name": graph["name"],
            "nodes": steps,
            "computing_s": whole,
            "chain_s": whole,
            "loading_s": 0.0,
            "elapsed_s": whole,
            "not_predicted": [],
            "groups": {"media": need},
            "fits": not self.lacking,
            "missing": self.lacking,
        }
        return Preview.model_validate(found)

    def _listed(
        self, states: tuple[str, ...], text: str, names: tuple[str, ...], review: str | None
    ) -> list[JobSummary]:
        if review is not None:
            _one_of("review", review, (*VERDICTS, "open"))

        def wanted(job: JobSummary) -> bool:
            said = "open" if job.state == "succeeded" and job.review is None else job.review
            return (
                (not states or job.state in states)
                and (not names or job.name in names)
                and (review is None or review == said)
                and (text.casefold() in job.name.casefold() or text.casefold() in job.title.casefold())
            )

        return [job for kept in reversed(self._jobs.values()) if wanted(job := kept.summary())]

    def _job(self, job: str) -> Kept:
        if job not in self._jobs:
            raise NotFoundError(f"there is no job {job!r}", hint="list them with: spinbot jobs")
        return self._jobs[job]

    def _open(self, job: str) -> Kept:
        """A job that has not ended."""
        kept = self._job(job)
        if kept.ended:
            hint = f"see how it went: spinbot jobs show {job}"
            raise InputError(f"job {job} has ended: it is {kept.state}", hint=hint, code="job_ended")
        return kept

    def _ask(self, job: str, wish: str) -> JobSummary:
        kept = self._open(job)
        if kept.state != wish + "d":
            kept.state = "queued" if kept.state == "paused" else kept.state
            kept.wish = wish
        return kept.summary()

    def _reopen(self, job: str, states: tuple[str, ...], hint: str) -> JobSummary:
        kept = self._job(job)
        if kept.state not in states:
            raise InputError(f"job {job} is {kept.state}", hint=hint, code="wrong_state")
        kept.wish, kept.error, kept.finished = None, None, None
        if kept.state not in ("queued", "running"):
            for name, node in kept.nodes.items():
                if node["state"] != "succeeded":
                    kept.nodes[name] = {"state": "pending"}
            kept.become("queued")
        return kept.summary()


class Refusing:
    """A service that answers every request with the same error."""

    def __init__(self, error: SpinbotError, url: str = "http://127.0.0.1:8000") -> None:
        self.url = url
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise self._error

        return refuse


def _inspected(content: bytes) -> tuple[str, str, dict[str, float]]:
    """Kind, media type and facts. Raises `InputError` for what is none of ours."""
    if content.startswith(b"RIFF"):
        return "audio", "audio/wav", {"seconds": 1.0}
    if content[4:8] == b"ftyp":
        return "video", "video/mp4", {"seconds": 1.0}
    try:
        with Image.open(io.BytesIO(content)) as picture:
            facts = {"width": float(picture.width), "height": float(picture.height)}
            return "image", f"image/{(picture.format or '').lower()}", facts
    except UnidentifiedImageError as error:
        message = "this is neither a picture nor a sound nor a video that can be read"
        raise InputError(message, hint="give JPEG, PNG, WebP, WAV, ...", code="unsupported_file") from error


def _range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"the request: {name}: it is not from {least} to {most}", code="bad_request_fields")


def _one_of(name: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise InputError(f"the request: {name}: it is none of {', '.join(options)}", code="bad_request_fields")
