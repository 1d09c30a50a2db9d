"""What travels between the runner and a host: a call, and the messages that answer it.

Both pickle, hold no open resource and no path of one machine, so they cross any process border.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

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
    checkpoint: dict[str, Any] | None = None
    """What an earlier attempt saved."""


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
class Partial:
    """The next piece of a text that the call is writing."""

    text: str


@dataclass(frozen=True)
class Figured:
    """Named numbers of the call after a step of its work, for curves that grow while it runs."""

    step: int
    figures: dict[str, float]


Shown = Literal["image", "audio"]
"""What people can look at or listen to."""


@dataclass(frozen=True)
class Previewed:
    """An artifact to show while the call runs, and after which step it was made, where there are steps."""

    artifact: str
    kind: Shown
    caption: str
    step: int | None


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
class Saved:
    """How far the call came, in its own words: what a later attempt gets as `Call.checkpoint`."""

    state: dict[str, Any]


Message = Progressed | Noted | Partial | Figured | Previewed | ModelLoading | ModelLoaded | ModelEvicted | Saved
"""What a call says while it runs."""


@dataclass(frozen=True)
class Span:
    """A part of a call's time that is not computing: `load tts/kokoro`, `fetch sha256:...`. Epoch seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Answer:
    """How a call ended: `result`, or `error` in the form of `SpinbotError.to_dict` with the traceback's last lines."""

    call: str
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    log_tail: list[str]
    host: str
    started: float
    ended: float
    spans: list[Span]

    def times(self) -> dict[str, Any]:
        """Where and when it ran, as JSON, for the trace."""
        spans = [vars(span) for span in self.spans]
        return {"host": self.host, "begun": self.started, "ended": self.ended, "spans": spans}


@dataclass(frozen=True)
class NotBegun:
    """A call that was taken back before it began, or was not ready; it may run elsewhere, or later."""


class NotReadyError(Exception):
    """Raised by a call's function: what it needs of the calls sent with it did not come, so it has not begun."""


Say = Callable[[Message], None]
"""Takes the messages of one call."""

Said = Message | Answer | NotBegun
"""What comes back of a call."""

Hear = Callable[[str, Said], None]
"""`hear(call id, what was said)`: a call's messages in order, then its answer, or that it has not begun."""
