"""What a machine has, and how much of it is in use: as its system measures it, or as whoever places work counts it."""

from __future__ import annotations

import socket
import time
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict, Field

from spinbot.actors.memory import cuda_devices
from spinbot.config import cores

LEAST_S = 0.5
"""Seconds between two looks at the processors: their times are counted in hundredths of a second."""


class Usage(BaseModel):
    """How much there is of something, and how much of that is in use."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    total: float
    used: float | None = Field(default=None, description="Null where nobody tells")


class Machine(BaseModel):
    """One machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    address: str
    alive: bool
    measured: bool = Field(
        description="Whether processors and memory are what its system measures; else what Ray has reserved of them: "
        "on a machine without a host nobody measures"
    )
    cpus: Usage
    gpus: Usage = Field(description="Those that Ray has reserved are in use")
    cuda: list[dict[str, Any]] = Field(
        default=[], description="Name, memory_bytes and free_bytes of each GPU that a host of the machine uses"
    )
    memory: Usage = Field(description="Bytes")
    object_store: Usage | None = Field(default=None, description="Bytes; null without Ray")

    def with_measured(self, system: dict[str, Any], cuda: list[dict[str, Any]]) -> Machine:
        """The machine as one of its processes sees it: what `Meter.read` answered there, and its GPUs."""
        share = system["cpu_share"]
        cpus = Usage(total=self.cpus.total, used=None if share is None else round(share * self.cpus.total, 2))
        memory = Usage(total=system["memory_bytes"], used=system["memory_used_bytes"])
        return self.model_copy(update={"measured": True, "cpus": cpus, "memory": memory, "cuda": cuda or self.cuda})


class Cluster(BaseModel):
    """The machines that jobs may run on, and Ray's own page about them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    machines: list[Machine]
    dashboard: str | None = Field(default=None, description="URL of Ray's dashboard, where it runs")


class Meter:
    """Measures this machine: its processors between one look and the next, its memory at the moment."""

    def __init__(self) -> None:
        self._looked, self._times = time.monotonic(), psutil.cpu_times()
        self._share: float | None = None

    def read(self) -> dict[str, Any]:
        """As JSON: `cpu_share` of all processors that was busy (0 to 1; None: too soon to tell), bytes of memory."""
        now = time.monotonic()
        if now - self._looked >= LEAST_S:
            times = psutil.cpu_times()
            passed = [after - before for after, before in zip(times, self._times, strict=True)]
            idle = times.idle - self._times.idle + getattr(times, "iowait", 0.0) - getattr(self._times, "iowait", 0.0)
            whole = sum(passed)
            self._share = min(1.0, max(0.0, 1 - idle / whole)) if whole > 0 else self._share
            self._looked, self._times = now, times
        memory = psutil.virtual_memory()
        used = memory.total - memory.available
        return {"cpu_share": self._share, "memory_bytes": memory.total, "memory_used_bytes": used}


def this_machine(meter: Meter) -> Machine:
    """The machine of this process, without Ray."""
    cuda = cuda_devices()
    known = Machine(
        name=socket.gethostname(),
        address="127.0.0.1",
        alive=True,
        measured=False,
        cpus=Usage(total=cores()),
        gpus=Usage(total=len(cuda)),
        memory=Usage(total=0),
    )
    return known.with_measured(meter.read(), cuda)
