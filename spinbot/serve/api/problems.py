"""What an error looks like on the wire: problem details (RFC 9457) with a stable `code`; and which status it has.

The routes that speak OpenAI's protocol answer in its shape, since its clients read no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from spinbot.errors import (
    CancelledError,
    GraphError,
    HostLostError,
    InputError,
    LeaseLostError,
    ModelError,
    NodeError,
    NodeTimeoutError,
    NotFoundError,
    SpinbotError,
    StorageError,
)

MEDIA_TYPE = "application/problem+json"
LONGEST_DETAIL = 2000
"""Characters: a graph may have 10,000 faults, which stand in `details`."""

OPENAI = ("/v1/audio/", "/v1/images/", "/v1/chat/", "/v1/videos")
"""Paths with OpenAI's shape of errors."""

STATUS_OF_CLASS: dict[type[SpinbotError], int] = {
    InputError: 422,
    GraphError: 422,
    NotFoundError: 404,
    LeaseLostError: 409,
    CancelledError: 409,
    ModelError: 503,
    StorageError: 503,
    HostLostError: 503,
    NodeTimeoutError: 504,
    NodeError: 500,
}
STATUS_OF_CODE = {
    "bad_json": 400,
    "bad_form": 400,
    "bad_host": 400,
    "no_key": 401,
    "bad_key": 401,
    "missing_scope": 403,
    "bad_origin": 403,
    "no_route": 404,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "job_ended": 409,
    "job_running": 409,
    "name_taken": 409,
    "wrong_state": 409,
    "idempotency_conflict": 409,
    "body_too_large": 413,
    "upload_too_large": 413,
    "picture_file_too_large": 413,
    "unsupported_media_type": 415,
    "unsupported_file": 415,
    "bad_range": 416,
    "rate_limited": 429,
    "queue_full": 429,
    "no_bucket": 501,
    "disk_full": 507,
}


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always about:blank: `code` says which problem it is")
    title: str = Field(description="The status in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="The cause in one line")
    code: str = Field(description="Which problem it is, in snake_case; programs may rely on it")
    hint: str = Field(default="", description="What to do about it, in one line")
    details: list[dict[str, Any]] = Field(
        default=[], description="One entry for each fault, where there may be several"
    )


def status_of(error: SpinbotError) -> int:
    """The HTTP status of an error."""
    by_class = next((status for kind, status in STATUS_OF_CLASS.items() if isinstance(error, kind)), 500)
    return STATUS_OF_CODE.get(error.code, by_class)


def problem_of(error: SpinbotError) -> Problem:
    """An error as problem details."""
    status = status_of(error)
    detail = error.message
    if len(detail) > LONGEST_DETAIL:
        detail = detail[:LONGEST_DETAIL] + " ..."
    return Problem(
        title=phrase(status),
        status=status,
        detail=detail,
        code=error.code,
        hint=error.hint,
        details=[{name: value for name, value in fault.items() if name != "log_tail"} for fault in error.details],
    )


def validation_error(faults: Iterable[Mapping[str, Any]], what: str, *, skip: int = 0) -> InputError:
    """The error for what pydantic refused: every fault with its field, the first `skip` parts of its place left out."""
    details = [
        {
            "code": "unknown_field" if fault["type"] == "extra_forbidden" else "bad_value",
            "node": "",
            "field": ".".join(str(part) for part in fault["loc"][skip:]),
            "message": str(fault["msg"]),
            "hint": "" if fault["type"] == "missing" else f"got {fault.get('input')!r}"[:120],
        }
        for fault in faults
    ]
    lines = [": ".join(part for part in (fault["field"], fault["message"]) if part) for fault in details]
    return InputError(f"{what}: {'; '.join(lines)}", hint="see /docs", code="bad_request_fields", details=details)


def of_pydantic(error: ValidationError, what: str) -> InputError:
    """The same for a model's own exception."""
    return validation_error(error.errors(include_url=False, include_context=False), what)


def response(error: SpinbotError, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request on `path` that failed."""
    problem = problem_of(error)
    extra = dict(headers or {})
    if problem.status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    if problem.status in (408, 413):  # the rest of the body is not wanted
        extra["Connection"] = "close"
    if problem.status == 503:
        extra.setdefault("Retry-After", "5")
    if path.startswith(OPENAI):
        return Response(_openai(problem), problem.status, extra, "application/json")
    return Response(problem.model_dump_json(), problem.status, extra, MEDIA_TYPE)


def phrase(status: int) -> str:
    """The status in words."""
    return HTTPStatus(status).phrase


class OpenAiError(BaseModel):
    """OpenAI's error."""

    message: str
    type: str
    code: str | None
    param: str | None


class OpenAiFailure(BaseModel):
    """What OpenAI's routes answer when they fail."""

    error: OpenAiError


def _openai(problem: Problem) -> str:
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(problem.status, "server_error" if problem.status >= 500 else "invalid_request_error")
    fields = [str(fault["field"]) for fault in problem.details if fault.get("field")]
    message = f"{problem.detail} ({problem.hint})" if problem.hint else problem.detail
    error = OpenAiError(message=message, type=kind, code=problem.code, param=fields[0] if fields else None)
    return json.dumps({"error": error.model_dump()}, ensure_ascii=True)
