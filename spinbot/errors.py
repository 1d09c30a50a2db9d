"""Every error that spinbot raises on purpose, with the exit code the command line gives it.

    SpinbotError                 1   base: something went wrong, and the message says what
    |-- InputError               2   what the user gave cannot be used: text, portrait, option
    |-- GraphError               2   a graph does not pass the checks; `details` lists every fault at once
    |-- NotFoundError            3   no such job, artifact, voice or model
    |-- ModelError               4   weights are missing, damaged or cannot be downloaded
    |-- StorageError             5   the disk is full or a path cannot be written
    |   `-- OutageError          5   the server of a store does not answer; it may be back soon
    |-- NodeError                6   a node of a job failed while running
    |-- HostLostError            6   the process under a node died, again and again
    |-- NodeTimeoutError         6   a node took longer than its `timeout_s`
    |-- LeaseLostError           1   another runner has taken the job over
    `-- CancelledError         130   the user stopped it (128 + SIGINT, as shells report it)

An error is one line of cause and one line of remedy. It crosses process borders as `to_dict()`: it
pickles, it is stored with the job, and the API sends it, so a cause is never thrown away on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class SpinbotError(Exception):
    """Base of all errors.

    `message` states the cause in one line, `hint` the remedy in one line, `code` is a stable
    identifier in snake_case that programs may rely on, `details` holds one entry per fault where there are
    several.
    """

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "error"
    transient: ClassVar[bool] = False
    """Whether trying again may help: then a node is retried as its graph says."""

    def __init__(self, message: str, *, hint: str = "", code: str = "", details: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.details = list(details)

    def to_dict(self) -> dict[str, Any]:
        """JSON form: `{"error", "code", "message", "hint", "details"}`; `error` is the class name."""
        return {
            "error": type(self).__name__,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> SpinbotError:
        """The inverse of `to_dict`; an unknown class becomes a plain `SpinbotError`."""
        bases = SpinbotError.__subclasses__()
        kinds = {kind.__name__: kind for base in bases for kind in (base, *base.__subclasses__())}
        kind = kinds.get(data.get("error", ""), SpinbotError)
        return kind(
            data["message"], hint=data.get("hint", ""), code=data.get("code", ""), details=data.get("details", ())
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return SpinbotError.from_dict, (self.to_dict(),)

    def __str__(self) -> str:
        return self.message


class InputError(SpinbotError):
    """What the user gave cannot be used."""

    exit_code = 2
    default_code = "bad_input"


class GraphError(SpinbotError):
    """A graph does not pass the checks. The message names every fault, one a line."""

    exit_code = 2
    default_code = "bad_graph"


class NotFoundError(SpinbotError):
    """No such job, artifact, voice or model."""

    exit_code = 3
    default_code = "not_found"


class ModelError(SpinbotError):
    """Weights are missing, damaged or cannot be downloaded."""

    exit_code = 4
    default_code = "model_unavailable"


class StorageError(SpinbotError):
    """The disk is full or a path cannot be written."""

    exit_code = 5
    default_code = "storage"


class OutageError(StorageError):
    """The server of a store does not answer; it may be back soon."""

    default_code = "outage"
    transient = True


class NodeError(SpinbotError):
    """A node of a job failed while running."""

    exit_code = 6
    default_code = "node_failed"


class HostLostError(SpinbotError):
    """The process of a host died during a call. Not the call's fault: it may run again."""

    exit_code = 6
    default_code = "host_lost"


class NodeTimeoutError(SpinbotError):
    """A node took longer than its `timeout_s`."""

    exit_code = 6
    default_code = "timeout"
    transient = True


class LeaseLostError(SpinbotError):
    """Another runner has taken the job over; what this one still knows of it is out of date."""

    default_code = "lease_lost"


class CancelledError(SpinbotError):
    """The user stopped it."""

    exit_code = 130
    default_code = "cancelled"
