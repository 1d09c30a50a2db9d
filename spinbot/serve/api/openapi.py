"""The OpenAPI document: what FastAPI writes, with the problems that any route may answer and the key it may want."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from spinbot import __version__
from spinbot.serve.api.problems import MEDIA_TYPE, OPENAI, OpenAiFailure, Problem, phrase

DESCRIPTION = """Jobs, their events and files, models and voices of one spinbot installation.

Every error is a problem (RFC 9457) with a stable `code` and a `hint`; the routes that speak OpenAI's protocol answer
errors in OpenAI's shape."""

READING = (400, 401, 403, 404, 422, 429, 503)
WRITING = (*READING, 408, 409, 413, 415, 507)
OPEN = ("/health/",)
_METHODS = ("get", "head", "post", "put", "delete", "patch")


def describe(app: FastAPI, *, keys: bool) -> dict[str, Any]:
    """The document; `keys`: whether a key is required."""
    document = get_openapi(title="spinbot", version=__version__, description=DESCRIPTION, routes=app.routes)
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for kind in (Problem, OpenAiFailure):
        schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[kind.__name__] = schema
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _add_problems(path, method, operation)
                if keys and not path.startswith(OPEN):
                    operation["security"] = [{"key": []}]
    if keys:
        parts["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "A key that `spinbot keys create` has made"}
        }
    return document


def _add_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    openai = path.startswith(OPENAI)
    name, media_type = ("OpenAiFailure", "application/json") if openai else ("Problem", MEDIA_TYPE)
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    answers = operation["responses"]
    answers.pop("422", None)  # FastAPI's own shape, which is not sent
    if path.startswith(OPEN):
        return
    for status in READING if method in ("get", "head") else WRITING:
        answers.setdefault(str(status), {"description": phrase(status), "content": content})
    for status, answer in answers.items():
        if int(status) >= 400:
            answer["content"] = content
