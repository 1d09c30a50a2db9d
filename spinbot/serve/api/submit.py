"""From a request to a stored job: the document, its checks, and the one transaction that makes it a job."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from spinbot.config import Settings
from spinbot.errors import GraphError, InputError
from spinbot.graphs.check import parse, suggest
from spinbot.graphs.graph import Graph
from spinbot.graphs.templates import TEMPLATES
from spinbot.serve.api.problems import of_pydantic
from spinbot.serve.api.schemas import JobRequest, Work
from spinbot.serve.api.service import Service
from spinbot.store.keys import Identity


def document_of(work: Work) -> dict[str, Any]:
    """The graph document that is asked for. Raises `InputError`."""
    if (work.template is None) == (work.graph is None):
        raise InputError(
            "give either a template or a graph",
            hint='as in {"template": "voice_over", "params": {"script": "Hello."}}',
            code="bad_request_fields",
        )
    if work.graph is not None:
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
    try:
        return TEMPLATES[work.template].model_validate(work.params).graph()
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


def store(service: Service, request: JobRequest, caller: Identity, idempotency_key: str | None = None) -> str:
    """Check the request and store its job; the job's id. Raises `InputError`, `GraphError`, `StorageError`."""
    asked = request.model_dump()
    if idempotency_key is not None and (again := service.jobs.repeated(caller.owner, idempotency_key, asked)):
        return again
    if request.webhook is not None:
        check_webhook(request.webhook, service.settings)
    graph = checked(service, document_of(request), caller.owner)
    return service.jobs.create(
        graph.name,
        graph.to_json(),
        priority=request.priority,
        owner=caller.owner,
        idempotency_key=idempotency_key,
        request=asked,
        webhook=request.webhook,
    )


async def submit(service: Service, request: JobRequest, caller: Identity, idempotency_key: str | None = None) -> str:
    """`store`, off the event loop; then whoever runs jobs hears of it."""
    job = await asyncio.to_thread(store, service, request, caller, idempotency_key)
    await service.backend.wake()
    return job


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
