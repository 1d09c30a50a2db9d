"""What the service refuses, as spinbot's errors: problem details (RFC 9457), or OpenAI's shape on OpenAI's routes."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from spinbot.errors import (
    GraphError,
    InputError,
    ModelError,
    NodeTimeoutError,
    NotFoundError,
    SpinbotError,
    StorageError,
)

OF_CODE: dict[str, type[SpinbotError]] = {kind.default_code: kind for kind in SpinbotError.__subclasses__()} | {
    "too_many_nodes": GraphError,
    "disk_full": StorageError,
    "not_writable": StorageError,
    "internal": SpinbotError,
}
OF_STATUS: dict[int, type[SpinbotError]] = {
    404: NotFoundError,
    503: ModelError,
    504: NodeTimeoutError,
    507: StorageError,
}


def error_of(status: int, body: bytes) -> SpinbotError:
    """The error of an answer with a status of 400 and above."""
    said = _read(body)
    if "message" in said:  # OpenAI's shape has class and hint in the message
        said = {"detail": said["message"], "code": said.get("code")}
    code = str(said.get("code") or f"http_{status}")
    named = {kind.__name__: kind for kind in SpinbotError.__subclasses__()}.get(str(said.get("error")))
    message = said.get("detail") or f"the service answered {status} {_phrase(status)}"
    return (named or OF_CODE.get(code) or _by_status(status))(
        str(message), hint=str(said.get("hint") or ""), code=code, details=said.get("details") or ()
    )


def unreachable(url: str, error: Exception) -> SpinbotError:
    """The error for a service that cannot be reached, or went away."""
    cause = str(error) or type(error).__name__
    return SpinbotError(
        f"the service at {url} does not answer: {cause}",
        hint="start one with: spinbot up; or name another: --server URL, SPINBOT_SERVER",
        code="unreachable",
    )


def _by_status(status: int) -> type[SpinbotError]:
    return OF_STATUS.get(status, InputError if status < 500 else SpinbotError)


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:  # a proxy's page
        return {}
    if not isinstance(said, dict):
        return {}
    inner = said.get("error")
    return inner if isinstance(inner, dict) else said


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "")
