"""What both ends of a line agree on: where it begins, and how a frame looks.

A frame is the length of its body in four bytes, big-endian, and the body, pickled. The runner sends `Run`, `Stop`,
`TakeBack`, `Hold` and `Ping`; the host sends lists of `(call id, Said)`, an empty one for a ping. A line begins with
the secret of the host, which the runner has from Ray; whoever does not know it is hung up on before anything that it
sent is unpickled. Lines to the hub (serve/hub.py) begin in the same way, and their frames look the same.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, NamedTuple

from spinbot.actors.call import Call

HEAD = 4
SECRET = 32


class Door(NamedTuple):
    """Where lines are taken."""

    address: str
    port: int
    secret: bytes


@dataclass(frozen=True)
class Run:
    """Run these calls, one after another."""

    calls: list[Call]


@dataclass(frozen=True)
class Stop:
    """Stop a call at its next step."""

    call: str


@dataclass(frozen=True)
class TakeBack:
    """Do not begin these calls any more; say which have not."""

    calls: list[str]


@dataclass(frozen=True)
class Hold:
    """Let calls rest at their next step, or go on."""

    held: bool


@dataclass(frozen=True)
class Ping:
    """Say that you live."""


def pack(body: Any) -> bytes:
    """A frame."""
    pickled = pickle.dumps(body, protocol=pickle.HIGHEST_PROTOCOL)
    return len(pickled).to_bytes(HEAD, "big") + pickled


def unpack(frame: bytes) -> Any:
    """The body of a frame. Only for frames of a sender that knew the secret."""
    return pickle.loads(memoryview(frame)[HEAD:])


def take_frames(buffer: bytearray) -> list[bytes]:
    """Take the frames that have arrived in full out of what has arrived."""
    frames, begin, arrived = [], 0, memoryview(buffer)
    while begin + HEAD <= len(arrived):
        end = begin + HEAD + int.from_bytes(arrived[begin : begin + HEAD], "big")
        if end > len(arrived):
            break
        frames.append(bytes(arrived[begin:end]))
        begin = end
    arrived.release()  # nobody may look while it shrinks
    del buffer[:begin]
    return frames
