"""What the service says of the machines behind it, as typed objects."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from spinbot.client.models import Answer


class Usage(Answer):
    """How much there is of something, and how much of that is in use."""

    total: float
    used: float | None = None
    """None where nobody tells."""


class Machine(Answer):
    """One machine."""

    name: str
    address: str
    alive: bool
    measured: bool
    """Whether processors and memory are what its system measures; else what Ray has reserved of them."""
    cpus: Usage
    gpus: Usage
    """Those that Ray has reserved are in use."""
    cuda: list[dict[str, Any]] = Field(default=[])
    """`name`, `memory_bytes` and `free_bytes` of each GPU that a host of the machine uses."""
    memory: Usage
    """Bytes."""
    object_store: Usage | None = None
    """Bytes; None without Ray."""


class Cluster(Answer):
    """The machines, and where else to look."""

    machines: list[Machine]
    links: dict[str, str | None]
    """`dashboard`: Ray's; `grafana`."""
    silent: list[str] = Field(default=[])
    """What did not answer in time."""
