"""From a request to a stored job: the document, its checks, and the one transaction that makes it a job."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from spinbot.config import Settings
from spinbot.errors import GraphError, InputError
from spinbot.graphs.casting import cast
from spinbot.graphs.check import parse, suggest
from spinbot.graphs.graph import Graph
from spinbot.graphs.node import NODES
from spinbot.graphs.templates import TEMPLATES
from spinbot.planner.plan import Plan, Reason
from spinbot.serve.api.problems import of_pydantic
from spinbot.serve.api.schemas import JobRequest, Work
from spinbot.serve.api.service import Service
from spinbot.store.jobs import Event, JobSummary
from spinbot.store.keys import Identity
from spinbot.store.profiles import Profile

W = TypeVar("W", bound=Work)


def document_of(work: Work, profile: Profile | None) -> dict[str, Any]:
    """The graph document that is asked for, with the person of the profile, if any. Raises `InputError`."""
    if (work.template is None) == (work.graph is None):
        raise InputError(
            "give either a template, a graph or a prompt",
            hint='as in {"template": "voice_over", "params": {"script": "Hello."}}',
            code="bad_request_fields",
        )
    if work.graph is not None:
        if profile is not None:
            profile.agreed()
        if work.params:
            raise InputError(
                "params belong to a template, not to a graph",
                hint="put them into the graph's nodes",
                code="bad_request_fields",
            )
        return work.graph
    assert work.template is not None
    if work.template not in TEMPLATES:
        raise InputError(
            f"there is no template {work.template!r}", hint=suggest(work.template, TEMPLATES), code="unknown_template"
        )
    params = work.params if profile is None else cast(work.template, work.params, profile)
    try:
        return TEMPLATES[work.template].model_validate(params).graph()
    except ValidationError as error:
        raise of_pydantic(error, f"the parameters of {work.template}") from error


def checked(service: Service, document: dict[str, Any], owner: str) -> Graph:
    """The graph of a document, if every check passes and each artifact is the owner's. Raises `GraphError`."""
    nodes, most = document.get("nodes"), service.settings.api.nodes
    if isinstance(nodes, dict) and len(nodes) > most:
        raise GraphError(
            f"the graph has {len(nodes):,} nodes; the limit is {most:,}",
            hint="split it into several jobs",
            code="too_many_nodes",
        )
    return parse(document, artifacts=service.readable(document, owner), settings=service.settings)


def profile_of(service: Service, work: Work, owner: str) -> Profile | None:
    """The profile that the work names. Raises `NotFoundError`."""
    return None if work.profile is None else service.profiles.get(work.profile, owner)


async def planned(service: Service, work: W, caller: Identity) -> tuple[W, Plan | None]:
    """The work with the graph of its prompt's plan in the prompt's place, and that plan; without a prompt, the work.

    Raises `InputError`, `GraphError`, `OutageError`.
    """
    if work.prompt is None:
        return work, None
    portrait = work.params.get("portrait")
    if (
        work.template
        or work.graph is not None
        or work.params.keys() - {"portrait"}
        or (work.profile and portrait is not None)
    ):
        raise InputError(
            "a prompt says it all: besides it only a portrait or a profile may be given",
            hint='as in {"prompt": "how bees make honey, 20 seconds", "params": {"portrait": "sha256:..."}}',
            code="bad_request_fields",
        )
    profile = await asyncio.to_thread(profile_of, service, work, caller.owner)
    if profile is not None:
        profile.agreed()
        face = profile.newest("portrait")
        portrait = face.artifact if face else None
    named = [*service.stock, *([] if portrait is None else [portrait])]
    readable = await asyncio.to_thread(service.readable, named, caller.owner)  # puts the stock into the store, too
    if portrait is not None and portrait not in readable:
        raise InputError(
            f"the portrait {portrait!r} is no artifact of yours",
            hint="upload it first: POST /v1/uploads",
            code="bad_portrait",
        )
    plan = await service.backend.plan(work.prompt, portrait)
    if profile is not None:
        plan = _with(plan, profile)
    return work.model_copy(update={"prompt": None, "params": {}, "graph": plan.graph()}), plan


def _with(plan: Plan, profile: Profile) -> Plan:
    """The plan with the person of the profile. Raises `InputError`."""
    asked = {name: value for name, value in plan.params.items() if name != "portrait"}
    params = cast(plan.template, asked, profile)
    theirs = {name: Reason(by="spinbot", why=f"profile {profile.name}") for name in params.keys() - asked.keys()}
    return plan.model_copy(update={"params": params, "reasons": plan.reasons | theirs})


def store(
    service: Service,
    request: JobRequest,
    caller: Identity,
    *,
    idempotency_key: str | None = None,
    asked: Any = None,
    plan: Plan | None = None,
) -> JobSummary:
    """Check the request and store its job; the job as stored. Raises `InputError`, `GraphError`, `StorageError`.

    `asked` is what makes a request the same as another with its idempotency key; `plan` goes into the first event.
    """
    if request.webhook is not None:
        check_webhook(request.webhook, service.settings)
    profile = profile_of(service, request, caller.owner)
    graph = checked(service, document_of(request, profile), caller.owner)
    _check_scope(graph, caller)
    service.quota.take(caller.owner)
    job = service.jobs.create(
        graph.name,
        graph.to_json(),
        priority=request.priority,
        owner=caller.owner,
        idempotency_key=idempotency_key,
        request=asked,
        told={} if plan is None else {"plan": plan.model_dump(mode="json")},
        webhook=request.webhook,
        profile=None if profile is None else profile.id,
        key=caller.key_id or None,
    )
    return service.jobs.summary(job)


async def submit(
    service: Service, request: JobRequest, caller: Identity, idempotency_key: str | None = None
) -> JobSummary:
    """Plan a prompt, `store` the job off the event loop; then whoever runs jobs hears of it."""
    asked = None
    if idempotency_key is not None:
        asked = request.model_dump()
        known = asyncio.to_thread(service.jobs.repeated, caller.owner, idempotency_key, asked)
        if again := await known:
            return await service.summary(again, caller)
    request, plan = await planned(service, request, caller)

    def keep() -> tuple[JobSummary, list[Event]]:
        job = store(service, request, caller, idempotency_key=idempotency_key, asked=asked, plan=plan)
        return job, service.queued_events(job.id)

    job, queued = await asyncio.to_thread(keep)
    await service.backend.tell(queued)
    await service.backend.wake()
    return job


def _check_scope(graph: Graph, caller: Identity) -> None:
    """Raises `InputError` where a node changes the installation and the caller may not."""
    for name, spec in graph.nodes.items():
        if NODES[spec.type].admin and not caller.may("admin"):
            raise InputError(
                f"the node {name!r} is a {spec.type}, which needs the scope admin",
                hint="make a key with: spinbot keys create NAME --scope admin",
                code="missing_scope",
            )


def check_webhook(url: str, settings: Settings) -> None:
    """Raises `InputError` for a URL that is none, or leads to a host that is not configured."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    if host is None:
        raise InputError(f"{url[:100]!r} is no web address", hint="give https://host/path", code="bad_webhook")
    if host not in settings.webhook_hosts:
        raise InputError(
            f"webhooks may not go to {host}", hint="name the host in SPINBOT_WEBHOOK_HOSTS", code="bad_webhook"
        )
