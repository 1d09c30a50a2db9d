"""What travels between the runner and a host: a call, and the messages that answer it.

Both pickle, hold no open resource and no path of one machine, so they cross any process border.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinbot.actors.host import CallContext


@dataclass(frozen=True)
class Call:
    """Run `function(context, payload)` where engines are loaded. `function` is at module level."""

    id: str
    function: Callable[[CallContext, Any], dict[str, Any]]
    payload: Any
    engines: Mapping[str, str]
    """Which engine fills each slot that the function may ask for."""


@dataclass(frozen=True)
class Progressed:
    """`fraction` in 0..1 of the call is done."""

    fraction: float
    message: str


@dataclass(frozen=True)
class Noted:
    """Something worth a line in the job's log."""

    message: str


@dataclass(frozen=True)
class ModelLoading:
    """An engine is being brought into memory; `fraction` in 0..1."""

    slot: str
    engine: str
    fraction: float
    message: str


@dataclass(frozen=True)
class ModelLoaded:
    """An engine is resident: how long that took and how many bytes of memory it grew by."""

    slot: str
    engine: str
    seconds: float
    bytes: int


@dataclass(frozen=True)
class ModelEvicted:
    """An engine had to make room."""

    slot: str
    engine: str
    bytes: int


@dataclass(frozen=True)
class Finished:
    """The call's answer; nothing follows it."""

    result: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """The call's error in the form of `SpinbotError.to_dict`, with the traceback's last lines; nothing follows."""

    error: dict[str, Any]
    log_tail: list[str]


Message = Progressed | Noted | ModelLoading | ModelLoaded | ModelEvicted | Finished | Failed
