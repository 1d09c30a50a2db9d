"""The node of events.py: says what time it is."""

from __future__ import annotations

import time

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.values import Value


class Count(Value):
    value: int


@node("bench_clock")
class Clock(Node):
    """Note the time, again and again."""

    ticks: int = Field(ge=1)
    every_s: float = Field(ge=0)
    begin: str = Field(description="A file; the node waits until it is there")

    class Outputs(Ports):
        """How often it did."""

        count: Count

    def run(self, context: CallContext) -> Outputs:
        from pathlib import Path

        while not Path(self.begin).exists():
            time.sleep(0.05)
        for _ in range(self.ticks):
            time.sleep(self.every_s)
            context.note(f"{time.time():.6f}")
        return self.Outputs(count=Count(value=self.ticks))
